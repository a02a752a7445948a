//! TLS as a client: the roots of the platform, and those that the operator adds.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio::sync::OnceCell;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// What is offered to a server, best first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate that the operator added is none of an authority.
#[derive(Debug, thiserror::Error)]
#[error("certificate number {number} of the extra roots is not one of an authority")]
pub struct InvalidRoot {
    number: usize,
    source: rustls::Error,
}

/// What connections over TLS need. The roots of the platform are read when the first is made: a process may make none.
pub(super) struct Tls {
    extra: RootCertStore,
    client: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(extra: &[CertificateDer<'static>]) -> Result<Self, InvalidRoot> {
        let mut roots = RootCertStore::empty();
        for (at, root) in extra.iter().enumerate() {
            let number = at + 1;
            roots
                .add(root.clone())
                .map_err(|source| InvalidRoot { number, source })?;
        }
        Ok(Self {
            extra: roots,
            client: OnceCell::new(),
        })
    }

    /// The settings of all connections.
    pub(super) async fn client(&self) -> Arc<ClientConfig> {
        let made = self.client.get_or_init(|| async {
            let roots = self.extra.clone();
            let reading = tokio::task::spawn_blocking(move || client(with_native(roots)));
            // It is aborted with the runtime only, and then nobody waits.
            reading.await.unwrap_or_else(|_| client(self.extra.clone()))
        });
        Arc::clone(made.await)
    }
}

/// Adds the roots of the platform.
fn with_native(mut roots: RootCertStore) -> RootCertStore {
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!("some roots of the platform cannot be read: {error}");
    }
    // A platform may have roots that rustls does not take; the others count.
    let (_, ignored) = roots.add_parsable_certificates(native.certs);
    if ignored > 0 {
        tracing::debug!(ignored, "roots of the platform are not used");
    }
    roots
}

fn client(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(
        clippy::expect_used,
        reason = "the provider of rustls itself has suites for the versions of rustls itself"
    )]
    let builder = versions.expect("ring has suites for TLS 1.2 and 1.3");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Arc::new(config)
}
