//! The spellings of a value that a masker has to know.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    Raw,
    /// Twice in a row.
    Doubled,
    Base64,
    Base64Url,
    /// As in the header of HTTP's basic authorization: not at the start of what is encoded.
    BasicAuthorization,
    Base64OfBase64,
    HexLower,
    HexUpper,
    Utf16Le,
    Utf16Be,
    /// Every byte, in lower case.
    Percent,
    /// Every character, as `\u....`.
    JsonUnicode,
    /// With the escapes that a string literal needs.
    JsonMinimal,
    /// Every character, as a decimal reference.
    Entities,
    /// In single quotes, for a shell.
    ShellQuoted,
}

impl Spelling {
    pub fn of(&self, value: &str) -> Vec<u8> {
        let bytes = value.as_bytes();
        match self {
            Self::Raw => bytes.to_vec(),
            Self::Doubled => bytes.repeat(2),
            Self::Base64 => BASE64_STANDARD.encode(bytes).into(),
            Self::Base64Url => BASE64_URL_SAFE_NO_PAD.encode(bytes).into(),
            Self::BasicAuthorization => BASE64_STANDARD.encode(format!("user:{value}")).into(),
            Self::Base64OfBase64 => BASE64_STANDARD.encode(BASE64_STANDARD.encode(bytes)).into(),
            Self::HexLower => each(bytes, |byte| format!("{byte:02x}")),
            Self::HexUpper => each(bytes, |byte| format!("{byte:02X}")),
            Self::Utf16Le => value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Percent => each(bytes, |byte| format!("%{byte:02x}")),
            Self::JsonUnicode => value
                .encode_utf16()
                .flat_map(|unit| format!("\\u{unit:04x}").into_bytes())
                .collect(),
            Self::JsonMinimal => json!(value).to_string().into(),
            Self::Entities => value
                .chars()
                .flat_map(|c| format!("&#{};", u32::from(c)).into_bytes())
                .collect(),
            Self::ShellQuoted => format!("'{}'", value.replace('\'', r"'\''")).into(),
        }
    }
}

fn each(bytes: &[u8], spell: impl Fn(&u8) -> String) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| spell(byte).into_bytes())
        .collect()
}
