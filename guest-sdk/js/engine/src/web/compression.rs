//! gzip, zlib and raw deflate: the crate `flate2` over miniz_oxide.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{
    DeflateDecoder, DeflateEncoder, GzDecoder, GzEncoder, ZlibDecoder, ZlibEncoder,
};
use rquickjs::function::MutFn;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use super::bytes::{self, Bytes};

pub(super) fn natives<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    natives.set("compressor", Function::new(ctx.clone(), compressor)?)?;
    natives.set("decompressor", Function::new(ctx.clone(), decompressor)?)?;
    Ok(natives)
}

/// A function `(bytes, last) -> Uint8Array` that compresses.
fn compressor<'js>(ctx: Ctx<'js>, format: String) -> Result<Function<'js>> {
    let level = Compression::default();
    let coder: Box<dyn Coder> = match format.as_str() {
        "gzip" => Box::new(GzEncoder::new(Vec::new(), level)),
        "deflate" => Box::new(ZlibEncoder::new(Vec::new(), level)),
        _ => Box::new(DeflateEncoder::new(Vec::new(), level)),
    };
    function(ctx, coder)
}

/// The same, the other way; it throws a `TypeError` for what is not of the format, ends early or goes on after its end.
fn decompressor<'js>(ctx: Ctx<'js>, format: String) -> Result<Function<'js>> {
    let coder: Box<dyn Coder> = match format.as_str() {
        "gzip" => Box::new(GzDecoder::new(Vec::new())),
        "deflate" => Box::new(ZlibDecoder::new(Vec::new())),
        _ => Box::new(DeflateDecoder::new(Vec::new())),
    };
    function(ctx, coder)
}

fn function<'js>(ctx: Ctx<'js>, mut coder: Box<dyn Coder>) -> Result<Function<'js>> {
    let code = move |ctx: Ctx<'js>, input: Bytes<'js>, last: bool| -> Result<TypedArray<'js, u8>> {
        match push(coder.as_mut(), &input, last) {
            Ok(output) => bytes::array(&ctx, output),
            Err(error) => Err(Exception::throw_type(&ctx, &error.to_string())),
        }
    };
    Function::new(ctx, MutFn::from(code))
}

fn push(coder: &mut dyn Coder, mut input: &[u8], last: bool) -> io::Result<Vec<u8>> {
    while !input.is_empty() {
        match coder.write(input)? {
            0 => {
                return Err(io::Error::other(
                    "there is data after the end of the compressed stream",
                ));
            }
            read => input = &input[read..],
        }
    }
    coder.tell()?;
    if last {
        coder.end()?;
    }
    Ok(coder.take())
}

/// What the six coders have in common.
trait Coder: Write {
    /// Lets out what can be told by now: of a decoder all that its input says, of an encoder what it is sure of anyway.
    fn tell(&mut self) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
    /// What has been written so far.
    fn take(&mut self) -> Vec<u8>;
}

macro_rules! coder {
    ($tell:expr => $($name:ident),*) => {
        $(impl Coder for $name<Vec<u8>> {
            fn tell(&mut self) -> io::Result<()> {
                $tell(self)
            }

            fn end(&mut self) -> io::Result<()> {
                self.try_finish()
            }

            fn take(&mut self) -> Vec<u8> {
                std::mem::take(self.get_mut())
            }
        })*
    };
}

coder!(|_| Ok(()) => GzEncoder, ZlibEncoder, DeflateEncoder);
coder!(Write::flush => GzDecoder, ZlibDecoder, DeflateDecoder);
