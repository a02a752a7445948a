//! Taking connections: so many and no more, each in a task of its own.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::connection::Speaking;
use crate::gate::{Full, Gate};
use crate::peer::Peer;
use crate::tls::Tls;

/// When there are no more file descriptors, one has to be given back before it is worth trying again.
const BREATH: Duration = Duration::from_millis(100);
/// Connections that are told why they are refused, at the same time. More are closed without a word.
const REFUSALS: usize = 32;
/// How long such a one may take to read that.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Takes connections until it is dropped, and gives each a task of `tasks`.
pub(crate) async fn accept(
    listener: &TcpListener,
    gate: &Gate,
    tls: Option<&Tls>,
    speaking: &Speaking,
    tasks: &TaskTracker,
) {
    let refusals = TaskTracker::new();
    let mut is_failing = false;
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Of that connection, which is gone.
            Err(error) if is_of_peer(&error) => continue,
            Err(error) => {
                // Told once for each time that it begins: it may go on for long.
                if !is_failing {
                    tracing::warn!("no connections can be taken: {error}");
                }
                tracing::debug!("a connection cannot be taken: {error}");
                is_failing = true;
                sleep(BREATH).await;
                continue;
            }
        };
        is_failing = false;
        let peer = Peer::of(address.ip());
        let admitted = match gate.admit(peer) {
            Ok(admitted) => admitted,
            Err(full) => {
                tracing::debug!("a connection is refused: {full}");
                // Over TLS that would take a handshake, which is the work to be spared.
                if tls.is_none() && refusals.len() < REFUSALS {
                    refusals.spawn(timeout(REFUSAL_TIME, refuse(stream, full)));
                }
                continue;
            }
        };
        // An answer is written at once and as a whole: nothing is gained by holding its last part back.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection waits for acknowledgements: {error}");
        }
        let (speaking, tls) = (speaking.clone(), tls.cloned());
        tasks.spawn(async move {
            match tls {
                None => speaking.speak(stream, peer).await,
                Some(tls) => {
                    let shaking = timeout(speaking.patience.client, tls.accept(stream));
                    match speaking.cut.run_until_cancelled(shaking).await {
                        Some(Ok(Ok(stream))) => speaking.speak(stream, peer).await,
                        Some(Ok(Err(error))) => {
                            tracing::debug!("a handshake of TLS failed: {error}");
                        }
                        Some(Err(_)) | None => {
                            tracing::debug!("a handshake of TLS took too long");
                        }
                    }
                }
            }
            drop(admitted);
        });
    }
}

fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

/// Says why, and waits for the client to have read it: a connection that is closed with something unread is reset, and
/// what was said is lost.
async fn refuse(mut stream: TcpStream, full: Full) -> io::Result<()> {
    let body = format!(
        r#"{{"status":503,"code":"too_many_connections","title":"Service Unavailable","detail":"{full}","hint":"close connections that are not used, and try again"}}"#
    );
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
