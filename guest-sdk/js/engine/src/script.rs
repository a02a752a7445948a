//! The code of a step: compiled, then evaluated, then called.

use std::ffi::CStr;

use rquickjs::{
    Ctx, Error, Function, Object, Persistent, Promise, Value, promise::PromiseState, qjs,
};

use crate::{buffer::Buffer, failure, native::Platform, turn};

/// What kind of program a step is.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// An ES module; its default export is called.
    Module,
    /// The body of an async function of `input` and `ctx`.
    Plain,
}

/// A step, as far as it is.
pub(crate) enum Script {
    /// A module whose top level has not been evaluated.
    Declared(Persistent<Value<'static>>),
    /// What is called in a run.
    Ready(Persistent<Function<'static>>),
}

/// What is before a module, whose own first line is line 1 again: QuickJS counts the columns of its own first line from 0.
const BLANK: &[u8] = b"\n\n";
/// What makes a function of a plain script, whose own first line is line 1 again.
const BEFORE: &[u8] = b"\n(async function (input, ctx) {\n";
const AFTER: &[u8] = b"\n})";
/// The number of the first line then: not 0, which QuickJS takes for "not given".
const FIRST_LINE: i32 = -1;

impl Script {
    /// Compiles a step. The error is for people.
    pub(crate) fn compile(
        ctx: &Ctx<'_>,
        name: &Buffer,
        code: Buffer,
        form: Form,
    ) -> Result<Self, String> {
        let compiled = match form {
            Form::Module => compile_module(ctx, name, &code),
            Form::Plain => compile_plain(ctx, name, &code),
        };
        compiled.map_err(|error| failure::describe(ctx, &error))
    }

    /// Evaluates the top level while the step is prepared, where nothing may be left to do.
    pub(crate) fn prepare(&mut self, ctx: &Ctx<'_>, platform: &Platform) -> Result<(), String> {
        let Self::Declared(module) = self else {
            return Ok(());
        };
        let module = module.clone();
        let function = (|| {
            let module = module.restore(ctx)?;
            let done = start_module(ctx, &module)?;
            turn::end(ctx, platform, Some(&done))?;
            match done.state() {
                PromiseState::Pending => Ok(None),
                PromiseState::Resolved | PromiseState::Rejected => {
                    done.finish::<()>()?;
                    default_export(ctx, &module).map(Some)
                }
            }
        })()
        .map_err(|error: Error| failure::describe(ctx, &error))?;
        let Some(function) = function else {
            return Err("the top level of the step is not done".to_owned());
        };
        *self = Self::Ready(Persistent::save(ctx, function));
        Ok(())
    }

    /// What a run calls. Evaluates the top level, if that is not done.
    pub(crate) fn function<'js>(
        &self,
        ctx: &Ctx<'js>,
        platform: &Platform,
    ) -> rquickjs::Result<Function<'js>> {
        match self {
            Self::Ready(function) => function.clone().restore(ctx),
            Self::Declared(module) => {
                let module = module.clone().restore(ctx)?;
                let done = start_module(ctx, &module)?;
                turn::settle(ctx, platform, &done)?;
                default_export(ctx, &module)
            }
        }
    }
}

fn compile_module(ctx: &Ctx<'_>, name: &Buffer, code: &Buffer) -> rquickjs::Result<Script> {
    let flags = qjs::JS_EVAL_TYPE_MODULE | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    let lowered = Buffer::join(&[BLANK, code]);
    let module = compile(ctx, name, &lowered, flags)?;
    Ok(Script::Declared(Persistent::save(ctx, module)))
}

fn compile_plain(ctx: &Ctx<'_>, name: &Buffer, code: &Buffer) -> rquickjs::Result<Script> {
    let wrapped = Buffer::join(&[BEFORE, code, AFTER]);
    let function = compile(ctx, name, &wrapped, qjs::JS_EVAL_TYPE_GLOBAL)?;
    let function = function.get::<Function>()?;
    Ok(Script::Ready(Persistent::save(ctx, function)))
}

pub(crate) fn compile<'js>(
    ctx: &Ctx<'js>,
    name: &Buffer,
    code: &Buffer,
    flags: u32,
) -> rquickjs::Result<Value<'js>> {
    let mut options = qjs::JSEvalOptions {
        version: qjs::JS_EVAL_OPTIONS_VERSION as i32,
        eval_flags: flags as i32,
        filename: name.as_c_str().as_ptr(),
        line_num: FIRST_LINE,
    };
    let length = code.len() as qjs::size_t;
    unsafe {
        let value = qjs::JS_Eval2(
            ctx.as_raw().as_ptr(),
            code.as_ptr(),
            length,
            &raw mut options,
        );
        checked(ctx, value)
    }
}

/// The value of JSON text.
pub(crate) fn parse<'js>(
    ctx: &Ctx<'js>,
    json: &Buffer,
    name: &CStr,
) -> rquickjs::Result<Value<'js>> {
    let length = json.len() as qjs::size_t;
    unsafe {
        let context = ctx.as_raw().as_ptr();
        let value = qjs::JS_ParseJSON(context, json.as_ptr(), length, name.as_ptr());
        checked(ctx, value)
    }
}

/// Begins to evaluate a module; the promise tells when that is done.
fn start_module<'js>(ctx: &Ctx<'js>, module: &Value<'js>) -> rquickjs::Result<Promise<'js>> {
    unsafe {
        let context = ctx.as_raw().as_ptr();
        let module = qjs::JS_DupValue(context, module.as_raw());
        checked(ctx, qjs::JS_EvalFunction(context, module))?.get()
    }
}

fn default_export<'js>(ctx: &Ctx<'js>, module: &Value<'js>) -> rquickjs::Result<Function<'js>> {
    let namespace: Object = unsafe {
        let pointer = qjs::JS_VALUE_GET_PTR(module.as_raw()).cast();
        checked(
            ctx,
            qjs::JS_GetModuleNamespace(ctx.as_raw().as_ptr(), pointer),
        )?
        .get()?
    };
    let export: Value = namespace.get("default")?;
    let kind = export.type_name();
    export.try_into_function().map_err(|_| {
        let message = format!("the default export of the step must be a function, not {kind}");
        rquickjs::Exception::throw_type(ctx, &message)
    })
}

/// # Safety
/// `value` is owned, and of this context.
pub(crate) unsafe fn checked<'js>(
    ctx: &Ctx<'js>,
    value: qjs::JSValue,
) -> rquickjs::Result<Value<'js>> {
    if unsafe { qjs::JS_IsException(value) } {
        return Err(Error::Exception);
    }
    Ok(unsafe { Value::from_raw(ctx.clone(), value) })
}
