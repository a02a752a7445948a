//! Values, and text that spells them in many ways, from the bytes of the fuzzer.

use arbitrary::{Result, Unstructured};

use crate::model::spell::{self, KINDS, PLAIN_KINDS, Piece, VALUES};

const MOST_REPEATS: u64 = 100;
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

/// What a text may have at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) pieces: u8,
    pub(crate) bytes: usize,
}

/// Pieces of text, one after the other. A piece may come many times: few bytes of the fuzzer make a long text.
pub(crate) fn text(bytes: &mut Unstructured<'_>, values: &[&str], most: Most) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let count = bytes.int_in_range(0..=most.pieces)?;
    for _ in 0..count {
        if bytes.is_empty() || text.len() > most.bytes {
            break;
        }
        let repeats = match bytes.ratio(1, 3)? {
            true => bytes.int_in_range(1..=MOST_REPEATS)?,
            false => 1,
        };
        add_piece(bytes, values, repeats, &mut text)?;
    }
    text.truncate(most.bytes);
    Ok(text)
}

/// Raw bytes are the same each time, a value is spelled in another way.
fn add_piece(
    bytes: &mut Unstructured<'_>,
    values: &[&str],
    repeats: u64,
    text: &mut Vec<u8>,
) -> Result<()> {
    if bytes.ratio(1, 4)? {
        let length = bytes.int_in_range(0..=LONGEST_RAW_BYTES)?;
        let raw = bytes.bytes(bytes.len().min(length.into()))?;
        (0..repeats).for_each(|_| text.extend_from_slice(raw));
        return Ok(());
    }
    let kind = bytes.choose_index(KINDS + PLAIN_KINDS)?;
    let value = bytes.arbitrary::<u8>()?.into();
    let seed = u64::from(bytes.arbitrary::<u16>()?);
    let spelled = (seed..seed + repeats).map(|seed| Piece { kind, value, seed });
    text.extend(spell::write(&spelled.collect::<Vec<_>>(), values));
    Ok(())
}
