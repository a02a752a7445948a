//! Values, and text that spells them in many ways, from the bytes of the fuzzer.

use arbitrary::{Result, Unstructured};

use crate::model::spell::{self, KINDS, PLAIN_KINDS, Piece, VALUES};

/// More would only be slow: the model looks for every form at every place of every view.
const LONGEST_TEXT_BYTES: usize = 1500;
const LONGEST_VALUE_BYTES: u8 = 40;
const LONGEST_RAW_BYTES: u8 = 48;

/// Up to four values: of the model's, which are full of what views undo, or any text.
pub(crate) fn values(bytes: &mut Unstructured<'_>) -> Result<Vec<String>> {
    let count = bytes.int_in_range(1..=4)?;
    (0..count).map(|_| value(bytes)).collect()
}

fn value(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(2, 3)? {
        return Ok((*bytes.choose(&VALUES)?).to_owned());
    }
    let length = bytes.int_in_range(1..=LONGEST_VALUE_BYTES)?;
    let text = bytes.bytes(bytes.len().min(length.into()))?;
    Ok(format!("{}x", String::from_utf8_lossy(text)))
}

/// Up to `most` pieces of text, one after the other.
pub(crate) fn text(bytes: &mut Unstructured<'_>, values: &[&str], most: u8) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let count = bytes.int_in_range(0..=most)?;
    for _ in 0..count {
        if bytes.is_empty() || text.len() > LONGEST_TEXT_BYTES {
            break;
        }
        text.extend(piece(bytes, values)?);
    }
    text.truncate(LONGEST_TEXT_BYTES);
    Ok(text)
}

fn piece(bytes: &mut Unstructured<'_>, values: &[&str]) -> Result<Vec<u8>> {
    if bytes.ratio(1, 4)? {
        let length = bytes.int_in_range(0..=LONGEST_RAW_BYTES)?;
        return Ok(bytes.bytes(bytes.len().min(length.into()))?.to_vec());
    }
    let piece = Piece {
        kind: bytes.choose_index(KINDS + PLAIN_KINDS)?,
        value: bytes.arbitrary::<u8>()?.into(),
        seed: bytes.arbitrary::<u16>()?.into(),
    };
    Ok(spell::write(&[piece], values))
}
