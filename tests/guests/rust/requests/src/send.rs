//! A request, as a step makes it with the crate `wstd`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lockstep_step::Failure;
use serde::{Deserialize, Serialize};
use wstd::future::FutureExt as _;
use wstd::http::body::{Bytes, Frame, HttpBody};
use wstd::http::{Body, BodyExt as _, Client, Error, Request, Response};
use wstd::runtime::block_on;

use crate::credentials::filled;

#[derive(Deserialize)]
pub(crate) struct Send {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Given,
    #[serde(default)]
    read: Read,
    connect_ms: Option<u64>,
    first_byte_ms: Option<u64>,
    between_bytes_ms: Option<u64>,
    /// Lets go of the request after so long.
    abort_ms: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Given {
    #[default]
    None,
    Text(String),
    /// So many pieces of so many bytes.
    Pieces(usize, usize),
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    #[default]
    Text,
    /// Only how long the body is.
    Length,
    /// Nothing of it.
    Head,
}

#[derive(Serialize)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    length: usize,
}

fn get() -> String {
    "GET".to_owned()
}

pub(crate) fn send(request: Send) -> Result<Answer, Failure> {
    block_on(answer(request))
}

pub(crate) fn all(requests: Vec<Send>) -> Result<Vec<Answer>, Failure> {
    block_on(async {
        let tasks: Vec<_> = requests
            .into_iter()
            .map(|request| wstd::runtime::spawn(answer(request)))
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await?);
        }
        Ok(answers)
    })
}

async fn answer(request: Send) -> Result<Answer, Failure> {
    let client = request.client();
    let (read, abort) = (request.read, request.abort_ms);
    let sending = async {
        let answer = client.send(request.into_http()?).await.map_err(failed)?;
        read.of(answer).await
    };
    match abort {
        None => sending.await,
        Some(abort) => {
            let late = sending
                .timeout(wstd::time::Duration::from_millis(abort))
                .await;
            late.map_err(|_| Failure::new("aborted"))?
        }
    }
}

/// The error of a request, with its causes.
fn failed(error: Error) -> Failure {
    Failure::new(format!("{error:#}"))
}

impl Send {
    fn client(&self) -> Client {
        let mut client = Client::new();
        if let Some(time) = self.connect_ms.map(Duration::from_millis) {
            client.set_connect_timeout(time);
        }
        if let Some(time) = self.first_byte_ms.map(Duration::from_millis) {
            client.set_first_byte_timeout(time);
        }
        if let Some(time) = self.between_bytes_ms.map(Duration::from_millis) {
            client.set_between_bytes_timeout(time);
        }
        client
    }

    fn into_http(self) -> Result<Request<Body>, Failure> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(filled(&self.url)?);
        for (name, value) in &self.headers {
            request = request.header(name, filled(value)?);
        }
        let body = match self.body {
            Given::None => Body::empty(),
            Given::Text(text) => filled(&text)?.into(),
            Given::Pieces(count, bytes) => {
                let pieces = (0..count).map(move |_| vec![b'x'; bytes]);
                Body::from_http_body(Pieces(pieces))
            }
        };
        Ok(request.body(body)?)
    }
}

/// A body whose pieces are there at once.
struct Pieces<I>(I);

impl<I: Iterator<Item = Vec<u8>> + Unpin> HttpBody for Pieces<I> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(self.0.next().map(|piece| Ok(Frame::data(piece.into()))))
    }
}

impl Read {
    async fn of(self, answer: Response<Body>) -> Result<Answer, Failure> {
        let (head, body) = answer.into_parts();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let mut answer = Answer {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: String::new(),
            length: 0,
        };
        match self {
            Self::Head => {}
            Self::Text => {
                let mut body = body;
                let bytes = body.contents().await.map_err(failed)?;
                answer.length = bytes.len();
                answer.body = text(bytes);
            }
            Self::Length => answer.length = length(body).await?,
        }
        Ok(answer)
    }
}

async fn length(body: Body) -> Result<usize, Failure> {
    let mut body = body.into_boxed_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(failed)?;
        length += frame.data_ref().map_or(0, |data| data.len());
    }
    Ok(length)
}
