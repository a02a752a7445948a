//! Headers that are lists, whose members may have parameters (RFC 9110, section 5.6).

use axum::http::{HeaderMap, HeaderName};

/// Whether a member of this name is in such a header, in whichever of its lines.
pub(crate) fn lists(headers: &HeaderMap, header: &HeaderName, name: &str) -> bool {
    let lines = headers.get_all(header).into_iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    let mut members = texts.flat_map(|text| text.split(','));
    members.any(|member| without_parameters(member).eq_ignore_ascii_case(name))
}

/// What stands before the first semicolon.
pub(crate) fn without_parameters(member: &str) -> &str {
    member.split(';').next().unwrap_or_default().trim()
}
