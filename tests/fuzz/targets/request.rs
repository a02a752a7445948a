//! The head of a request, as the JavaScript engine hands it to the host: what a guest may have written into it, and where
//! the request then goes.

#![no_main]

#[expect(dead_code, reason = "the way out has more errors")]
#[path = "../../../crates/sandbox/src/egress/error.rs"]
mod error;
#[expect(
    dead_code,
    reason = "what is done with redirects and bodies is not looked at"
)]
#[path = "../../../crates/sandbox/src/script/network/head.rs"]
mod head;
#[expect(dead_code, reason = "the record asks for more")]
#[path = "../../../crates/sandbox/src/egress/target.rs"]
mod target;

/// As the files name it.
mod egress {
    pub(crate) use crate::error::EgressError;
}

use http::{HeaderMap, Uri};
use libfuzzer_sys::fuzz_target;
use url::Url;

use lockstep_step::HostPattern;

use head::{Head, Parts};
use target::Target;

/// What follows is a method, a URL and headers, a line each.
const LINES: &[u8] = b"lines:";

fuzz_target!(|data: &[u8]| {
    if let Some(lines) = data.strip_prefix(LINES) {
        // Each byte is a character, as in the byte strings of the web.
        let text: String = lines.iter().copied().map(char::from).collect();
        check(written(&text).as_bytes());
    } else {
        check(data);
    }
});

/// What the engine writes for it.
fn written(lines: &str) -> String {
    let mut lines = lines.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let mut head = format!("{}\n{}\nfollow\nnone", next(), next());
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        head.push_str(&format!("\n{name}\n{value}"));
    }
    head
}

fn check(written: &[u8]) {
    let Some(head) = Head::read(written) else {
        return;
    };
    if let Ok(Parts {
        method,
        url,
        headers,
    }) = head.parts()
    {
        assert!(!method.as_str().contains([' ', '\r', '\n']));
        check_headers(&headers);
        check_url(&url);
    }
}

/// None is more than one line.
fn check_headers(headers: &HeaderMap) {
    for (name, value) in headers {
        assert!(!name.as_str().contains([':', ' ', '\r', '\n']), "{name}");
        let splits = |byte: &u8| b"\r\n\0".contains(byte);
        assert!(!value.as_bytes().iter().any(splits), "{value:?}");
    }
}

/// What is decided about, what is written down and what is dialled is one host.
fn check_url(url: &Url) {
    let Ok((target, sent)) = Target::of(url) else {
        return;
    };
    assert_eq!(sent.fragment(), None);
    let named = Url::parse(&format!("{target}/")).unwrap();
    assert_eq!(Target::of(&named).unwrap().0, target);
    assert_eq!(Target::of(&sent).unwrap(), (target.clone(), sent.clone()));
    if let Ok(pattern) = target.host.parse::<HostPattern>() {
        assert!(pattern.matches(&target.host), "{target}");
    }
    // The client has it as a URI, and dials what that says.
    if let Ok(uri) = Uri::try_from(sent.as_str()) {
        let host = uri.host().unwrap().trim_matches(['[', ']']);
        assert_eq!(host, target.host, "{sent}");
        let port = uri.port_u16().unwrap_or(target.scheme.usual_port());
        assert_eq!(port, target.port, "{sent}");
        assert_eq!(uri.path(), sent.path(), "{sent}");
        assert_eq!(uri.query(), sent.query(), "{sent}");
    }
}
