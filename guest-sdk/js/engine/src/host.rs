//! What the host does for the engine. While a step is prepared, all of it but [`panic`] traps: what touches it is not pure.

use std::cell::Cell;

use zeroize::Zeroizing;

mod import {
    #[link(wasm_import_module = "lockstep")]
    unsafe extern "C" {
        pub(super) fn call(call: i32, bytes: *mut u8, length: usize) -> i64;
        pub(super) fn wait(microseconds: f64) -> u64;
        pub(super) fn network(
            operation: i32,
            id: i32,
            bytes: *const u8,
            length: usize,
            body: *const u8,
            body_length: usize,
        ) -> i32;
    }
}

/// What the host is called for. All go through one import: a run pays for each that the engine has. The numbers are those
/// in `crates/sandbox/src/script/call.rs`.
#[derive(Clone, Copy)]
enum Call {
    Now = 0,
    Monotonic = 1,
    Random = 2,
    Stdout = 3,
    Stderr = 4,
    Credential = 5,
    Missing = 6,
    Context = 7,
    Take = 8,
    Panic = 9,
    Sign = 10,
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
    as_us(call(Call::Now, &[]))
}

/// Microseconds since the run began.
pub(crate) fn monotonic_us() -> f64 {
    as_us(call(Call::Monotonic, &[]))
}

pub(crate) fn random(bytes: &mut [u8]) {
    call_to_write(Call::Random, bytes);
}

pub(crate) fn log(stream: Stream, text: &str) {
    let stream = match stream {
        Stream::Stdout => Call::Stdout,
        Stream::Stderr => Call::Stderr,
    };
    call(stream, text.as_bytes());
}

/// Why a run does not get a credential.
pub(crate) enum Refused {
    /// There is none of that key, or the run may not use it.
    Missing,
    /// It is not sealed, and its workspace gives steps no values.
    SealingRequired,
}

/// The value of a credential; of a sealed one its placeholder.
pub(crate) fn credential(key: &str) -> Result<Zeroizing<Vec<u8>>, Refused> {
    const SEALING_REQUIRED: i64 = -2;
    let length = call(Call::Credential, key.as_bytes());
    match usize::try_from(length) {
        Ok(length) => Ok(take(length)),
        Err(_) if length == SEALING_REQUIRED => Err(Refused::SealingRequired),
        Err(_) => Err(Refused::Missing),
    }
}

/// Those of some keys that this run cannot use.
pub(crate) fn missing(keys: &[String]) -> Vec<String> {
    let keys = keys.join("\n");
    lines(call(Call::Missing, keys.as_bytes()))
}

/// Has something signed, or a signature verified: JSON of what is asked for, and the data. What comes back is text.
pub(crate) fn sign(asked: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + asked.len() + data.len());
    bytes.extend_from_slice(&(asked.len() as u32).to_le_bytes());
    bytes.extend_from_slice(asked.as_bytes());
    bytes.extend_from_slice(data);
    let length = call(Call::Sign, &bytes);
    std::mem::take(&mut *take(usize::try_from(length).unwrap_or(0)))
}

/// What the run knows of itself: JSON text.
pub(crate) fn context() -> Zeroizing<Vec<u8>> {
    let length = call(Call::Context, &[]);
    take(usize::try_from(length).unwrap_or(0))
}

/// Returns after so long, infinity for never, or as soon as a request has news. `None`: the time is over.
pub(crate) fn wait_us(microseconds: f64) -> Option<News> {
    let news = unsafe { import::wait(microseconds) };
    (news != 0).then_some(News {
        kind: (news >> 56) as u8,
        id: (news >> 32 & 0x00ff_ffff) as i32,
        length: news as u32 as usize,
    })
}

/// What happened to a request. The bytes that tell more wait for [`take_news`].
pub(crate) struct News {
    pub(crate) kind: u8,
    pub(crate) id: i32,
    pub(crate) length: usize,
}

/// An operation on a request. `body` is what follows the head of one that is opened.
pub(crate) fn network(operation: i32, id: i32, bytes: &[u8], body: &[u8]) -> i32 {
    unsafe {
        import::network(
            operation,
            id,
            bytes.as_ptr(),
            bytes.len(),
            body.as_ptr(),
            body.len(),
        )
    }
}

/// What tells more of news. Nothing of it is wiped: a step has it all.
pub(crate) fn take_news(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 1);
    unsafe {
        import::call(Call::Take as i32, bytes.as_mut_ptr(), length);
        bytes.set_len(length);
    }
    bytes
}

/// Tells the host why the engine cannot go on. Does not return.
pub(crate) fn panic(message: &str) {
    call(Call::Panic, message.as_bytes());
}

fn lines(length: i64) -> Vec<String> {
    let bytes = take(usize::try_from(length).unwrap_or(0));
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::to_owned).collect()
}

/// What the host has waiting: so many bytes.
pub(crate) fn take(length: usize) -> Zeroizing<Vec<u8>> {
    // With room for a NUL behind it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    bytes.resize(length, 0);
    call_to_write(Call::Take, &mut bytes);
    bytes
}

/// Calls the host, which reads some bytes.
fn call(what: Call, bytes: &[u8]) -> i64 {
    unsafe { import::call(what as i32, bytes.as_ptr().cast_mut(), bytes.len()) }
}

/// Calls the host, which writes to some bytes.
fn call_to_write(what: Call, bytes: &mut [u8]) {
    unsafe { import::call(what as i32, bytes.as_mut_ptr(), bytes.len()) };
}

fn as_us(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e3
}

/// What the C library asks for the time.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    now_us()
}
