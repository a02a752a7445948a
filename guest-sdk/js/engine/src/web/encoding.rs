//! Text to bytes and back: the crate `encoding_rs` has the encodings of the Encoding Standard.

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};
use rquickjs::convert::List;
use rquickjs::function::MutFn;
use rquickjs::{CString, Ctx, Exception, Function, Object, Result, TypedArray};

use super::bytes::{self, Bytes};

pub(super) fn natives<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    natives.set("encode", Function::new(ctx.clone(), encode)?)?;
    natives.set("encodeInto", Function::new(ctx.clone(), encode_into)?)?;
    natives.set("encodingOf", Function::new(ctx.clone(), encoding_of)?)?;
    natives.set("decodeUtf8", Function::new(ctx.clone(), decode_utf8)?)?;
    natives.set("decoder", Function::new(ctx.clone(), decoder)?)?;
    Ok(natives)
}

/// The UTF-8 of a string that has no lone surrogates.
fn encode<'js>(ctx: Ctx<'js>, text: CString<'js>) -> Result<TypedArray<'js, u8>> {
    bytes::array(&ctx, text.as_str().as_bytes().to_vec())
}

/// Writes as many whole characters as fit; gives how many UTF-16 units were read and bytes written.
fn encode_into<'js>(text: CString<'js>, destination: TypedArray<'js, u8>) -> List<(usize, usize)> {
    let text = text.as_str();
    let room = destination.as_raw().map_or(0, |raw| raw.len());
    let written = text.floor_char_boundary(room);
    bytes::write(&destination, &text.as_bytes()[..written]);
    List((text[..written].encode_utf16().count(), written))
}

/// The name of the encoding that a label means, in lower case.
fn encoding_of(label: CString<'_>) -> Option<String> {
    let encoding = Encoding::for_label_no_replacement(label.as_str().as_bytes());
    encoding.map(|encoding| encoding.name().to_ascii_lowercase())
}

/// The whole of a UTF-8 text at once; undefined where it is not valid and `fatal`.
fn decode_utf8<'js>(
    ctx: Ctx<'js>,
    input: Bytes<'js>,
    fatal: bool,
    keep_bom: bool,
) -> Result<Option<rquickjs::String<'js>>> {
    let input = input
        .strip_prefix(b"\xEF\xBB\xBF")
        .filter(|_| !keep_bom)
        .unwrap_or(&input);
    let text = match (std::str::from_utf8(input), fatal) {
        (Ok(text), _) => rquickjs::String::from_str(ctx, text)?,
        (Err(_), true) => return Ok(None),
        (Err(_), false) => rquickjs::String::from_str(ctx, &String::from_utf8_lossy(input))?,
    };
    Ok(Some(text))
}

/// A function `(bytes, stream) -> string`, undefined at the first malformed sequence where `fatal`; it keeps what a chunk
/// left open until the next.
fn decoder<'js>(ctx: Ctx<'js>, name: String, fatal: bool, keep_bom: bool) -> Result<Function<'js>> {
    let Some(encoding) = Encoding::for_label(name.as_bytes()) else {
        return Err(Exception::throw_range(&ctx, "unknown encoding"));
    };
    let mut decoder = if keep_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    };
    let decode = move |ctx: Ctx<'js>,
                       input: Bytes<'js>,
                       stream: bool|
          -> Result<Option<rquickjs::String<'js>>> {
        match decode_chunk(&mut decoder, &input, fatal, !stream) {
            Some(text) => Ok(Some(rquickjs::String::from_str(ctx, &text)?)),
            None => Ok(None),
        }
    };
    Function::new(ctx, MutFn::from(decode))
}

fn decode_chunk(
    decoder: &mut Decoder,
    mut input: &[u8],
    fatal: bool,
    last: bool,
) -> Option<String> {
    let mut text = String::new();
    loop {
        let room = if fatal {
            decoder.max_utf8_buffer_length_without_replacement(input.len())
        } else {
            decoder.max_utf8_buffer_length(input.len())
        };
        text.reserve(room?);
        let read = if fatal {
            let (result, read) =
                decoder.decode_to_string_without_replacement(input, &mut text, last);
            match result {
                DecoderResult::InputEmpty => return Some(text),
                DecoderResult::Malformed(..) => return None,
                DecoderResult::OutputFull => read,
            }
        } else {
            let (result, read, _) = decoder.decode_to_string(input, &mut text, last);
            match result {
                CoderResult::InputEmpty => return Some(text),
                CoderResult::OutputFull => read,
            }
        };
        input = &input[read..];
    }
}
