//! A request of a guest, as the outlet takes it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Uri};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use url::Url;
use wasmtime_wasi_http::WasiBody;

use lockstep_step::RequestFault;

use super::Told;
use crate::egress::{EgressError, Outgoing, Redirects, RequestBody};

/// How long a body is waited for before what there is of it is sent.
const GATHERING: Duration = Duration::from_millis(100);
/// The same for a request that has no body as a rule: its end is all that comes.
const GATHERING_NONE: Duration = Duration::from_secs(1);
/// A body that is longer is sent as it comes, in bytes.
const GATHERED_BYTES: usize = 16 << 10;

pub(super) async fn outgoing(
    request: Request<WasiBody>,
    told: &Arc<Told>,
) -> Result<Outgoing, EgressError> {
    let (head, body) = request.into_parts();
    let has_none = [Method::GET, Method::HEAD, Method::OPTIONS, Method::DELETE];
    let patience = if has_none.contains(&head.method) {
        GATHERING_NONE
    } else {
        GATHERING
    };
    Ok(Outgoing {
        url: url(&head.uri)?,
        method: head.method,
        headers: head.headers,
        body: gather(body, patience, told).await?,
        redirects: Redirects::Manual,
        decodes: false,
    })
}

fn url(uri: &Uri) -> Result<Url, EgressError> {
    Url::parse(&uri.to_string()).map_err(|error| {
        let message = format!("the URL of the request cannot be read: {error}");
        EgressError::new(RequestFault::Protocol, message)
    })
}

/// A guest writes its body after it has handed the request over. One that is short and soon there is sent with its length,
/// and none as none: many servers refuse a `GET` with a body in pieces.
async fn gather(
    body: WasiBody,
    patience: Duration,
    told: &Arc<Told>,
) -> Result<RequestBody, EgressError> {
    if body.is_end_stream() {
        return Ok(RequestBody::None);
    }
    let mut body = Written {
        front: Bytes::new(),
        body,
        told: Arc::clone(told),
    };
    let mut gathered = BytesMut::new();
    let gathering = async {
        while gathered.len() < GATHERED_BYTES {
            match body.frame().await {
                None => return Ok(true),
                Some(frame) => gathered.extend_from_slice(&frame?.into_data().unwrap_or_default()),
            }
        }
        Ok(false)
    };
    let is_whole = timeout(patience, gathering).await.unwrap_or(Ok(false))?;
    let gathered = gathered.freeze();
    if !is_whole {
        body.front = gathered;
        return Ok(RequestBody::Stream(Some(body.boxed_unsync())));
    }
    Ok(if gathered.is_empty() {
        RequestBody::None
    } else {
        RequestBody::Whole(gathered)
    })
}

/// A body as a guest writes it. Trailers are not sent.
struct Written {
    /// What was gathered of it.
    front: Bytes,
    body: WasiBody,
    told: Arc<Told>,
}

impl Body for Written {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        let this = &mut *self;
        if !this.front.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.front)))));
        }
        loop {
            return match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Some(Ok(_))) => continue,
                Poll::Ready(None) if !this.told.is_over.load(Ordering::Acquire) => {
                    Poll::Ready(None)
                }
                // What was sent must not look like all of it.
                Poll::Ready(None | Some(Err(_))) => Poll::Ready(Some(Err(EgressError::new(
                    RequestFault::Aborted,
                    "the step let go of the request before its body was finished",
                )))),
            };
        }
    }
}
