//! What Lockstep offers to a command, imported by hand as the canonical ABI of the component model lays it down.
//!
//! Text goes out as an address and a length. Text comes in through memory that the host asks of `cabi_realloc`.

use std::{alloc, alloc::Layout, ptr};

/// `result<string, credential-error>`: which of the two, and the addresses and lengths of its texts.
#[repr(C)]
#[derive(Default)]
struct Answer {
    is_error: u8,
    /// The value; or the error's code, key and message.
    texts: [Text; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Text {
    address: usize,
    length: usize,
}

#[link(wasm_import_module = "lockstep:step/credentials@1.0.0")]
unsafe extern "C" {
    #[link_name = "credential"]
    fn import_credential(key: *const u8, length: usize, answer: *mut Answer);
}

#[link(wasm_import_module = "lockstep:step/output@1.0.0")]
unsafe extern "C" {
    #[link_name = "set-output"]
    fn import_set_output(json: *const u8, length: usize);
}

/// The keys of the credentials that this step uses, each ended by a line end: Lockstep lists them when the step is
/// registered. An SDK records them by itself.
#[cfg_attr(
    target_family = "wasm",
    unsafe(link_section = "lockstep:credential-keys")
)]
#[used]
static CREDENTIAL_KEYS: [u8; 18] = *b"READABILITY_TOKEN\n";

/// The value of a credential, or a message that says why there is none.
pub fn credential(key: &str) -> Result<String, String> {
    let mut answer = Answer::default();
    // SAFETY: `key` is text; `answer` is laid out as the host writes it.
    unsafe { import_credential(key.as_ptr(), key.len(), &mut answer) };
    let [first, _, message] = answer.texts;
    if answer.is_error == 0 {
        Ok(first.take())
    } else {
        Err(message.take())
    }
}

/// Sets the output of the step, as JSON text.
pub fn set_output(json: &str) {
    // SAFETY: the host only reads the text.
    unsafe { import_set_output(json.as_ptr(), json.len()) }
}

impl Text {
    /// The text, which the host wrote into memory of `cabi_realloc` and gave away.
    fn take(self) -> String {
        // SAFETY: so it was allocated, with this length, and the host writes UTF-8.
        unsafe { String::from_raw_parts(self.address as *mut u8, self.length, self.length) }
    }
}

/// Through this the host allocates what it hands over. It never asks for another size of what it has.
#[unsafe(export_name = "cabi_realloc")]
extern "C" fn cabi_realloc(_old: *mut u8, _old_size: usize, align: usize, size: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(size, align) else {
        return ptr::null_mut();
    };
    if size == 0 {
        return ptr::without_provenance_mut(align);
    }
    // SAFETY: the size is not 0.
    unsafe { alloc::alloc(layout) }
}
