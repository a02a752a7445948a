//! The engine's own scripts. They run before any step, and keep what they need of the global to themselves.

use std::slice;

use rquickjs::{Ctx, FromJs, context::EvalOptions, qjs};

use crate::{buffer::Buffer, script};

/// What the names of their files begin with. Lines of them are left out of stacks.
pub(crate) const PREFIX: &str = "lockstep:";

/// The value of a script.
pub(crate) fn evaluate<'js, V: FromJs<'js>>(
    ctx: &Ctx<'js>,
    name: &str,
    script: &str,
) -> rquickjs::Result<V> {
    let mut options = EvalOptions::default();
    options.filename = Some(format!("{PREFIX}{name}"));
    ctx.eval_with_options(script, options)
}

/// A script as bytecode, whose functions do not keep their text: they say that they are native code.
pub(crate) fn compile_without_text(
    ctx: &Ctx<'_>,
    name: &str,
    script: &str,
) -> rquickjs::Result<Vec<u8>> {
    let name = Buffer::join(&[PREFIX.as_bytes(), name.as_bytes()]);
    let script = Buffer::join(&[script.as_bytes()]);
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    let compiled = script::compile(ctx, &name, &script, flags)?;
    let context = ctx.as_raw().as_ptr();
    let mut length = 0;
    let flags = qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE;
    unsafe {
        let bytes = qjs::JS_WriteObject(context, &raw mut length, compiled.as_raw(), flags as i32);
        if bytes.is_null() {
            return Err(rquickjs::Error::Exception);
        }
        let bytecode = slice::from_raw_parts(bytes, length as usize).to_vec();
        qjs::js_free(context, bytes.cast());
        Ok(bytecode)
    }
}

/// The value of a script that is compiled.
pub(crate) fn evaluate_compiled<'js, V: FromJs<'js>>(
    ctx: &Ctx<'js>,
    bytecode: &[u8],
) -> rquickjs::Result<V> {
    let context = ctx.as_raw().as_ptr();
    let flags = qjs::JS_READ_OBJ_BYTECODE as i32;
    unsafe {
        let length = bytecode.len() as qjs::size_t;
        let read = qjs::JS_ReadObject(context, bytecode.as_ptr(), length, flags);
        let script = script::checked(ctx, read)?;
        let script = qjs::JS_DupValue(context, script.as_raw());
        script::checked(ctx, qjs::JS_EvalFunction(context, script))?.get()
    }
}
