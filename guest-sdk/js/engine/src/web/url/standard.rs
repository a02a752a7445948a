//! The crate `url`, and what the standard says today where the crate does not: spaces and carets in paths, slashes before
//! the host, and paths of URLs without one. URLs of the scheme `file` are as the crate has them.

use std::borrow::Cow;

use url::{Position, Url, quirks};

const SPECIAL: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];

/// The URL that `text` is, resolved against `base`.
pub(super) fn parse(text: &str, base: Option<&str>) -> Option<Url> {
    let parsed = match base {
        None => Url::parse(text),
        Some(base) => {
            let base = Url::parse(base).ok()?;
            base.join(&two_slashes(&base, text))
        }
    };
    parsed.ok().map(encoded)
}

/// The host of a URL whose scheme has one comes after any number of slashes.
fn two_slashes<'a>(base: &Url, text: &'a str) -> Cow<'a, str> {
    let start = text.trim_start_matches(|letter| letter <= ' ');
    let host = start.trim_start_matches(['/', '\\', '\t', '\n', '\r']);
    let slashes = &start[..start.len() - host.len()];
    if slashes.matches(['/', '\\']).count() < 3 || !SPECIAL.contains(&base.scheme()) {
        return text.into();
    }
    format!("//{host}").into()
}

/// Encodes carets, and the last space of a path that has no parts and is not the end of the URL.
pub(super) fn encoded(url: Url) -> Url {
    let path = url.path();
    let path = if url.cannot_be_a_base() {
        path.strip_suffix(' ').map(|start| format!("{start}%20"))
    } else {
        path.contains('^').then(|| path.replace('^', "%5E"))
    };
    match path {
        Some(path) => with_path(&url, &path).unwrap_or(url),
        None => url,
    }
}

fn with_path(url: &Url, path: &str) -> Option<Url> {
    let parts = [
        &url[..Position::BeforePath],
        path,
        &url[Position::AfterPath..],
    ];
    Url::parse(&parts.concat()).ok()
}

pub(super) fn set_path(url: &mut Url, value: &str) {
    if url.cannot_be_a_base() || SPECIAL.contains(&url.scheme()) || url.scheme() == "file" {
        quirks::set_pathname(url, value);
    } else if url.has_authority() {
        match with_path(url, "") {
            Some(bare) if value.is_empty() => *url = bare,
            _ => quirks::set_pathname(url, value),
        }
    } else if let Some(set) = without_host(url, value) {
        *url = set;
    }
}

/// A URL without a host, with this path. One that begins with two slashes is told from a host by what comes before it.
fn without_host(url: &Url, value: &str) -> Option<Url> {
    let slash = if value.starts_with('/') { "" } else { "/" };
    let value = value.replace('?', "%3F").replace('#', "%23");
    // What is before and behind the value keeps its spaces from being trimmed.
    let mut set = Url::parse(&format!("{}:/.{slash}{value}#", url.scheme())).ok()?;
    set.set_query(url.query());
    set.set_fragment(url.fragment());
    Some(set)
}

/// Sets the host as `set` does. A path that was told from a host is not any more.
pub(super) fn set_host(
    url: &mut Url,
    set: impl FnOnce(&mut Url) -> Result<(), ()>,
) -> Result<(), ()> {
    let alone = !url.has_authority() && url.path().starts_with("//");
    let path = alone.then(|| url.path().to_owned());
    set(url)?;
    if let Some(path) = path.filter(|_| url.has_authority()) {
        let parts = [
            &url[..Position::AfterPort],
            &path,
            &url[Position::AfterPath..],
        ];
        *url = Url::parse(&parts.concat()).map_err(|_| ())?;
    }
    Ok(())
}
