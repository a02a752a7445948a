//! Answers that take their time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body_util::BodyExt as _;
use tokio::time::sleep;

use crate::body::{self, Body};
use crate::routes::{Arriving, number};

/// What a slow body is made of, in bytes.
const PIECE_BYTES: usize = 1 << 10;

pub(crate) async fn answer(path: &[&str]) -> Response<Body> {
    match path {
        ["head", pause] => {
            sleep(Duration::from_millis(number(pause))).await;
            Response::new(body::whole("late"))
        }
        ["pieces", count, pause] => {
            let pause = Duration::from_millis(number(pause));
            let count = number(count);
            Response::new(body::pieces(stream::unfold(0, move |at| async move {
                if at == count {
                    return None;
                }
                sleep(pause).await;
                Some((Ok(Bytes::from_static(&[b'.'; PIECE_BYTES])), at + 1))
            })))
        }
        ["never"] => std::future::pending().await,
        _ => unreachable!("not slow in this way: {path:?}"),
    }
}

/// Reads a body piece by piece, with a pause before each.
pub(crate) async fn reading(arriving: &mut Arriving, pause: u64) {
    loop {
        sleep(Duration::from_millis(pause)).await;
        match arriving.body.frame().await {
            None => return arriving.entry.complete(),
            Some(Err(_)) => return,
            Some(Ok(frame)) => {
                if let Some(piece) = frame.data_ref() {
                    arriving.entry.add(piece);
                }
            }
        }
    }
}
