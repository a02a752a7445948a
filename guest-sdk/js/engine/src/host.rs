//! What the host does for the engine. While a step is prepared, all of it but [`panic`] traps: what touches it is not pure.

use std::cell::Cell;

use zeroize::Zeroizing;

mod import {
    #[link(wasm_import_module = "lockstep")]
    unsafe extern "C" {
        pub(super) fn now() -> f64;
        pub(super) fn monotonic() -> f64;
        pub(super) fn random(bytes: *mut u8, length: usize);
        pub(super) fn log(stream: i32, text: *const u8, length: usize);
        pub(super) fn credential(key: *const u8, length: usize) -> i32;
        pub(super) fn missing(keys: *const u8, length: usize) -> i32;
        pub(super) fn context() -> i32;
        pub(super) fn take(to: *mut u8);
        pub(super) fn sleep(microseconds: f64);
        pub(super) fn panic(message: *const u8, length: usize);
    }
}

/// Where log text goes.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

thread_local! {
    /// Whether the engine starts. QuickJS asks for the time then, as a seed that is not used.
    static STARTS: Cell<bool> = const { Cell::new(true) };
}

/// From now on the time is the host's.
pub(crate) fn has_started() {
    STARTS.set(false);
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> f64 {
    if STARTS.get() {
        return 0.0;
    }
    unsafe { import::now() }
}

/// Microseconds since the run began.
pub(crate) fn monotonic_us() -> f64 {
    unsafe { import::monotonic() }
}

pub(crate) fn random(bytes: &mut [u8]) {
    unsafe { import::random(bytes.as_mut_ptr(), bytes.len()) };
}

pub(crate) fn log(stream: Stream, text: &str) {
    let stream = match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    unsafe { import::log(stream, text.as_ptr(), text.len()) };
}

/// The value of a credential. `None`: this run has none of that key, or may not use it.
pub(crate) fn credential(key: &str) -> Option<Zeroizing<Vec<u8>>> {
    let length = unsafe { import::credential(key.as_ptr(), key.len()) };
    usize::try_from(length).ok().map(take)
}

/// Those of some keys that this run cannot use.
pub(crate) fn missing(keys: &[String]) -> Vec<String> {
    let keys = keys.join("\n");
    lines(unsafe { import::missing(keys.as_ptr(), keys.len()) })
}

/// What the run knows of itself: JSON text.
pub(crate) fn context() -> Zeroizing<Vec<u8>> {
    let length = unsafe { import::context() };
    take(usize::try_from(length).unwrap_or(0))
}

pub(crate) fn sleep_us(microseconds: f64) {
    unsafe { import::sleep(microseconds) };
}

/// Tells the host why the engine cannot go on. Does not return.
pub(crate) fn panic(message: &str) {
    unsafe { import::panic(message.as_ptr(), message.len()) };
}

fn lines(length: i32) -> Vec<String> {
    let bytes = take(usize::try_from(length).unwrap_or(0));
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::to_owned).collect()
}

/// What the host has waiting: so many bytes.
pub(crate) fn take(length: usize) -> Zeroizing<Vec<u8>> {
    // With room for a NUL behind it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    bytes.resize(length, 0);
    unsafe { import::take(bytes.as_mut_ptr()) };
    bytes
}

/// What the C library asks for the time.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    now_us()
}
