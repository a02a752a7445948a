//! A text that is sent, and told nobody.

pub(crate) const CANARY: &str = "Marmot Quill 7731";

/// What is sent: the input, with the canary in place of each `@`.
pub(crate) fn with_canary(data: &[u8]) -> Vec<u8> {
    let canary = |byte| match byte {
        &b'@' => CANARY.as_bytes(),
        byte => std::slice::from_ref(byte),
    };
    data.iter().flat_map(canary).copied().collect()
}
