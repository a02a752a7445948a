//! Which world a component is of, and what it lacks if it is of none.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::InvalidStep;
use crate::artifact::OFFER;
use crate::imports;

const RUN: &str = "run";
const RUN_PARAMS: &str = "string";
const RUN_RESULT: &str = "result<string, record { message: string, retryable: bool, missing-credentials: list<string> }>";
const COMMAND: &str = "wasi:cli/run@0.2.";

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
        imports::check_name(name)?;
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
    let params: Vec<Type> = function.params().map(|(_, ty)| ty).collect();
    let results: Vec<Type> = function.results().collect();
    let list = |types| {
        let mut notation = Notation::default();
        notation.list(types);
        notation.0
    };
    (list(params), list(results))
}

/// What of a type is written out, in bytes. A type of a hundred bytes may stand for a million others.
const MAX_NOTATION_BYTES: usize = 1 << 10;

/// A type in WIT's notation, with records written out. Types that cannot occur in an entry are only named.
#[derive(Default)]
struct Notation(String);

impl Notation {
    fn list(&mut self, types: impl IntoIterator<Item = Type>) {
        for (at, ty) in types.into_iter().enumerate() {
            self.word(if at == 0 { "" } else { ", " });
            self.ty(&ty);
            if self.is_full() {
                return;
            }
        }
    }

    fn ty(&mut self, ty: &Type) {
        if self.is_full() {
            return;
        }
        match ty {
            Type::Bool => self.word("bool"),
            Type::S8 => self.word("s8"),
            Type::U8 => self.word("u8"),
            Type::S16 => self.word("s16"),
            Type::U16 => self.word("u16"),
            Type::S32 => self.word("s32"),
            Type::U32 => self.word("u32"),
            Type::S64 => self.word("s64"),
            Type::U64 => self.word("u64"),
            Type::Float32 => self.word("f32"),
            Type::Float64 => self.word("f64"),
            Type::Char => self.word("char"),
            Type::String => self.word("string"),
            Type::List(list) => self.of("list", [list.ty()]),
            Type::Option(option) => self.of("option", [option.ty()]),
            Type::Tuple(tuple) => self.of("tuple", tuple.types()),
            Type::Result(result) => {
                self.word("result<");
                self.optional(result.ok());
                self.word(", ");
                self.optional(result.err());
                self.word(">");
            }
            Type::Record(record) => {
                self.word("record { ");
                for (at, field) in record.fields().enumerate() {
                    self.word(if at == 0 { "" } else { ", " });
                    self.word(field.name);
                    self.word(": ");
                    self.ty(&field.ty);
                    if self.is_full() {
                        return;
                    }
                }
                self.word(" }");
            }
            Type::Variant(_) => self.word("variant"),
            Type::Enum(_) => self.word("enum"),
            Type::Flags(_) => self.word("flags"),
            Type::Map(_) => self.word("map"),
            Type::Own(_) | Type::Borrow(_) => self.word("resource"),
            Type::Future(_) => self.word("future"),
            Type::Stream(_) => self.word("stream"),
            Type::ErrorContext => self.word("error-context"),
            Type::FixedLengthList(_) => self.word("fixed-length list"),
        }
    }

    fn of(&mut self, name: &str, types: impl IntoIterator<Item = Type>) {
        self.word(name);
        self.word("<");
        self.list(types);
        self.word(">");
    }

    fn optional(&mut self, ty: Option<Type>) {
        match ty {
            Some(ty) => self.ty(&ty),
            None => self.word("_"),
        }
    }

    /// Writes a word, or as much of it as there is room for.
    fn word(&mut self, word: &str) {
        let left = MAX_NOTATION_BYTES.saturating_sub(self.0.len());
        let word = &word[..word.floor_char_boundary(left)];
        self.0.push_str(word);
    }

    fn is_full(&self) -> bool {
        self.0.len() >= MAX_NOTATION_BYTES
    }
}
