//! Text of guests, which the server has masked: it is in its record, or on its way there.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use lockstep_secret::Masked;

/// A text.
#[expect(
    clippy::disallowed_methods,
    reason = "the server masks what it answers, and this is what it answered"
)]
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Masked<String>, D::Error> {
    String::deserialize(from).map(Masked::reread)
}

/// A document, as its text: to the last digit.
#[expect(
    clippy::disallowed_methods,
    reason = "the server masks what it answers, and this is what it answered"
)]
pub(crate) fn document<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Masked<String>>, D::Error> {
    let document = Option::<Box<RawValue>>::deserialize(from)?;
    Ok(document.map(|document| Masked::reread(Box::<str>::from(document).into())))
}
