//! Sealed credentials against a real server: what it receives, and what comes back.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fmt, io};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use url::Url;

use lockstep_secret::{Masker, MaskerConfig};
use lockstep_step::{
    CredentialKey, Decision, Limits, RequestFault, RequestReceipt, SealedPlace, Sealing,
};
use lockstep_upstream::{Received, Upstream};

use super::{
    Egress, EgressConfig, EgressError, Incoming, Outgoing, Outlet, Redirects, RequestBody, Resolve,
    Sealed, WayOut,
};
use crate::Threshold;
use crate::tests::Held;

const VALUE: &str = "sealed-canary-4f\"1/9";

/// Knows every name, and that it is here.
struct Here;

#[async_trait]
impl Resolve for Here {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }
}

/// A server, and a run that holds a placeholder for `TOKEN`.
struct Scene {
    upstream: Upstream,
    outlet: Outlet,
    placeholder: String,
}

/// A request to be made.
struct Ask {
    method: Method,
    headers: Vec<(&'static str, String)>,
    body: RequestBody,
    redirects: Redirects,
}

/// An answer, all of it.
struct Got {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Scene {
    /// `TOKEN` may go to `api.test` on each port of the server, and stand in these places.
    fn new(places: &[SealedPlace]) -> Self {
        Self::behind(places, None)
    }

    fn behind(places: &[SealedPlace], threshold: Option<Arc<dyn Threshold>>) -> Self {
        let upstream = Upstream::start();
        let mut config = EgressConfig {
            networks: vec!["127.0.0.1/32".parse().unwrap()],
            resolver: Arc::new(Here),
            sealed_in_the_clear: vec![
                format!("clear.test:{}", upstream.http_port())
                    .parse()
                    .unwrap(),
            ],
            ..EgressConfig::default()
        };
        config.trust(upstream.root().as_bytes()).unwrap();
        let ports = [
            upstream.https_port(),
            upstream.https1_port(),
            upstream.http_port(),
        ];
        let hosts = ["api.test", "clear.test"];
        let to = ports
            .iter()
            .flat_map(|port| hosts.map(|host| format!("{host}:{port}").parse().unwrap()));
        let sealing = Sealing::new(to, places.iter().copied()).unwrap();
        let held = Held(BTreeMap::from([("TOKEN", VALUE)]));
        let masker = Masker::new(MaskerConfig::default());
        let sealed = Arc::new(Sealed::new(Arc::new(held), masker));
        let key: CredentialKey = "TOKEN".parse().unwrap();
        let placeholder = sealed.hand_out(&key, sealing).unwrap();
        let egress = Arc::new(Egress::new(config, None).unwrap());
        let way_out = WayOut::new(&egress, "test", Arc::default(), &Limits::default());
        let mut way_out = way_out.behind(threshold);
        let outlet = way_out.open(&sealed).clone();
        Self {
            upstream,
            outlet,
            placeholder,
        }
    }

    fn bearer(&self) -> Ask {
        Ask::get().header("authorization", format!("Bearer {}", self.placeholder))
    }

    async fn send(&self, url: &str, ask: Ask) -> Result<Got, EgressError> {
        let mut headers = HeaderMap::new();
        for (name, value) in ask.headers {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(&value).unwrap(),
            );
        }
        let outgoing = Outgoing {
            method: ask.method,
            url: Url::parse(url).unwrap(),
            headers,
            body: ask.body,
            redirects: ask.redirects,
            decodes: true,
        };
        Got::whole(self.outlet.send(outgoing).await?).await
    }

    async fn denied(&self, url: &str, ask: Ask, part: &str) {
        let error = self
            .send(url, ask)
            .await
            .err()
            .unwrap_or_else(|| panic!("{url} was let out"));
        assert_eq!(error.fault, RequestFault::CredentialHostDenied, "{error}");
        assert!(error.message.contains(part), "{error}");
        let last = self.receipts().pop().unwrap();
        assert_eq!(last.decision, Decision::Denied);
    }

    fn receipts(&self) -> Vec<RequestReceipt> {
        self.outlet.receipts(&Masker::new(MaskerConfig::default()))
    }
}

impl Ask {
    fn get() -> Self {
        Self {
            method: Method::GET,
            headers: Vec::new(),
            body: RequestBody::None,
            redirects: Redirects::Follow,
        }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn post(self, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            body: RequestBody::Whole(body.into()),
            ..self
        }
    }

    fn post_pieces(self, pieces: Vec<String>) -> Self {
        let frames = pieces
            .into_iter()
            .map(|piece| Ok(Frame::data(Bytes::from(piece))));
        let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
        Self {
            method: Method::POST,
            body: RequestBody::Stream(Some(body)),
            ..self
        }
    }
}

impl Got {
    async fn whole(incoming: Incoming) -> Result<Self, EgressError> {
        let pieces: Vec<Bytes> = incoming.body.try_collect().await?;
        Ok(Self {
            status: incoming.status.as_u16(),
            headers: incoming.headers,
            body: String::from_utf8(pieces.concat()).unwrap(),
        })
    }
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.body)
    }
}

fn header<'a>(received: &'a Received, name: &str) -> &'a str {
    let mut headers = received.headers.iter();
    headers
        .find(|(it, _)| it == name)
        .map_or("", |(_, value)| value)
}

#[tokio::test]
async fn the_server_gets_the_value_and_the_guest_gets_it_from_no_echo() {
    let scene = Scene::new(&[]);
    for url in [
        scene.upstream.https("api.test", "/echo"),
        scene.upstream.https1("api.test", "/echo"),
    ] {
        let got = scene.send(&url, scene.bearer()).await.unwrap();
        let received = scene.upstream.received().pop().unwrap();
        assert_eq!(
            header(&received, "authorization"),
            format!("Bearer {VALUE}")
        );
        assert!(got.body.contains("Bearer ***"), "{got:?}");
        assert!(!got.body.contains("canary"), "{got:?}");
    }
    let protocols: Vec<_> = scene
        .upstream
        .received()
        .iter()
        .map(|it| it.protocol.clone())
        .collect();
    assert_eq!(protocols, ["HTTP/2.0", "HTTP/1.1"]);
    let receipts = scene.receipts();
    assert!(
        receipts
            .iter()
            .all(|it| it.credentials.len() == 1 && it.status == Some(200)),
        "{receipts:?}"
    );
}

#[tokio::test]
async fn an_echo_that_is_compressed_gives_nothing_away_either() {
    let scene = Scene::new(&[]);
    for coding in ["gzip", "deflate", "br"] {
        let url = scene.upstream.https("api.test", &format!("/echo/{coding}"));
        let got = scene.send(&url, scene.bearer()).await.unwrap();
        assert!(
            got.body.contains("Bearer ***") && !got.body.contains("canary"),
            "{got:?}"
        );
        assert!(got.headers.get("content-encoding").is_none());
    }
    let unknown = scene
        .upstream
        .https("api.test", "/answer?header=content-encoding:zstd&body=x");
    let error = scene.send(&unknown, scene.bearer()).await.unwrap_err();
    assert_eq!(error.fault, RequestFault::Body);
    // Nobody has to ask for a part, in which a part of the value would not be seen.
    let url = scene.upstream.https("api.test", "/echo");
    let ask = scene
        .bearer()
        .header("range", "bytes=0-9")
        .header("accept-encoding", "zstd");
    scene.send(&url, ask).await.unwrap();
    let received = scene.upstream.received().pop().unwrap();
    assert_eq!(header(&received, "range"), "");
    assert_eq!(header(&received, "accept-encoding"), "gzip, deflate, br");
}

#[tokio::test]
async fn what_is_denied_is_never_sent() {
    let scene = Scene::new(&[]);
    let upstream = &scene.upstream;
    scene
        .denied(
            &upstream.https("other.test", "/echo"),
            scene.bearer(),
            "not to `other.test`",
        )
        .await;
    scene
        .denied(
            &upstream.http("api.test", "/echo"),
            scene.bearer(),
            "`https` only",
        )
        .await;
    let query = format!("/echo?key={}", scene.placeholder);
    scene
        .denied(
            &upstream.https("api.test", &query),
            Ask::get(),
            "not in query",
        )
        .await;
    let body = Ask::get().post(format!("token={}", scene.placeholder));
    scene
        .denied(&upstream.https("api.test", "/echo"), body, "not in body")
        .await;
    assert!(upstream.received().is_empty());
    assert_eq!(scene.outlet.requests(), 0);
    // What the operator lists may go in the clear.
    scene
        .send(&upstream.http("clear.test", "/echo"), scene.bearer())
        .await
        .unwrap();
    assert_eq!(
        header(&upstream.only(), "authorization"),
        format!("Bearer {VALUE}")
    );
}

#[tokio::test]
async fn a_body_carries_the_value_whole_or_in_pieces() {
    let scene = Scene::new(&[SealedPlace::Body]);
    let url = scene.upstream.https1("api.test", "/count");
    let json = format!(r#"{{"token":"{}"}}"#, scene.placeholder);
    let ask = Ask::get()
        .header("content-type", "application/json")
        .post(json.clone());
    scene.send(&url, ask).await.unwrap();
    let (before, after) = json.split_at(30);
    let pieces = vec![before.to_owned(), after.to_owned()];
    let ask = Ask::get()
        .header("content-type", "application/json; charset=utf-8")
        .header("content-length", json.len().to_string())
        .post_pieces(pieces);
    scene.send(&url, ask).await.unwrap();
    for received in scene.upstream.received() {
        let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(body["token"], VALUE);
        assert!(received.is_complete);
    }
    let receipts = scene.receipts();
    assert!(
        receipts.iter().all(|it| it.credentials.len() == 1),
        "{receipts:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_origin_takes_nothing_along() {
    let scene = Scene::new(&[SealedPlace::Header, SealedPlace::Body]);
    let upstream = &scene.upstream;
    let place = upstream.https("other.test", "/echo");
    let to = |place: &str, status: u16| {
        let place: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
        upstream.https("api.test", &format!("/redirect/{status}?to={place}"))
    };
    let ask = scene
        .bearer()
        .header("cookie", "a=b")
        .header("x-key", scene.placeholder.clone())
        .header("x-plain", "1");
    scene.send(&to(&place, 302), ask).await.unwrap();
    let [first, second] = &upstream.received()[..] else {
        panic!("two requests")
    };
    assert_eq!(header(first, "x-key"), VALUE);
    for name in ["authorization", "cookie", "x-key"] {
        assert_eq!(header(second, name), "", "{name}");
    }
    assert_eq!(header(second, "x-plain"), "1");
    // Within the origin it goes along.
    scene
        .send(
            &to(&upstream.https("api.test", "/echo"), 307),
            scene.bearer(),
        )
        .await
        .unwrap();
    let last = upstream.received().pop().unwrap();
    assert_eq!(header(&last, "authorization"), format!("Bearer {VALUE}"));
    // A body cannot be left behind: not even another host that it may go to gets it.
    let other = upstream.https1("api.test", "/echo");
    let before = upstream.received().len();
    let ask = Ask::get().post(scene.placeholder.clone());
    let error = scene.send(&to(&other, 307), ask).await.unwrap_err();
    assert_eq!(error.fault, RequestFault::CredentialHostDenied);
    assert_eq!(upstream.received().len(), before + 1);
}

#[tokio::test]
async fn a_location_with_the_value_in_it_leads_nowhere_with_it() {
    let scene = Scene::new(&[SealedPlace::Query]);
    let upstream = &scene.upstream;
    let place = upstream.https("other.test", "/echo?stolen=");
    let place: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
    // The server puts what it was given into the place: an open redirector.
    let url = upstream.https(
        "api.test",
        &format!("/redirect/302?to={place}{}", scene.placeholder),
    );
    scene.send(&url, Ask::get()).await.unwrap();
    let last = upstream.received().pop().unwrap();
    assert_eq!(last.host.split(':').next(), Some("other.test"));
    assert!(
        !last.query.as_deref().unwrap_or("").contains("canary"),
        "{last:?}"
    );
}

#[tokio::test]
async fn what_a_server_keeps_and_gives_back_later_is_scrubbed_too() {
    let scene = Scene::new(&[]);
    scene
        .send(&scene.upstream.https("api.test", "/echo"), scene.bearer())
        .await
        .unwrap();
    let spelled: String = url::form_urlencoded::byte_serialize(VALUE.as_bytes()).collect();
    let url = scene.upstream.https(
        "api.test",
        &format!("/answer?header=x-kept:{spelled}&body=kept%20{spelled}"),
    );
    let got = scene.send(&url, Ask::get()).await.unwrap();
    assert_eq!(got.headers["x-kept"], "***");
    assert_eq!(got.body, "kept ***");
}

/// Counts how often it is crossed; from `closed` on it cannot be.
#[derive(Default)]
struct Gate {
    crossed: AtomicUsize,
    closed: AtomicBool,
}

#[async_trait]
impl Threshold for Gate {
    async fn cross(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.crossed.fetch_add(1, Ordering::Relaxed);
        if self.closed.load(Ordering::Relaxed) {
            return Err("the disk is full".into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_threshold_is_crossed_before_each_request_and_not_for_a_refused_one() {
    let gate = Arc::new(Gate::default());
    let scene = Scene::behind(&[], Some(Arc::clone(&gate) as Arc<dyn Threshold>));
    scene
        .denied(
            &scene.upstream.https("other.test", "/echo"),
            scene.bearer(),
            "other.test",
        )
        .await;
    assert_eq!(gate.crossed.load(Ordering::Relaxed), 0);
    for times in 1..3 {
        scene
            .send(&scene.upstream.https("api.test", "/echo"), Ask::get())
            .await
            .unwrap();
        assert_eq!(gate.crossed.load(Ordering::Relaxed), times);
    }
}

#[tokio::test]
async fn nothing_leaves_a_run_whose_threshold_cannot_be_crossed() {
    let gate = Arc::new(Gate::default());
    gate.closed.store(true, Ordering::Relaxed);
    let scene = Scene::behind(&[], Some(gate));
    let url = scene.upstream.https("api.test", "/echo");
    let error = scene.send(&url, Ask::get()).await.unwrap_err();
    assert!(error.of_the_host.is_some(), "{error}");
    assert!(scene.upstream.received().is_empty());
    assert_eq!(scene.upstream.connections(), 0);
}

/// A request whose body comes piece by piece, and where they are put in.
fn mirrored(scene: &Scene, decodes: bool) -> (tokio::sync::mpsc::Sender<String>, Outgoing) {
    let (pieces, waiting) = tokio::sync::mpsc::channel::<String>(1);
    let frames = futures_util::stream::unfold(waiting, |mut waiting| async {
        let piece = waiting.recv().await?;
        Some((Ok(Frame::data(Bytes::from(piece))), waiting))
    });
    let outgoing = Outgoing {
        method: Method::POST,
        url: Url::parse(&scene.upstream.https("api.test", "/mirror")).unwrap(),
        headers: HeaderMap::from_iter([(
            HeaderName::from_static("content-type"),
            HeaderValue::from_static("text/plain"),
        )]),
        body: RequestBody::Stream(Some(StreamBody::new(frames).boxed_unsync())),
        redirects: Redirects::Follow,
        decodes,
    };
    (pieces, outgoing)
}

#[tokio::test]
async fn a_value_in_a_streamed_body_waits_for_the_threshold_as_one_in_the_head_does() {
    let gate = Arc::new(Gate::default());
    let threshold = Arc::clone(&gate) as Arc<dyn Threshold>;
    let scene = Scene::behind(&[SealedPlace::Body], Some(threshold));
    let (pieces, outgoing) = mirrored(&scene, true);
    pieces.send("before ".to_owned()).await.unwrap();
    let incoming = scene.outlet.send(outgoing).await.unwrap();
    assert_eq!(gate.crossed.load(Ordering::Relaxed), 1);
    gate.closed.store(true, Ordering::Relaxed);
    pieces.send(scene.placeholder.clone()).await.unwrap();
    drop(pieces);
    assert!(Got::whole(incoming).await.is_err());
    assert_eq!(gate.crossed.load(Ordering::Relaxed), 2);
    for received in scene.upstream.received() {
        assert!(!received.text().contains(VALUE) && !received.is_complete);
    }
}

#[tokio::test]
async fn a_mirror_that_answers_before_the_value_has_left_gives_nothing_away() {
    for decodes in [true, false] {
        let scene = Scene::new(&[SealedPlace::Body]);
        let (pieces, outgoing) = mirrored(&scene, decodes);
        pieces.send("before ".to_owned()).await.unwrap();
        // Its head is there, and no value has left.
        let incoming = scene.outlet.send(outgoing).await.unwrap();
        pieces
            .send(format!("{} after", scene.placeholder))
            .await
            .unwrap();
        drop(pieces);
        let got = Got::whole(incoming).await.unwrap();
        assert_eq!(got.body, "before *** after");
        let received = scene.upstream.only();
        assert_eq!(received.text(), format!("before {VALUE} after"));
        assert!(received.is_complete);
    }
}
