//! `Authorization: Bearer` (RFC 6750).

/// What is shown behind the word `Bearer`, if the header has that scheme.
pub(crate) fn bearer(header: &str) -> Option<&str> {
    let (scheme, shown) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim())
}
