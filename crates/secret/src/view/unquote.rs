//! Quotes and the escape characters of shells, makefiles and SQL. The view without them covers every way of quoting.

/// The six bytes that the view drops: quotes, backslash, backtick, caret, dollar.
pub(crate) const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'\\' | b'`' | b'^' | b'$')
}

/// `text` without quotes, byte by byte.
pub(crate) fn unquoted(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    text.iter().copied().filter(|&byte| !is_quote(byte))
}
