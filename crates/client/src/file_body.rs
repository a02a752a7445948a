//! A file as the body of a request, read while it is sent.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;

/// What is read at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that are read before they are sent.
const AHEAD: usize = 4;

/// Told how many bytes have gone.
pub(crate) type Sent = Box<dyn FnMut(u64) + Send>;

/// The first `length` bytes of a file. One that has become shorter breaks the request off.
pub(crate) struct FileBody {
    chunks: Receiver<io::Result<Bytes>>,
    length: u64,
    gone: u64,
    sent: Sent,
}

impl FileBody {
    pub(crate) fn new(file: File, length: u64, sent: Sent) -> Self {
        let (sender, chunks) = channel(AHEAD);
        spawn_blocking(move || {
            let mut file = file.take(length);
            loop {
                let chunk = next(&mut file);
                let is_last = !matches!(&chunk, Ok(chunk) if !chunk.is_empty());
                // Who takes no more has given the request up.
                if sender.blocking_send(chunk).is_err() || is_last {
                    return;
                }
            }
        });
        Self {
            chunks,
            length,
            gone: 0,
            sent,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        self.chunks.poll_recv(context).map(|chunk| {
            let chunk = chunk.unwrap_or_else(|| Ok(Bytes::new()));
            Some(chunk.and_then(|chunk| {
                if chunk.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let this = &mut *self;
                this.gone += chunk.len() as u64;
                (this.sent)(this.gone);
                Ok(Frame::data(chunk))
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.gone >= self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.gone)
    }
}

fn next(file: &mut io::Take<File>) -> io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    file.by_ref()
        .take(CHUNK_BYTES as u64)
        .read_to_end(&mut chunk)?;
    Ok(chunk.into())
}
