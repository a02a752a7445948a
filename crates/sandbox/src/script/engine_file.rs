//! The file of the engine: its code without its data, and its data as a memory.

use wasm_encoder::{Module, RawSection};
use wasmparser::{DataKind, Operator, Parser, Payload, SectionLimited, TypeRef};

/// `guest-sdk/js/engine`, as `cargo xtask engine` built it, or another file of it: `build.rs` says which.
pub(super) const ENGINE: &[u8] = include_bytes!(env!("LOCKSTEP_ENGINE"));

/// The SHA-256 of the file.
pub(super) const DIGEST: [u8; 32] = *include_bytes!(env!("LOCKSTEP_ENGINE_DIGEST"));

/// Bytes of a page of WebAssembly.
pub(super) const PAGE_BYTES: usize = 64 << 10;

/// Sections that a module with a prepared memory must not have: its data would be written over what is prepared, and its
/// start function clears the memory behind the data.
const START_SECTION: u8 = 8;
const DATA_SECTION: u8 = 11;
const DATA_COUNT_SECTION: u8 = 12;

/// The two halves of the engine's file.
pub(super) struct EngineFile {
    /// A module with the code.
    pub(super) code: Vec<u8>,
    /// The memory as the data of the file make it.
    pub(super) memory: Vec<u8>,
}

impl EngineFile {
    /// Takes the file apart.
    pub(super) fn parse(wasm: &[u8]) -> wasmtime::Result<Self> {
        let mut code = Module::new();
        let mut memory = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::ImportSection(imports) => {
                    for import in imports.clone().into_imports() {
                        if let TypeRef::Memory(ty) = import?.ty {
                            memory = vec![0; usize::try_from(ty.initial)? * PAGE_BYTES];
                        }
                    }
                }
                Payload::DataSection(data) => write_data(data, &mut memory)?,
                _ => {}
            }
            if let Some((id, range)) = payload.as_section()
                && !matches!(id, START_SECTION | DATA_SECTION | DATA_COUNT_SECTION)
            {
                code.section(&RawSection {
                    id,
                    data: &wasm[range],
                });
            }
        }
        Ok(Self {
            code: code.finish(),
            memory,
        })
    }
}

fn write_data(
    segments: &SectionLimited<'_, wasmparser::Data<'_>>,
    memory: &mut [u8],
) -> wasmtime::Result<()> {
    let odd = || wasmtime::Error::msg("the engine's file has a data segment of another kind");
    for segment in segments.clone() {
        let segment = segment?;
        let DataKind::Active { offset_expr, .. } = segment.kind else {
            return Err(odd());
        };
        let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else {
            return Err(odd());
        };
        let start = usize::try_from(value)?;
        memory
            .get_mut(start..start + segment.data.len())
            .ok_or_else(odd)?
            .copy_from_slice(segment.data);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lockstep_step::Digest;

    use super::*;

    #[test]
    fn the_digest_is_that_of_the_file() {
        assert_eq!(Digest::of(ENGINE).as_bytes(), &DIGEST);
    }
}
