//! Sealed credentials in requests: what is put in, what is refused, and what does not come back.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, StreamBody};
use proptest::prelude::*;
use url::Url;

use lockstep_secret::{Masker, MaskerConfig};
use lockstep_step::{CredentialKey, RequestFault, SealedPlace, Sealing};

use super::attach::{Attacher, Spelling};
use super::attach_body::Filling;
use super::crossing::Crossing;
use super::ledger::Ledger;
use super::sealed::Sealed;
use super::target::Target;
use super::{EgressConfig, scrub};
use crate::tests::Held;

const VALUE: &str = "xoxb-1\"2 3/4+5-canary";

/// One sealed credential `TOKEN`, for `api.test` in these places.
struct Scene {
    sealed: Arc<Sealed>,
    placeholder: String,
    config: EgressConfig,
}

impl Scene {
    fn new(places: &[SealedPlace]) -> Self {
        Self::with(VALUE, places)
    }

    fn with(value: &'static str, places: &[SealedPlace]) -> Self {
        let held = Held(BTreeMap::from([("TOKEN", value)]));
        let sealed = Sealed::new(Arc::new(held), Masker::new(MaskerConfig::default()));
        let sealing = Sealing::new(["api.test".parse().unwrap()], places.iter().copied()).unwrap();
        let placeholder = sealed.hand_out(&key(), sealing).unwrap();
        Self {
            sealed: Arc::new(sealed),
            placeholder,
            config: EgressConfig::default(),
        }
    }

    fn attacher(&self, url: &str) -> (Attacher, Url) {
        let (target, url) = Target::of(&Url::parse(url).unwrap()).unwrap();
        let config = Arc::new(self.config.clone());
        (Attacher::new(&self.sealed, &config, &target).unwrap(), url)
    }

    /// URI and headers as they leave, or why they do not. `@` stands for the placeholder.
    fn head(&self, url: &str, headers: &[(&str, &str)]) -> Result<(String, Vec<String>), String> {
        let (attacher, url) = self.attacher(&url.replace('@', &self.placeholder));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = name.replace('@', &self.placeholder);
            let value = value.replace('@', &self.placeholder);
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(&value).unwrap(),
            );
        }
        let head = attacher.head(&url, &map).map_err(|error| {
            assert_eq!(error.fault, RequestFault::CredentialHostDenied, "{error}");
            assert!(!error.message.contains("canary"), "{error}");
            error.message
        })?;
        let values = head.headers.values();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        Ok((head.uri.to_string(), values.map(text).collect()))
    }

    fn body(&self, body: &str, spelling: Spelling) -> Result<String, String> {
        let (attacher, _) = self.attacher("https://api.test/");
        let body = body.replace('@', &self.placeholder);
        let filled = attacher.body(body.as_bytes(), spelling, &mut Vec::new());
        let filled = filled.map_err(|error| error.message)?;
        let bytes = filled.unwrap_or_else(|| Bytes::from(body));
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn key() -> CredentialKey {
    "TOKEN".parse().unwrap()
}

fn check_denied(result: Result<(String, Vec<String>), String>, part: &str) {
    let message = result.unwrap_err();
    assert!(
        message.contains("`TOKEN`") && message.contains(part),
        "{message}"
    );
}

#[test]
fn a_value_stands_where_its_placeholder_stood_in_each_header() {
    let scene = Scene::new(&[]);
    let (uri, headers) = scene
        .head(
            "https://api.test/x?a=b",
            &[
                ("authorization", "Bearer @"),
                ("x-key", "@@"),
                ("accept", "*/*"),
            ],
        )
        .unwrap();
    assert_eq!(uri, "https://api.test/x?a=b");
    assert_eq!(
        headers,
        [
            format!("Bearer {VALUE}"),
            format!("{VALUE}{VALUE}"),
            "*/*".to_owned()
        ]
    );
}

#[test]
fn a_value_goes_to_its_hosts_only_and_over_tls() {
    let scene = Scene::new(&[]);
    let token = [("authorization", "Bearer @")];
    scene.head("https://api.test:443/", &token).unwrap();
    scene.head("https://API.test./", &token).unwrap();
    for (url, part) in [
        ("https://other.test/", "not to `other.test`"),
        ("https://x.api.test/", "not to `x.api.test`"),
        ("https://api.test.evil.test/", "only"),
        ("https://api.test:8443/", "port 8443"),
        ("http://api.test/", "`https` only"),
    ] {
        check_denied(scene.head(url, &token), part);
        // Without the placeholder the same request is nobody's business.
        scene.head(url, &[("authorization", "Bearer x")]).unwrap();
    }
    let mut listed = Scene::new(&[]);
    listed.config.sealed_in_the_clear = vec!["api.test".parse().unwrap()];
    listed.head("http://api.test/", &token).unwrap();
    check_denied(listed.head("http://other.test/", &token), "only");
}

#[test]
fn a_value_stands_in_its_places_only() {
    let header = Scene::new(&[]);
    let query = Scene::new(&[SealedPlace::Query]);
    check_denied(header.head("https://api.test/?key=@", &[]), "not in query");
    check_denied(
        query.head("https://api.test/", &[("x-key", "@")]),
        "not in header",
    );
    let all = Scene::new(&SealedPlace::ALL);
    for (url, headers) in [
        ("https://api.test/@", &[][..]),
        ("https://api.test/a/@/b?c", &[]),
        ("https://@.api.test/", &[]),
    ] {
        check_denied(all.head(url, headers), "host or the path");
    }
    check_denied(
        all.head("https://api.test/", &[("x-@", "1")]),
        "name of a header",
    );
    assert!(
        header
            .body("token=@", Spelling::Percent)
            .unwrap_err()
            .contains("not in body")
    );
}

#[test]
fn a_value_reads_as_itself_wherever_it_stands() {
    let all = Scene::new(&SealedPlace::ALL);
    let (uri, _) = all.head("https://api.test/p?key=@&x=@#f", &[]).unwrap();
    let percent = "xoxb-1%222%203%2F4%2B5-canary";
    assert_eq!(uri, format!("https://api.test/p?key={percent}&x={percent}"));
    assert_eq!(
        all.body("token=@&a=1", Spelling::Percent).unwrap(),
        format!("token={percent}&a=1")
    );
    let json = all.body(r#"{"token":"@"}"#, Spelling::Json).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["token"],
        VALUE
    );
    assert_eq!(
        all.body("<@>", Spelling::Raw).unwrap(),
        format!("<{VALUE}>")
    );
}

#[test]
fn basic_authorization_is_looked_into() {
    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

    let scene = Scene::new(&[SealedPlace::Basic]);
    let pair = format!("me:{}", scene.placeholder);
    for encoded in [
        BASE64_STANDARD.encode(&pair),
        BASE64_STANDARD_NO_PAD.encode(&pair),
    ] {
        let header = format!("bAsIc {encoded}");
        let (_, headers) = scene
            .head("https://api.test/", &[("authorization", &header)])
            .unwrap();
        let expected = BASE64_STANDARD.encode(format!("me:{VALUE}"));
        assert_eq!(headers, [format!("Basic {expected}")]);
        check_denied(
            scene.head("https://other.test/", &[("authorization", &header)]),
            "only",
        );
        check_denied(
            Scene {
                sealed: Arc::clone(&scene.sealed),
                ..Scene::new(&[])
            }
            .head(
                "https://api.test/",
                &[("authorization", &format!("Bearer {}", scene.placeholder))],
            ),
            "not in header",
        );
    }
    let colon = Scene::with("a:colon-canary", &[SealedPlace::Basic]);
    let user = BASE64_STANDARD.encode(format!("{}:x", colon.placeholder));
    check_denied(
        colon.head(
            "https://api.test/",
            &[("authorization", &format!("Basic {user}"))],
        ),
        "colon",
    );
}

#[test]
fn a_value_with_a_line_break_does_not_split_a_header() {
    let scene = Scene::with(
        "canary\r\nx-evil: 1",
        &[SealedPlace::Header, SealedPlace::Body],
    );
    check_denied(
        scene.head("https://api.test/", &[("authorization", "@")]),
        "line break",
    );
    assert_eq!(
        scene.body("@", Spelling::Json).unwrap(),
        "canary\\u000D\\u000Ax-evil: 1"
    );
}

#[test]
fn what_is_no_whole_placeholder_of_this_run_is_text() {
    let scene = Scene::new(&SealedPlace::ALL);
    let other = Scene::new(&SealedPlace::ALL);
    let whole = &scene.placeholder;
    let texts = [
        whole[..whole.len() - 1].to_owned(),
        whole.to_uppercase(),
        other.placeholder,
        "lockstep_sealed_".to_owned(),
        whole.replace('_', "%5f"),
    ];
    for text in &texts {
        let (_, headers) = scene
            .head("https://evil.test/", &[("x-key", text)])
            .unwrap();
        assert_eq!(headers, [text.as_str()]);
    }
    // A part in front of a whole one changes nothing.
    let cut = format!("{}{whole}", &whole[..20]);
    let (_, headers) = scene.head("https://api.test/", &[("x-key", &cut)]).unwrap();
    assert_eq!(headers, [format!("{}{VALUE}", &whole[..20])]);
}

#[test]
fn a_placeholder_is_the_same_for_a_key_and_differs_between_runs() {
    let (one, other) = (Scene::new(&[]), Scene::new(&[]));
    let sealing = Sealing::new(["api.test".parse().unwrap()], []).unwrap();
    assert_eq!(
        one.sealed.hand_out(&key(), sealing).unwrap(),
        one.placeholder
    );
    assert_ne!(one.placeholder, other.placeholder);
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    assert!(one.placeholder.bytes().all(allowed), "{}", one.placeholder);
}

/// What is sent of a body that comes in these pieces.
async fn streamed(scene: &Scene, pieces: Vec<Bytes>) -> Result<Vec<u8>, String> {
    let (attacher, url) = scene.attacher("https://api.test/");
    let (target, _) = Target::of(&url).unwrap();
    let entry = Ledger::new().allowed("POST", &target, None);
    let frames = pieces
        .into_iter()
        .map(|piece| Ok(http_body::Frame::data(piece)));
    let inner = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
    let crossing = Crossing::new(&scene.sealed, None);
    let body = Filling::new(inner, attacher, Spelling::Raw, entry, crossing);
    let sent = body.collect().await.map_err(|error| error.message)?;
    Ok(sent.to_bytes().to_vec())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_placeholder_in_a_stream_that_may_not_carry_it_ends_the_request() {
    let scene = Scene::new(&[]);
    let (before, after) = scene.placeholder.split_at(9);
    let pieces = ["a", before, after, "b"]
        .map(|it| Bytes::from(it.to_owned()))
        .to_vec();
    let message = run(streamed(&scene, pieces)).unwrap_err();
    assert!(message.contains("not in body"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_a_body_is_cut_changes_nothing(
        parts in proptest::collection::vec(
            prop_oneof![Just(0_usize), Just(1), Just(2), 3_usize..60], 0..8
        ),
        cuts in proptest::collection::vec(1_usize..50, 1..40),
    ) {
        let scene = Scene::new(&[SealedPlace::Body]);
        let placeholder = &scene.placeholder;
        let text = |part: &usize| match part {
            0 => placeholder.clone(),
            1 => "-".to_owned(),
            2 => "lockstep_sealed_lockstep_".to_owned(),
            length => placeholder.chars().cycle().take(*length).collect(),
        };
        let whole: String = parts.iter().map(text).collect();
        let mut rest = whole.as_bytes();
        let mut pieces = Vec::new();
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            pieces.push(Bytes::copy_from_slice(piece));
            rest = after;
        }
        let sent = run(streamed(&scene, pieces)).unwrap();
        let expected = whole.replace(placeholder.as_str(), VALUE);
        prop_assert_eq!(String::from_utf8(sent).unwrap(), expected);
    }
}

#[test]
fn a_value_that_left_is_taken_out_of_headers_and_body_in_every_spelling() {
    use base64::Engine as _;

    let scene = Scene::new(&[]);
    assert!(scene.sealed.scrubber().is_none());
    scene
        .head("https://api.test/", &[("authorization", "@")])
        .unwrap();
    let scrubber = scene.sealed.scrubber().unwrap();
    let base64 = base64::prelude::BASE64_STANDARD.encode(format!("user:{VALUE}"));
    let mut headers = HeaderMap::new();
    headers.insert(
        "location",
        format!("https://evil.test/?{VALUE}").parse().unwrap(),
    );
    headers.insert("x-echo", base64.parse().unwrap());
    headers.insert(CONTENT_TYPE, "text/plain".parse().unwrap());
    headers.insert(AUTHORIZATION, "unharmed".parse().unwrap());
    scrub::headers(scrubber, &mut headers);
    let text = format!("{headers:?}");
    assert!(
        text.contains("https://evil.test/?***") && text.contains("unharmed"),
        "{text}"
    );
    assert!(
        !text.contains("canary") && !text.contains(&base64),
        "{text}"
    );

    let echo = format!("a {VALUE} b {base64} c");
    let pieces: Vec<_> = echo
        .as_bytes()
        .chunks(3)
        .map(|it| Ok(Bytes::copy_from_slice(it)))
        .collect();
    let watched = scrub::Watched {
        body: Box::pin(futures_util::stream::iter(pieces)),
        sealed: Arc::clone(&scene.sealed),
        coded: None,
        stream: None,
    };
    let body = watched.pieces();
    let body: Vec<_> = run(body.collect());
    let body: Vec<u8> = body.into_iter().flat_map(|piece| piece.unwrap()).collect();
    let body = String::from_utf8(body).unwrap();
    // What of base64 stands for the value's neighbours, too, stays.
    assert!(body.starts_with("a *** b dXNlcjp***"), "{body}");
    assert!(!body.contains("canary"), "{body}");
}
