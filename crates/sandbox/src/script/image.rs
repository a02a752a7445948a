//! A memory, as a module of data only that defines and exports it.

use wasm_encoder::{
    ConstExpr, DataSection, ExportKind, ExportSection, MemorySection, MemoryType, Module,
};

use super::engine_file::PAGE_BYTES;

/// The name of the export.
pub(super) const MEMORY: &str = "memory";

/// What is all zero is left out in pieces of this size, that of a page of the host.
const PIECE_BYTES: usize = 4 << 10;
const ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

/// The module whose memory has these bytes from the start.
pub(super) fn module(bytes: &[u8]) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: bytes.len().div_ceil(PAGE_BYTES) as u64,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    let mut data = DataSection::new();
    for (offset, stretch) in stretches(bytes) {
        // A memory of 32 bits: the offset is what its address is, whatever its sign.
        data.active(
            0,
            &ConstExpr::i32_const(offset.cast_signed()),
            stretch.iter().copied(),
        );
    }
    let mut module = Module::new();
    module.section(&memories).section(&exports).section(&data);
    module.finish()
}

/// The stretches that are not all zero, with where they begin.
fn stretches(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut stretches = Vec::new();
    let mut start = 0;
    for pieces in bytes
        .chunks(PIECE_BYTES)
        .collect::<Vec<_>>()
        .chunk_by(|a, b| is_zero(a) == is_zero(b))
    {
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if !is_zero(pieces[0])
            && let Ok(offset) = u32::try_from(start)
        {
            stretches.push((offset, &bytes[start..start + length]));
        }
        start += length;
    }
    stretches
}

fn is_zero(piece: &[u8]) -> bool {
    // Of two stretches of memory, which compares many bytes at once.
    piece == &ZEROS[..piece.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory_of(bytes: &[u8]) -> Vec<u8> {
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, module(bytes)).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        instance
            .get_memory(&mut store, MEMORY)
            .unwrap()
            .data(&store)
            .to_vec()
    }

    #[test]
    fn a_memory_comes_back_as_it_was() {
        let mut bytes = vec![0; 3 * PAGE_BYTES];
        assert_eq!(memory_of(&bytes), bytes);
        for at in [
            0,
            PIECE_BYTES - 1,
            PIECE_BYTES,
            PAGE_BYTES + 1,
            3 * PAGE_BYTES - 1,
        ] {
            bytes[at] = 7;
            assert_eq!(memory_of(&bytes), bytes, "byte {at}");
        }
    }
}
