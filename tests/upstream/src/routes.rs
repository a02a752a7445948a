//! Which path is answered how.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::body::{self, Body};
use crate::record::{Entry, Open};
use crate::upstream::Shared;
use crate::{broken, echo, github, redirect, s3, slack, slow};

/// A request, while it arrives.
pub(crate) struct Arriving {
    pub(crate) body: Incoming,
    pub(crate) entry: Entry,
}

pub(crate) async fn answer(
    shared: Arc<Shared>,
    open: Arc<Open>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let entry = shared.record.head(&head, &open);
    let mut arriving = Arriving { body, entry };
    let path: Vec<_> = head.uri.path().split('/').skip(1).collect();
    let answer = match path.as_slice() {
        ["mirror"] => return Ok(echo::mirror(arriving)),
        ["early"] => return Ok(status(StatusCode::PAYLOAD_TOO_LARGE)),
        ["slow", "read", pause] => {
            slow::reading(&mut arriving, number(pause)).await;
            echo::count(&arriving)
        }
        ["slow", rest @ ..] => {
            arriving.read().await;
            slow::answer(rest).await
        }
        rest => {
            arriving.read().await;
            at_once(&shared, &arriving, rest)
        }
    };
    Ok(answer)
}

/// What is answered at once, when the whole request is here.
fn at_once(shared: &Shared, arriving: &Arriving, path: &[&str]) -> Response<Body> {
    let received = arriving.entry.so_far();
    if received.method == "PUT" && received.host.contains(".s3.") {
        return s3::put(&received, &shared.accounts.s3);
    }
    match path {
        ["echo"] => echo::echo(&received, None),
        ["echo", coding] => echo::echo(&received, Some(coding)),
        ["answer"] => echo::asked_for(&received),
        ["count"] => echo::count(arriving),
        ["bytes", length] => body::sized(number(length), received.query.as_deref()),
        ["redirect", status] => redirect::to(&received, status),
        ["loop", at] => redirect::onwards(number(at)),
        ["broken", rest @ ..] => broken::answer(rest),
        ["api", "chat.postMessage"] => slack::post_message(&received, &shared.accounts.slack_token),
        ["repos", owner, name, "issues"] => github::issues(&received, owner, name),
        _ => status(StatusCode::NOT_FOUND),
    }
}

pub(crate) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::whole(status.to_string()));
    *response.status_mut() = status;
    response
}

/// A number in a path.
pub(crate) fn number(text: &str) -> u64 {
    text.parse().expect("the path of a test has a number")
}

impl Arriving {
    /// Reads the body to its end, or as far as it comes.
    pub(crate) async fn read(&mut self) {
        while let Some(frame) = self.body.frame().await {
            let Ok(frame) = frame else { return };
            if let Some(piece) = frame.data_ref() {
                self.entry.add(piece);
            }
        }
        self.entry.complete();
    }
}
