//! Answers that no library would send: the bytes that the path has in hexadecimal.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::record::Open;
use crate::upstream::Shared;

pub(crate) async fn speak(mut stream: TcpStream, open: Open, shared: Arc<Shared>) {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let text = String::from_utf8_lossy(&read);
    let mut words = text.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let head = http::Request::builder().method(method).uri(path).body(());
    shared.record.head(&head.unwrap().into_parts().0, &open);
    // The client may have gone away.
    drop(stream.write_all(&bytes_of(&path[1..])).await);
    drop(stream.shutdown().await);
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap();
    hexadecimal.as_bytes().chunks(2).map(byte).collect()
}
