//! What the host calls. README.md has the table.

use std::cell::RefCell;

use crate::{
    buffer::{self, Buffer},
    engine, host, run,
    script::Form,
};

thread_local! {
    /// Why the last `declare` or `evaluate` was refused.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

const GOOD: i32 = 0;
const REFUSED: i32 = 1;

#[unsafe(no_mangle)]
extern "C" fn load() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // Unless somebody calls it, the linker wraps each export so that constructors and destructors run at every call.
    unsafe { __wasm_call_ctors() };
    std::panic::set_hook(Box::new(|info| host::panic(&info.to_string())));
}

#[unsafe(no_mangle)]
extern "C" fn platform() -> u64 {
    locate(engine::compile_platform().leak())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn init(platform: *mut u8, length: usize) {
    engine::start(unsafe { Buffer::from_host(platform, length) });
}

#[unsafe(no_mangle)]
extern "C" fn alloc(length: usize) -> *mut u8 {
    buffer::allocate(length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn declare(
    name: *mut u8,
    name_length: usize,
    code: *mut u8,
    code_length: usize,
    form: i32,
    map: *mut u8,
    map_length: usize,
) -> i32 {
    let (name, code, map) = unsafe {
        (
            Buffer::from_host(name, name_length),
            Buffer::from_host(code, code_length),
            Buffer::from_host(map, map_length),
        )
    };
    let form = if form == 0 { Form::Module } else { Form::Plain };
    answer(engine::get(|engine| {
        engine.declare(&name, code, form, &map)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn evaluate() -> i32 {
    answer(engine::get(|engine| engine.evaluate()))
}

#[unsafe(no_mangle)]
extern "C" fn settle() {
    engine::get(engine::Engine::settle);
}

#[unsafe(no_mangle)]
extern "C" fn run(length: usize) -> u64 {
    let input = Buffer::of(host::take(length));
    let answer = engine::get(|engine| run::run(engine, input));
    locate(&*answer.leak())
}

#[unsafe(no_mangle)]
extern "C" fn message() -> u64 {
    MESSAGE.with_borrow(|message| locate(message.as_bytes()))
}

fn answer(result: Result<(), String>) -> i32 {
    match result {
        Ok(()) => GOOD,
        Err(message) => {
            MESSAGE.set(message);
            REFUSED
        }
    }
}

fn locate(bytes: &[u8]) -> u64 {
    (bytes.as_ptr() as u64) << 32 | bytes.len() as u64
}
