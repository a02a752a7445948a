//! A core module becomes a component.
//!
//! A module built with `wit-bindgen` carries its component type. A plain one does not: it gets that of the world whose
//! entry it exports. WASI preview 1 is translated by the adapter of the wasmtime project.

use std::sync::LazyLock;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Import, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve};

use crate::InvalidStep;
use crate::artifact::OFFER;
use crate::validate::validate;

/// The contract, as guests are built against it.
const WIT: &str = include_str!("../../../guest-sdk/wit/step.wit");

/// The entry of a WASI command.
const START: &str = "_start";
/// The entry of a typed step.
const RUN: &str = "run";

/// What of a core module decides how it is encoded.
#[derive(Default)]
struct Shape {
    has_start: bool,
    has_run: bool,
    has_component_type: bool,
    imports_preview1: bool,
    /// The first import that no world offers.
    unknown_import: Option<(String, String)>,
}

/// Encodes a core module into a component of the world `step` or `command`.
pub(crate) fn component(module: &[u8]) -> Result<Vec<u8>, InvalidStep> {
    validate(module)?;
    let shape = shape(module)?;
    if let Some((from, name)) = &shape.unknown_import {
        return Err(InvalidStep::new(format!(
            "the module imports `{from}` `{name}`, which no world offers; {OFFER}"
        )));
    }
    if !shape.has_component_type && !shape.has_start && !shape.has_run {
        return Err(InvalidStep::new(format!(
            "the module exports neither `{START}` nor `{RUN}`; {OFFER}"
        )));
    }
    encode(module, &shape).map_err(|error| {
        InvalidStep::new(format!(
            "the module does not fit its world: {error:#}; {OFFER}"
        ))
    })
}

fn encode(module: &[u8], shape: &Shape) -> anyhow::Result<Vec<u8>> {
    let mut module = module.to_vec();
    if !shape.has_component_type {
        let (resolve, package) = contract()?;
        let world = if shape.has_start {
            "command-core"
        } else {
            "step-core"
        };
        let world = resolve.select_world(&[*package], Some(world))?;
        embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&module)?;
    if shape.imports_preview1 || shape.has_start {
        let adapter = if shape.has_start {
            WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
        } else {
            WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
        };
        encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?;
    }
    encoder.encode()
}

/// The parsed contract. It is part of the program, so that it does not parse is found by any test.
fn contract() -> anyhow::Result<&'static (Resolve, PackageId)> {
    static CONTRACT: LazyLock<Result<(Resolve, PackageId), String>> = LazyLock::new(|| {
        let mut resolve = Resolve::default();
        let package = resolve
            .push_source("step.wit", WIT)
            .map_err(|error| format!("{error:#}"))?;
        Ok((resolve, package))
    });
    CONTRACT
        .as_ref()
        .map_err(|message| anyhow::Error::msg(message.clone()))
}

fn shape(module: &[u8]) -> Result<Shape, InvalidStep> {
    let mut shape = Shape::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload
            .map_err(|error| InvalidStep::new(format!("the WebAssembly is not valid: {error}")))?
        {
            Payload::ImportSection(section) => {
                for import in section.into_imports().flatten() {
                    shape.import(&import);
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter().flatten() {
                    shape.has_start |= export.name == START;
                    shape.has_run |= export.name == RUN;
                }
            }
            Payload::CustomSection(section) => {
                shape.has_component_type |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    if shape.has_component_type {
        // Then the module says itself which interfaces it imports, and the component is checked instead.
        shape.unknown_import = None;
    }
    Ok(shape)
}

impl Shape {
    fn import(&mut self, import: &Import<'_>) {
        let from = import.module;
        self.imports_preview1 |= from == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
        let known =
            from == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME || from.starts_with("lockstep:step/");
        if !known && self.unknown_import.is_none() {
            self.unknown_import = Some((from.to_owned(), import.name.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_contract_is_one_package_with_every_world() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/wit");
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder).unwrap();
        for world in [
            "step",
            "command",
            "step-with-http",
            "command-with-http",
            "step-core",
            "command-core",
        ] {
            resolve.select_world(&[package], Some(world)).unwrap();
        }
    }
}
