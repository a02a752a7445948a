//! What names are made of, as the document of the API has it: said here once more, to hold what is taken against it.

/// Of workspaces, workflows, steps, tokens and members.
pub(crate) fn is_name(text: &str) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_alphanumeric();
    let is_next = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=63).contains(&text.len())
        && text.as_bytes().first().is_some_and(is_first)
        && text.bytes().all(is_next)
}

/// Of credentials.
pub(crate) fn is_key(text: &str) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let is_next = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.as_bytes().first().is_some_and(is_first)
        && text.bytes().all(is_next)
}
