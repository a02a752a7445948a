//! One heap for Rust and C: the allocator of the C library that QuickJS is linked with.
//!
//! With two, each would have to have room of its own for a short run.

use std::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::Cell,
    ffi::c_void,
    ops::RangeInclusive,
    ptr,
};

use rquickjs::{Ctx, qjs};

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn free(pointer: *mut c_void);
    fn malloc_usable_size(pointer: *mut c_void) -> usize;
    /// The functions of the C library, which the linker gives these names: what calls `free` gets [`__wrap_free`].
    fn __real_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn __real_free(pointer: *mut c_void);
    /// Where what is kept ends (`kept.h`).
    static mut lockstep_kept_end: usize;
}

/// Keeps all that lies below `end` as it is until the run is over: it is not freed and nobody counts references to it
/// (`kept.h`), so that a run which uses it writes to few of its pages.
pub(crate) fn keep(end: usize) {
    unsafe { lockstep_kept_end = end };
}

fn is_kept(pointer: *mut c_void) -> bool {
    pointer.addr() < unsafe { lockstep_kept_end }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_free(pointer: *mut c_void) {
    if !is_kept(pointer) {
        unsafe { __real_free(pointer) };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    if pointer.is_null() || !is_kept(pointer) {
        return unsafe { __real_realloc(pointer, size) };
    }
    let moved = unsafe { malloc(size) };
    if !moved.is_null() {
        let length = size.min(unsafe { malloc_usable_size(pointer) });
        unsafe { ptr::copy_nonoverlapping(pointer.cast::<u8>(), moved.cast(), length) };
    }
    moved
}

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

/// What `malloc` aligns to.
const ALIGNMENT: usize = 8;

const WASM_PAGE_BYTES: usize = 64 * 1024;

/// What holes are filled with, in bytes, the largest first. `malloc` makes no hole that is smaller than the last.
const HOLE_BYTES: [usize; 15] = [
    1 << 17,
    1 << 16,
    1 << 15,
    1 << 14,
    1 << 13,
    1 << 12,
    1 << 11,
    1 << 10,
    1 << 9,
    1 << 8,
    1 << 7,
    1 << 6,
    1 << 5,
    1 << 4,
    1,
];

/// What QuickJS takes from its lists of small blocks, in bytes; each block has 8 more for its header.
const BLOCK_BYTES: RangeInclusive<usize> = 8..=504;

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            unsafe { malloc(layout.size()).cast() }
        } else {
            let size = layout.size().next_multiple_of(layout.align());
            unsafe { aligned_alloc(layout.align(), size).cast() }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            return unsafe { calloc(1, layout.size()).cast() };
        }
        let pointer = unsafe { self.alloc(layout) };
        if !pointer.is_null() {
            unsafe { pointer.write_bytes(0, layout.size()) };
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _layout: Layout) {
        unsafe { free(pointer.cast()) };
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            return unsafe { realloc(pointer.cast(), size).cast() };
        }
        let Ok(new) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            unsafe {
                ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
        }
        moved
    }
}

/// Makes sure that so many bytes are there without asking the host for memory.
pub(crate) fn reserve(bytes: usize) {
    unsafe { free(malloc(bytes)) };
}

/// Fills what is free between what is in use, so that what a run makes lies together behind it all: the pages that a run
/// writes to are put back after it, which takes the less time the fewer they are, and the fewer stretches they make. Returns
/// where what is in use ends.
pub(crate) fn fill_holes(ctx: &Ctx<'_>) -> usize {
    let end = size();
    let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
    for bytes in HOLE_BYTES {
        while let Some(filling) = filling(unsafe { malloc(bytes) }, bytes) {
            if filling.addr() >= end {
                unsafe { free(filling) };
                break;
            }
        }
    }
    // QuickJS has lists of its own of small blocks, by size, each list in pages of its own. The one that is not in a hole
    // stays in use, and with it a page for the blocks of a run.
    for bytes in BLOCK_BYTES.step_by(ALIGNMENT) {
        let allocated = || unsafe { qjs::js_malloc_rt(runtime, bytes as qjs::size_t) };
        while filling(allocated(), bytes).is_some_and(|filling| filling.addr() < end) {}
    }
    end
}

/// Zeros, if there is memory for them.
fn filling(pointer: *mut c_void, bytes: usize) -> Option<*mut c_void> {
    if pointer.is_null() {
        return None;
    }
    unsafe { pointer.write_bytes(0, bytes) };
    Some(pointer)
}

/// Bytes of the whole memory.
pub(crate) fn size() -> usize {
    wasm32::memory_size::<0>() * WASM_PAGE_BYTES
}

/// Whether the host gives no more memory.
pub(crate) fn is_full() -> bool {
    wasm32::memory_grow::<0>(1) == usize::MAX
}

thread_local! {
    static RESERVE: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

/// What it takes to say that there is no memory left. It is zeros until then, and so costs nothing.
const RESERVE_BYTES: usize = 256 * 1024;

/// Sets memory aside for the end.
pub(crate) fn keep_reserve() {
    RESERVE.set(unsafe { calloc(1, RESERVE_BYTES) });
}

/// Gives free what was set aside.
pub(crate) fn release_reserve() {
    unsafe { free(RESERVE.replace(ptr::null_mut())) };
}
