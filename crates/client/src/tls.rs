//! TLS to a server: the roots of the platform, or those that are given instead.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why a text is no list of certificates of authorities.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRoots {
    /// Not one certificate.
    #[error("there is no certificate in it")]
    Empty,
    /// Not PEM.
    #[error("it is not PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// Not of an authority.
    #[error("certificate number {number} is not one of an authority")]
    Certificate {
        /// Which one, from 1 on.
        number: usize,
        /// Why not.
        source: rustls::Error,
    },
}

/// What connections over TLS need. Where roots are given these alone are trusted: who names the authority of a server
/// of its own does not mean all others, too.
pub(crate) fn settings(pem: Option<&[u8]>) -> Result<ClientConfig, InvalidRoots> {
    let roots = match pem {
        Some(pem) => given(pem)?,
        None => of_the_platform(),
    };
    let provider = Arc::new(ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(
        clippy::expect_used,
        reason = "the provider of rustls itself has suites for the versions of rustls itself"
    )]
    let builder = versions.expect("ring has suites for TLS 1.2 and 1.3");
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn given(pem: &[u8]) -> Result<RootCertStore, InvalidRoots> {
    let mut roots = RootCertStore::empty();
    for (at, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let number = at + 1;
        roots
            .add(certificate.map_err(InvalidRoots::Pem)?)
            .map_err(|source| InvalidRoots::Certificate { number, source })?;
    }
    if roots.is_empty() {
        return Err(InvalidRoots::Empty);
    }
    Ok(roots)
}

/// A platform may have roots that rustls does not take; the others count.
fn of_the_platform() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
