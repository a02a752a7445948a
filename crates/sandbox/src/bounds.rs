//! What a step may be made of, checked in one pass over its sections before anything is built from them.
//!
//! A few bytes of WebAssembly can ask for gigabytes of work: parameters of a type that every function shares, instances of
//! instances, types within types. Each such thing has a limit here, wide enough for the engines of scripting languages.
//! The pass does not recurse, and takes memory in proportion to the bytes it reads.

use wasmparser::{
    CompositeInnerType, FunctionBody, Parser, Payload, Result, SectionLimited, TypeRef,
    TypeSectionReader,
};

use crate::InvalidStep;
use crate::nesting::{self, Expansion};

/// A limit on what a step is made of.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) what: &'static str,
    pub(crate) limit: u64,
}

/// In bytes. Text takes a hundred times as much memory while it is parsed; it is for steps written by hand.
pub(crate) const TEXT_BYTES: Bound = bound("bytes of text", 4 << 20);
/// Over all modules. CPython has some 20,000; each costs its time even if it is empty.
const FUNCTIONS: Bound = bound("functions", 250_000);
/// In bytes, of one function. The largest in interpreters, their main loops, have some 300 KB; the time to compile one
/// grows faster than its size.
const FUNCTION_BYTES: Bound = bound("bytes of code in one function", 2 << 20);
/// Of one function. Unoptimised code has some thousands.
const LOCALS: Bound = bound("local variables in one function", 20_000);
/// Over all functions. Entering and leaving a function costs code for each, and functions share types: 4 on average.
const PARAMETERS: Bound = bound("parameters and results, over all functions", 2_000_000);
/// Over all modules and components. CPython has some hundreds.
const TYPES: Bound = bound("types", 100_000);
/// Over all modules and components. A step needs some dozens.
const IMPORTS: Bound = bound("imports", 10_000);
/// Over all modules and components. A module that others link with exports all that it has.
const EXPORTS: Bound = bound("exports", 100_000);
/// Over all modules. Compilers make a handful; linkers of shared objects one for each symbol.
const GLOBALS: Bound = bound("globals", 100_000);
/// Over all modules. No run could have as many in its tables.
const ELEMENTS: Bound = bound("elements of tables", 1_000_000);
/// Over all modules. A snapshot of a memory has one for each stretch that is not zero.
const SEGMENTS: Bound = bound("segments of data and elements", 100_000);
/// Core modules in a step. A component of Python has some dozens.
const MODULES: Bound = bound("modules", 500);
/// Components in a step.
const COMPONENTS: Bound = bound("components", 500);
/// In bytes. The worlds of WASI take some 50 KB.
const WORLD_BYTES: Bound = bound("bytes in a section `component-type`", 1 << 20);

const fn bound(what: &'static str, limit: u64) -> Bound {
    Bound { what, limit }
}

impl Bound {
    /// Refuses a step that has more of it.
    pub(crate) fn check(self, count: u64) -> std::result::Result<(), InvalidStep> {
        let Self { what, limit } = self;
        if count <= limit {
            return Ok(());
        }
        Err(InvalidStep::new(format!(
            "the step has {count} {what}, over the limit of {limit}"
        )))
    }
}

/// What has been counted so far, over all modules and components.
#[derive(Default)]
struct Counts {
    functions: u64,
    parameters: u64,
    types: u64,
    imports: u64,
    exports: u64,
    globals: u64,
    elements: u64,
    segments: u64,
    modules: u64,
    components: u64,
    /// Parameters and results of the types of the module that is being read, for modules within components: innermost last.
    arities: Vec<Vec<u32>>,
}

/// Checks a component or a core module. Bytes that are not valid are for the validator to refuse, unless this trips over
/// them first.
pub(crate) fn check(wasm: &[u8]) -> std::result::Result<(), InvalidStep> {
    let mut counts = Counts::default();
    let mut expansion = Expansion::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| not_valid(&error))?;
        if let Payload::ComponentTypeSection(section) = &payload {
            nesting::check_types(&wasm[section.range()])?;
        }
        if let Payload::CustomSection(section) = &payload
            && section.name().starts_with("component-type")
        {
            check_world(section.data())?;
        }
        counts.add(&payload)?;
        expansion.add(&payload)?;
    }
    Ok(())
}

/// The world that a core module carries is a component of types; nothing else is built from it.
fn check_world(data: &[u8]) -> std::result::Result<(), InvalidStep> {
    WORLD_BYTES.check(data.len() as u64)?;
    let mut counts = Counts::default();
    for payload in Parser::new(0).parse_all(data) {
        // What is no component is for the encoder to refuse.
        let Ok(payload) = payload else { return Ok(()) };
        if let Payload::ComponentTypeSection(section) = &payload {
            nesting::check_types(&data[section.range()])?;
        }
        counts.add(&payload)?;
    }
    Ok(())
}

pub(crate) fn not_valid(error: &wasmparser::Error) -> InvalidStep {
    InvalidStep::new(format!("the WebAssembly is not valid: {error}"))
}

// === impl Counts ===

impl Counts {
    fn add(&mut self, payload: &Payload<'_>) -> std::result::Result<(), InvalidStep> {
        match payload {
            Payload::Version { .. } => self.arities.push(Vec::new()),
            Payload::End(_) => {
                self.arities.pop();
            }
            Payload::ModuleSection { .. } => add(&mut self.modules, 1, MODULES)?,
            Payload::ComponentSection { .. } => add(&mut self.components, 1, COMPONENTS)?,
            Payload::TypeSection(section) => self.types(section)?,
            Payload::ComponentTypeSection(section) => add_all(&mut self.types, section, TYPES)?,
            Payload::CoreTypeSection(section) => add_all(&mut self.types, section, TYPES)?,
            Payload::ImportSection(section) => {
                add_all(&mut self.imports, section, IMPORTS)?;
                for import in section.clone().into_imports() {
                    if let TypeRef::Func(ty) = import.map_err(|error| not_valid(&error))?.ty {
                        self.function(ty)?;
                    }
                }
            }
            Payload::FunctionSection(section) => {
                add_all(&mut self.functions, section, FUNCTIONS)?;
                for ty in section.clone() {
                    self.function(ty.map_err(|error| not_valid(&error))?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                add_all(&mut self.imports, section, IMPORTS)?;
            }
            Payload::ExportSection(section) => add_all(&mut self.exports, section, EXPORTS)?,
            Payload::ComponentExportSection(section) => {
                add_all(&mut self.exports, section, EXPORTS)?;
            }
            Payload::GlobalSection(section) => add_all(&mut self.globals, section, GLOBALS)?,
            Payload::DataSection(section) => add_all(&mut self.segments, section, SEGMENTS)?,
            Payload::ElementSection(section) => {
                add_all(&mut self.segments, section, SEGMENTS)?;
                for element in section.clone() {
                    let element = element.map_err(|error| not_valid(&error))?;
                    let items = match element.items {
                        wasmparser::ElementItems::Functions(items) => items.count(),
                        wasmparser::ElementItems::Expressions(_, items) => items.count(),
                    };
                    add(&mut self.elements, items.into(), ELEMENTS)?;
                }
            }
            Payload::CodeSectionEntry(body) => check_body(body)?,
            _ => {}
        }
        Ok(())
    }

    fn types(&mut self, section: &TypeSectionReader<'_>) -> std::result::Result<(), InvalidStep> {
        let arities = self.arities.last_mut();
        let read = |arities: &mut Vec<u32>| -> Result<()> {
            for group in section.clone() {
                for ty in group?.into_types() {
                    arities.push(match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => {
                            u32::try_from(ty.params().len() + ty.results().len())
                                .unwrap_or(u32::MAX)
                        }
                        CompositeInnerType::Array(_)
                        | CompositeInnerType::Struct(_)
                        | CompositeInnerType::Cont(_) => 0,
                    });
                }
            }
            Ok(())
        };
        let mut none = Vec::new();
        let arities = arities.unwrap_or(&mut none);
        let before = arities.len();
        read(arities).map_err(|error| not_valid(&error))?;
        add(&mut self.types, (arities.len() - before) as u64, TYPES)
    }

    /// Counts a function of the type `ty`. One that does not exist is for the validator to refuse.
    fn function(&mut self, ty: u32) -> std::result::Result<(), InvalidStep> {
        let arity = self.arities.last().and_then(|types| types.get(ty as usize));
        add(
            &mut self.parameters,
            arity.copied().unwrap_or_default().into(),
            PARAMETERS,
        )
    }
}

fn check_body(body: &FunctionBody<'_>) -> std::result::Result<(), InvalidStep> {
    FUNCTION_BYTES.check(body.range().len() as u64)?;
    let mut locals = 0;
    let read = body.get_locals_reader().and_then(|reader| {
        for local in reader {
            locals += u64::from(local?.0);
        }
        Ok(())
    });
    read.map_err(|error| not_valid(&error))?;
    LOCALS.check(locals)
}

fn add_all<T>(
    total: &mut u64,
    section: &SectionLimited<'_, T>,
    bound: Bound,
) -> std::result::Result<(), InvalidStep> {
    add(total, section.count().into(), bound)
}

fn add(total: &mut u64, count: u64, bound: Bound) -> std::result::Result<(), InvalidStep> {
    *total = total.saturating_add(count);
    bound.check(*total)
}
