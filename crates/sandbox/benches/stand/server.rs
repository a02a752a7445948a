//! A server that does next to nothing, so that what is measured is the client: HTTP/1.1 on 127.0.0.1, kept alive.

use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::bodies;

/// What is written at once, in bytes.
const PIECE_BYTES: usize = 256 << 10;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const END_OF_BODY: &[u8] = b"0\r\n\r\n";

/// What bodies are made of, again and again, each behind a name.
static BODIES: [(&str, LazyLock<Vec<u8>>); 5] = [
    ("bytes", LazyLock::new(|| vec![b'x'; PIECE_BYTES])),
    ("text", LazyLock::new(bodies::text)),
    ("json", LazyLock::new(bodies::json)),
    ("escaped", LazyLock::new(bodies::escaped)),
    ("random", LazyLock::new(bodies::random)),
];

/// Listens, in a thread of its own. `/` is answered at once, `/wait` after 50 ms, `/bytes/N` with N bytes, `/text/N`, `/json/N`,
/// `/escaped/N` and `/random/N` with as many of that kind; the body of a `PUT` is read to its end.
pub(crate) fn start() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream));
            }
        });
    });
    address
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        let read = stream.read(&mut buffer[length..]).await?;
        if read == 0 {
            return Ok(());
        }
        length += read;
        let Some(head) = buffer[..length].windows(4).position(|it| it == END_OF_HEAD) else {
            continue;
        };
        let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default();
        if text.starts_with("PUT") {
            read_body(&mut stream, &mut buffer, head + END_OF_HEAD.len(), length).await?;
        }
        length = 0;
        let asked = path[1..].split_once('/');
        if let Some((kind, count)) = asked {
            let body = BODIES.iter().find(|(name, _)| *name == kind).unwrap();
            send(&mut stream, &body.1, count.parse().unwrap()).await?;
            continue;
        }
        if path == "/wait" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stream.write_all(ANSWER).await?;
    }
}

/// Reads a chunked body to its end.
async fn read_body(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    from: usize,
    mut length: usize,
) -> io::Result<()> {
    let mut end = buffer[from..length].to_vec();
    while !end.ends_with(END_OF_BODY) {
        length = stream.read(buffer).await?;
        if length == 0 {
            return Ok(());
        }
        end.extend_from_slice(&buffer[length.saturating_sub(END_OF_BODY.len())..length]);
        end.drain(..end.len().saturating_sub(END_OF_BODY.len()));
    }
    Ok(())
}

async fn send(stream: &mut TcpStream, body: &[u8], count: usize) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {count}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut left = count;
    for piece in body.chunks(PIECE_BYTES).cycle() {
        let now = left.min(piece.len());
        stream.write_all(&piece[..now]).await?;
        left -= now;
        if left == 0 {
            return Ok(());
        }
    }
    Ok(())
}
