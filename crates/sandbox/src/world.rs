//! Which world a component is of, and what it lacks if it is of none.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::InvalidStep;

/// What the worlds offer and want, for the end of a message.
pub(crate) const OFFER: &str = "a step exports `run: func(input: string) -> result<string, failure>` (world `step`) or is \
    a WASI command with `_start` (world `command`), and imports nothing but `lockstep:step/credentials@1.0.0`, a command \
    also `lockstep:step/output@1.0.0`, and the command-line interfaces of WASI (0.2 or preview 1)";

const RUN: &str = "run";
const RUN_PARAMS: &str = "string";
const RUN_RESULT: &str = "result<string, record { message: string, retryable: bool, missing-credentials: list<string> }>";
const COMMAND: &str = "wasi:cli/run@0.2.";

const IMPORTS: [&str; 9] = [
    "lockstep:step/credentials@1.",
    "lockstep:step/output@1.",
    "lockstep:step/failures@1.",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// How a component is entered.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    /// `run` of the world `step`.
    Step(ComponentExportIndex),
    /// `wasi:cli/run` of the world `command`.
    Command(ComponentExportIndex),
}

/// The entry of `component`; checks imports and the type of the entry on the way.
pub(crate) fn entry(engine: &Engine, component: &Component) -> Result<Entry, InvalidStep> {
    let ty = component.component_type();
    for (name, _) in ty.imports(engine) {
        if !IMPORTS.iter().any(|known| name.starts_with(known)) {
            return Err(InvalidStep::new(format!(
                "the component imports `{name}`, which no world offers; {OFFER}"
            )));
        }
    }
    if let Some((item, index)) = component.get_export(None, RUN) {
        check_run(&item)?;
        return Ok(Entry::Step(index));
    }
    let command = ty
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .find(|name| name.starts_with(COMMAND));
    let command = command.and_then(|name| {
        let instance = component.get_export_index(None, &name)?;
        component.get_export_index(Some(&instance), RUN)
    });
    match command {
        Some(index) => Ok(Entry::Command(index)),
        None => Err(InvalidStep::new(format!(
            "the component exports neither `{RUN}` nor `wasi:cli/run@0.2`; {OFFER}"
        ))),
    }
}

fn check_run(item: &ComponentItem) -> Result<(), InvalidStep> {
    let ComponentItem::ComponentFunc(function) = item else {
        return Err(InvalidStep::new(format!(
            "the export `{RUN}` is no function; {OFFER}"
        )));
    };
    let (params, result) = signature(function);
    if params == RUN_PARAMS && result == RUN_RESULT {
        return Ok(());
    }
    Err(InvalidStep::new(format!(
        "the export `{RUN}` has the type `func({params}) -> {result}`, not `func({RUN_PARAMS}) -> {RUN_RESULT}`; {OFFER}"
    )))
}

fn signature(function: &ComponentFunc) -> (String, String) {
    let list = |types: Vec<String>| types.join(", ");
    let params = list(function.params().map(|(_, ty)| text(&ty)).collect());
    let results = list(function.results().map(|ty| text(&ty)).collect());
    (params, results)
}

/// A type in WIT's notation, with records written out. Types that cannot occur in an entry are only named.
fn text(ty: &Type) -> String {
    let optional = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| text(&ty));
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::Float32 => "f32".to_owned(),
        Type::Float64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(list) => format!("list<{}>", text(&list.ty())),
        Type::Option(option) => format!("option<{}>", text(&option.ty())),
        Type::Result(result) => format!(
            "result<{}, {}>",
            optional(result.ok()),
            optional(result.err())
        ),
        Type::Record(record) => {
            let fields: Vec<_> = record
                .fields()
                .map(|field| format!("{}: {}", field.name, text(&field.ty)))
                .collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        Type::Tuple(tuple) => {
            let types: Vec<_> = tuple.types().map(|ty| text(&ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        Type::Variant(_) => "variant".to_owned(),
        Type::Enum(_) => "enum".to_owned(),
        Type::Flags(_) => "flags".to_owned(),
        Type::Map(_) => "map".to_owned(),
        Type::Own(_) | Type::Borrow(_) => "resource".to_owned(),
        Type::Future(_) => "future".to_owned(),
        Type::Stream(_) => "stream".to_owned(),
        Type::ErrorContext => "error-context".to_owned(),
        Type::FixedLengthList(_) => "fixed-length list".to_owned(),
    }
}
