//! TLS: a certificate and its key from files, read again when they are told to have changed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use lockstep_secret::Zeroizing;

/// A chain of certificates fits many times; a file that was named by mistake is not read into memory.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// A certificate and its key, as handshakes show them. Clones share them.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

/// What is shown at present, and where it is from.
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    pair: RwLock<Arc<CertifiedKey>>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner can read the key.
    #[error("`{}` has mode {mode:04o}: others than its owner can read the key", .path.display())]
    LooseMode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not what it was named as.
    #[error("`{}` has no {what} in PEM", .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why none was found.
        source: pem::Error,
    },
    /// They are of no use together.
    #[error("`{}` and `{}` are no pair", .certificate.display(), .key.display())]
    Pair {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate, with those that lead to its authority behind it, and its key, both in PEM.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let shown = Arc::new(Shown {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            pair: RwLock::new(Arc::new(read_pair(certificate, key)?)),
        });
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| shown.no_pair(source))?;
        let resolver = Arc::clone(&shown) as Arc<dyn ResolvesServerCert>;
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            shown,
        })
    }

    /// Reads the files again, for handshakes from now on. If that fails, what was there stays.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn read_again(&self) -> Result<(), TlsError> {
        let Shown {
            certificate,
            key,
            pair,
        } = &*self.shown;
        let read = Arc::new(read_pair(certificate, key)?);
        *pair.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }
}

impl TlsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "name files that this user can read",
            Self::LooseMode { .. } => {
                "`chmod 600` it, and make a new key if somebody may have read it"
            }
            Self::NotPem { .. } => {
                "`--tls-cert` takes a chain of certificates, `--tls-key` an unencrypted key, both in PEM"
            }
            Self::Pair { .. } => "name a certificate, and the key that it was made for",
        }
    }
}

impl Shown {
    fn no_pair(&self, source: rustls::Error) -> TlsError {
        no_pair(&self.certificate, &self.key, source)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pair = self.pair.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&pair))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shown({})", self.certificate.display())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.fmt(f)
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let text = read(certificate, &open(certificate)?)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.and_then(|chain| match chain.is_empty() {
        false => Ok(chain),
        true => Err(pem::Error::NoItemsFound),
    });
    let chain = chain.map_err(not_pem(certificate, "certificate"))?;
    let file = open(key)?;
    check_mode(key, &file)?;
    let text = read(key, &file)?;
    let secret = PrivateKeyDer::from_pem_slice(&text).map_err(not_pem(key, "private key"))?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider())
        .map_err(|source| no_pair(certificate, key, source))
}

/// Of the open file, not of the path: nobody can put another file there in between.
fn check_mode(path: &Path, file: &File) -> Result<(), TlsError> {
    let metadata = file.metadata().map_err(unreadable(path))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(TlsError::LooseMode {
        path: path.to_owned(),
        mode,
    })
}

fn open(path: &Path) -> Result<File, TlsError> {
    File::open(path).map_err(unreadable(path))
}

fn read(path: &Path, file: &File) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let length = file.metadata().map_err(unreadable(path))?.len();
    if length > MAX_FILE_BYTES {
        let too_large = io::Error::from(io::ErrorKind::FileTooLarge);
        return Err(unreadable(path)(too_large));
    }
    // One byte more than the file has, so that the end is seen without growing, which would leave a copy behind.
    let capacity = usize::try_from(length).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(length)
        .read_to_end(&mut text)
        .map_err(unreadable(path))?;
    Ok(text)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> TlsError {
    move |source| TlsError::File {
        path: path.to_owned(),
        source,
    }
}

fn not_pem(path: &Path, what: &'static str) -> impl FnOnce(pem::Error) -> TlsError {
    move |source| TlsError::NotPem {
        path: path.to_owned(),
        what,
        source,
    }
}

fn no_pair(certificate: &Path, key: &Path, source: rustls::Error) -> TlsError {
    TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    }
}
