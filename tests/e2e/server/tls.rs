//! TLS: who trusts the authority is spoken with, in both versions of HTTP, and nothing is sent in the clear by mistake.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use lockstep_e2e::{Served, TestHost, finish};
use lockstep_step::Role;

use super::{CREDENTIALS, VALUE};

/// An authority, and the files with a certificate of it for 127.0.0.1.
struct Files {
    issuer: CertifiedIssuer<'static, KeyPair>,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn within(host: &TestHost) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self {
            issuer,
            certificate: host.scratch().join("chain.pem"),
            key: host.scratch().join("tls-key.pem"),
        };
        files.renew();
        files
    }

    /// Another certificate with another key, and what is shown of it.
    fn renew(&self) -> CertificateDer<'static> {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(&self.certificate, certificate.pem() + &self.issuer.pem()).unwrap();
        fs::write(&self.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&self.key, Permissions::from_mode(0o600)).unwrap();
        certificate.der().clone()
    }

    fn arguments(&self) -> [&str; 4] {
        let [certificate, key] = [&self.certificate, &self.key].map(|it| it.to_str().unwrap());
        ["--tls-cert", certificate, "--tls-key", key]
    }

    /// A client that trusts the authority, and speaks this.
    fn client(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    }

    fn connect(&self, server: &Served<'_>) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(self.client(b"http/1.1"), name).unwrap();
        StreamOwned::new(client, server.connect())
    }
}

fn say(stream: &mut StreamOwned<ClientConnection, TcpStream>, said: &str) -> String {
    stream.write_all(said.as_bytes()).unwrap();
    let mut heard = String::new();
    drop(stream.read_to_string(&mut heard));
    heard
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn the_command_line_speaks_tls_with_a_server_whose_authority_it_is_told() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let files = Files::within(&host);
    let server = Served::start(&host, &files.arguments()).await;
    let authority = host.scratch().join("authority.pem");
    fs::write(&authority, files.issuer.pem()).unwrap();
    let script = host.scratch().join("over-tls.js");
    fs::write(&script, "export default () => 'over TLS'").unwrap();
    let url = server.url().replace("http://", "https://");
    let run = |ca: Option<&PathBuf>| {
        let mut command = server.command(&runner);
        command.env("LOCKSTEP_URL", &url).args(["run"]).arg(&script);
        command.envs(ca.map(|ca| ("LOCKSTEP_CA", ca)));
        let finished = finish(&mut command, "");
        host.leaves("stdout of a command", finished.stdout.as_bytes());
        host.leaves("stderr of a command", finished.stderr.as_bytes());
        finished
    };
    let ran = run(Some(&authority)).exits(0);
    assert_eq!(ran.stdout.trim(), "\"over TLS\"");
    // Those of the platform do not know it.
    let refused = run(None).exits(70);
    assert!(refused.stderr.contains("LOCKSTEP_CA"), "{refused:?}");
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn a_credential_is_set_over_tls() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let files = Files::within(&host);
    let server = Served::start(&host, &files.arguments()).await;
    let value = "a value that goes over TLS";
    host.guard(value);
    let length = value.len();
    let put = format!(
        "PUT {CREDENTIALS}/OVER_TLS HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {admin}\r\n\
         Content-Type: {VALUE}\r\nContent-Length: {length}\r\n\r\n{value}"
    );
    let heard = say(&mut files.connect(&server), &put);
    assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn who_prefers_http2_is_answered_in_that() {
    let host = TestHost::new().await;
    let files = Files::within(&host);
    let server = Served::start(&host, &files.arguments()).await;
    let stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(files.client(b"h2"));
    let stream = connector.connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let executor = TokioExecutor::new();
    let shaken = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.unwrap();
    let connection = tokio::spawn(connection);
    let mut answers = Vec::new();
    for path in ["healthz", "readyz"] {
        let uri = format!("https://127.0.0.1/{path}");
        let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.version()),
            (200, Version::HTTP_2)
        );
        answers.extend(answer.into_body().collect().await.unwrap().to_bytes());
    }
    assert_eq!(answers, b"ok\nready\n");
    // It is told to end, and so has the connection end.
    server.ask_to_end();
    connection.await.unwrap().unwrap();
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_after_a_signal_and_a_wrong_one_never() {
    let host = TestHost::new().await;
    let files = Files::within(&host);
    let server = Served::start(&host, &files.arguments()).await;
    let shown = || {
        let mut stream = files.connect(&server);
        assert!(say(&mut stream, HEALTH).starts_with("HTTP/1.1 200 "));
        stream.conn.peer_certificates().unwrap()[0]
            .clone()
            .into_owned()
    };
    let tells = |text: &str| {
        let begun = Instant::now();
        while !server.log().contains(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let first = shown();
    fs::write(&files.certificate, "no certificate").unwrap();
    server.signal(Signal::HUP);
    tells("the certificate of before is still shown");
    assert_eq!(shown(), first);
    let renewed = files.renew();
    assert_eq!(shown(), first);
    server.signal(Signal::HUP);
    tells("the certificate was read again");
    assert_eq!(shown(), renewed);
}

#[tokio::test]
async fn who_does_not_speak_tls_or_says_nothing_is_not_waited_for() {
    let host = TestHost::new().await;
    let files = Files::within(&host);
    let mut arguments = files.arguments().to_vec();
    arguments.extend(["--client-timeout", "300ms"]);
    let server = Served::start(&host, &arguments).await;
    let mut silent = server.connect();
    let mut plain = server.connect();
    plain.write_all(HEALTH.as_bytes()).unwrap();
    for connection in [&mut silent, &mut plain] {
        let mut heard = Vec::new();
        drop(connection.read_to_end(&mut heard));
        assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
    }
}

#[tokio::test]
async fn a_key_that_others_can_read_or_that_is_of_another_certificate_is_refused() {
    let host = TestHost::new().await;
    let files = Files::within(&host);
    let refused = |told: &str| {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend(files.arguments());
        let ended = host.lockstep(&arguments).exits(2);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    };
    fs::set_permissions(&files.key, Permissions::from_mode(0o640)).unwrap();
    refused("has mode 0640: others than its owner can read the key");
    fs::set_permissions(&files.key, Permissions::from_mode(0o600)).unwrap();
    let other = KeyPair::generate().unwrap();
    fs::write(&files.key, other.serialize_pem()).unwrap();
    refused("are no pair");
    fs::write(&files.key, "no key").unwrap();
    refused("has no private key in PEM");
    fs::remove_file(&files.key).unwrap();
    refused("cannot read");
}

#[tokio::test]
async fn beyond_this_machine_it_does_not_listen_without_tls_unless_told_so() {
    let host = TestHost::new().await;
    let refused = host.lockstep(&["serve", "--listen", "0.0.0.0:0"]).exits(2);
    assert!(
        refused.stderr.contains("`--insecure-http`"),
        "{}",
        refused.stderr
    );
    host.lockstep(&["serve", "--tls-cert", "chain.pem"])
        .exits(2);
}
