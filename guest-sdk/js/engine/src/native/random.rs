//! `Math.random`, seeded by the host in each run when it is first called: QuickJS seeds its own once, from the time, and
//! that would be part of the snapshot.

use std::cell::Cell;

use rquickjs::{Ctx, Object, Value, qjs};

use crate::{host, script::checked};

thread_local! {
    /// The state of xoshiro256++, or zeros before the first call.
    static STATE: Cell<[u64; 4]> = const { Cell::new([0; 4]) };
}

pub(crate) fn install(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    let math: Object = ctx.globals().get("Math")?;
    let random: Value = unsafe {
        let context = ctx.as_raw().as_ptr();
        let function = qjs::JS_NewCFunction2(
            context,
            Some(random),
            c"random".as_ptr(),
            0,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        );
        checked(ctx, function)?
    };
    math.set("random", random)
}

unsafe extern "C" fn random(
    _: *mut qjs::JSContext,
    _: qjs::JSValue,
    _: i32,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    let mut state = STATE.get();
    if state == [0; 4] {
        state = seed();
    }
    let bits = next(&mut state);
    STATE.set(state);
    // 53 bits are what a number between 0 and 1 can tell.
    qjs::JS_NewFloat64((bits >> 11) as f64 / (1u64 << 53) as f64)
}

fn seed() -> [u64; 4] {
    let mut bytes = [0; 32];
    host::random(&mut bytes);
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    words
}

/// One step of xoshiro256++ (Blackman and Vigna).
fn next(state: &mut [u64; 4]) -> u64 {
    let result = state[0]
        .wrapping_add(state[3])
        .rotate_left(23)
        .wrapping_add(state[0]);
    let shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3].rotate_left(45);
    result
}
