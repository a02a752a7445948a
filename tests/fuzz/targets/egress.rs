//! Where requests may go, as people write it: any text, and text made of the pieces that rules are made of.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use lockstep_step::{Destination, EgressRule, HostPattern, RequestTarget, Scheme, Sealing};

/// What follows is not a text, but what to make one of.
const PIECES: &[u8] = b"pieces:";
const MOST_PIECES: usize = 24;

fuzz_target!(|data: &[u8]| {
    if let Some(data) = data.strip_prefix(PIECES) {
        if let Ok(text) = text(&mut Unstructured::new(data)) {
            check(&text);
        }
    } else if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
});

fn check(text: &str) {
    if let Ok(rule) = text.parse::<EgressRule>() {
        check_rule(&rule);
    }
    if let Ok(rule) = serde_json::from_str::<EgressRule>(text) {
        check_rule(&rule);
    }
    if let Ok(sealing) = serde_json::from_str::<Sealing>(text) {
        check_json(&sealing);
        sealing.destinations().for_each(check_kept);
    }
    if let Ok(destination) = text.parse::<Destination>() {
        check_kept(&destination);
        check_url(text, &destination);
    }
    if let Ok(host) = text.parse::<HostPattern>() {
        check_kept(&host);
    }
}

/// It is kept as it was written, and what it says of a request depends on nothing else.
fn check_rule(rule: &EgressRule) {
    check_kept(rule);
    let host = rule.host().to_string();
    let asked = RequestTarget {
        scheme: rule.scheme,
        host: host.trim_start_matches("*."),
        port: rule.to.port.map_or(rule.scheme.usual_port(), Into::into),
        method: rule.methods.first().map_or("GET", |it| it.as_str()),
        path: "/a/%2e%2e/b",
    };
    let is_exact = rule.host().host().is_some();
    assert_eq!(
        rule.allows(asked),
        is_exact && rule.path.as_ref().is_none_or(|it| it.matches(asked.path))
    );
    let scheme = match rule.scheme {
        Scheme::Https => Scheme::Http,
        Scheme::Http => Scheme::Https,
    };
    assert!(!rule.allows(RequestTarget { scheme, ..asked }));
}

/// What is printed is read as the same, in text and in JSON.
fn check_kept<T>(kept: &T)
where
    T: Debug + DeserializeOwned + Display + FromStr<Err: Debug> + PartialEq + Serialize,
{
    let text = kept.to_string();
    let read = text.parse::<T>();
    assert_eq!(read.as_ref().ok(), Some(kept), "{read:?} of `{text}`");
    check_json(kept);
}

fn check_json<T: Debug + DeserializeOwned + PartialEq + Serialize>(kept: &T) {
    let json = serde_json::to_string(kept).unwrap();
    let read = serde_json::from_str::<T>(&json);
    assert_eq!(read.as_ref().ok(), Some(kept), "{read:?} of {json}");
}

/// Where a URL goes that has the same host and port is where the destination is.
fn check_url(text: &str, destination: &Destination) {
    let Some(host) = destination.host.host() else {
        return;
    };
    if let Ok(url) = Url::parse(&format!("https://{text}/")) {
        let named = match url.host().unwrap() {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        assert_eq!(named, host, "`{text}`");
        let port = url.port_or_known_default().unwrap();
        assert!(destination.matches(&named, port, 443), "`{text}`");
    }
}

/// A text of pieces, each next to any other.
fn text(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for _ in 0..bytes.int_in_range(0..=MOST_PIECES)? {
        text.push_str(bytes.choose(&VOCABULARY)?);
    }
    Ok(text)
}

const VOCABULARY: [&str; 48] = [
    "GET",
    "post",
    ",",
    " ",
    "\t",
    "http",
    "https",
    "://",
    "//",
    "*",
    "*.",
    "a",
    "A",
    "test",
    ".",
    "xn--",
    "bcher-kva",
    "-",
    "_",
    "127.0.0.1",
    "127",
    "0x7f",
    "0",
    "1",
    "[",
    "]",
    "::",
    ":",
    "ffff",
    ":8443",
    ":443",
    "/",
    "~",
    "(",
    ")",
    "|",
    "[^/]",
    "?",
    "#",
    "@",
    "%2f",
    "\\",
    "^",
    "$",
    r#"{"to":""#,
    r#"","path":{"regex":""#,
    r#""}}"#,
    r#""}"#,
];
