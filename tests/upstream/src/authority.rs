//! The authority of the tests, and the certificates that it makes for each name that is asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::{self, sign};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

/// Who asks for no name asks for an address.
const WITHOUT_NAME: &str = "";

/// Makes certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// One that nobody trusts.
    stranger: CertifiedIssuer<'static, KeyPair>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self {
            issuer: issuer(),
            stranger: issuer(),
            made: Mutex::default(),
        }
    }

    /// The certificate to trust.
    pub(crate) fn root(&self) -> String {
        self.issuer.pem()
    }

    /// TLS as a server, with these protocols.
    pub(crate) fn server(self: Arc<Self>, protocols: &[&[u8]]) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(self);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config
    }

    fn certificate(&self, name: &str) -> Arc<CertifiedKey> {
        let mut made = self.made.lock().unwrap();
        let certificate = made
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(self.make(name)));
        Arc::clone(certificate)
    }

    /// Some names are shown a certificate that is not good for them.
    fn make(&self, name: &str) -> CertifiedKey {
        let names = match name {
            WITHOUT_NAME => vec!["127.0.0.1".to_owned(), "::1".to_owned()],
            "wrong-name.test" => vec!["other.test".to_owned()],
            name => vec![name.to_owned()],
        };
        let mut params = CertificateParams::new(names).unwrap();
        if name == "expired.test" {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let issuer = match name {
            "untrusted.test" => &self.stranger,
            _ => &self.issuer,
        };
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = sign::any_supported_type(&key).unwrap();
        CertifiedKey::new(vec![certificate.der().clone()], key)
    }
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certificate(hello.server_name().unwrap_or(WITHOUT_NAME)))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}
