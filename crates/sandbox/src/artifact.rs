//! A step as it is kept: what the user handed in, made into a component or a script.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wasmparser::Parser;

use lockstep_step::{CredentialKey, Digest, MAX_MODULE_BYTES};

use crate::InvalidStep;
use crate::bounds::{self, TEXT_BYTES};
use crate::validate::validate;
use crate::{encode, imports, references};

/// How binary WebAssembly begins.
const WASM: &[u8] = b"\0asm";
/// What the worlds offer and want, for the end of a message.
pub(crate) const OFFER: &str = "a step exports `run: func(input: string) -> result<string, failure>` (world `step`) or is \
    a WASI command with `_start` (world `command`), and imports nothing but `lockstep:step/credentials@1.0.0`, a command \
    also `lockstep:step/output@1.0.0`, `wasi:http/outgoing-handler@0.2`, and the command-line interfaces of WASI (0.2 or \
    preview 1)";

/// A step that is ready to be compiled.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Of the bytes that the user handed in.
    pub digest: Digest,
    /// What the user handed in.
    pub kind: ArtifactKind,
    /// What is kept and run: a component, or a script as `source::Script` writes it.
    pub bytes: Vec<u8>,
    /// The keys of the credentials that the code says it uses, sorted.
    pub keys: Vec<CredentialKey>,
    /// Whether it may use others: source code that computes a key. WebAssembly does not tell.
    pub dynamic: bool,
}

/// What a step was made from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// A WebAssembly component.
    Component,
    /// A core WebAssembly module, encoded into a component.
    Module,
    /// A core module or component in the text format.
    Text,
    /// JavaScript source.
    JavaScript,
    /// TypeScript source.
    TypeScript,
}

/// A file with a step.
#[derive(Clone)]
pub struct StepFile {
    /// Its name, without folders: messages about source code name it.
    pub name: String,
    /// What it holds.
    pub kind: SourceKind,
    /// The contents.
    pub bytes: Vec<u8>,
}

/// What a file with a step holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A component or a core module, binary or as text.
    WebAssembly,
    /// JavaScript source.
    JavaScript,
    /// TypeScript source.
    TypeScript,
}

// === impl ArtifactKind ===

impl ArtifactKind {
    /// The word of the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Module => "module",
            Self::Text => "text",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
        }
    }
}

// === impl SourceKind ===

impl SourceKind {
    /// What a file of this name holds: `.js` and `.mjs` JavaScript, `.ts` and `.mts` TypeScript, everything else
    /// WebAssembly.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        match extension {
            Some("js" | "mjs") => Self::JavaScript,
            Some("ts" | "mts") => Self::TypeScript,
            _ => Self::WebAssembly,
        }
    }
}

// === impl StepFile ===

impl StepFile {
    /// A file that holds what its name says, whatever that is if it begins as WebAssembly does.
    #[must_use]
    pub fn named(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let name = name.into();
        let kind = if bytes.starts_with(WASM) {
            SourceKind::WebAssembly
        } else {
            SourceKind::of_name(&name)
        };
        Self { name, kind, bytes }
    }

    /// WebAssembly, binary or as text.
    #[must_use]
    pub fn wasm(bytes: Vec<u8>) -> Self {
        Self {
            name: "step.wasm".to_owned(),
            kind: SourceKind::WebAssembly,
            bytes,
        }
    }

    /// What it is loaded by: of WebAssembly the bytes alone, of source code its name and language too.
    #[must_use]
    pub fn load_digest(&self) -> Digest {
        match self.kind {
            SourceKind::WebAssembly => Digest::of(&self.bytes),
            SourceKind::JavaScript | SourceKind::TypeScript => {
                let length = self.name.len().to_string();
                let kind = [self.kind as u8];
                Digest::of(
                    &[
                        b"script ",
                        &kind[..],
                        length.as_bytes(),
                        b" ",
                        self.name.as_bytes(),
                        &self.bytes,
                    ]
                    .concat(),
                )
            }
        }
    }
}

/// Makes an artifact of a component, a core module, or either as text.
pub(crate) fn prepare_wasm(source: &[u8]) -> Result<Artifact, InvalidStep> {
    if source.len() > MAX_MODULE_BYTES {
        let length = source.len();
        return Err(InvalidStep::new(format!(
            "the step has {length} bytes, over the limit of {MAX_MODULE_BYTES} bytes for a module"
        )));
    }
    let (wasm, text) = binary(source)?;
    bounds::check(&wasm)?;
    let keys = references::of(&wasm)?;
    let (component, kind) = if Parser::is_component(&wasm) {
        validate(&wasm)?;
        (wasm.into_owned(), ArtifactKind::Component)
    } else {
        (encode::component(&wasm)?, ArtifactKind::Module)
    };
    imports::check(&component)?;
    let kind = if text { ArtifactKind::Text } else { kind };
    Ok(Artifact {
        digest: Digest::of(source),
        kind,
        bytes: component,
        keys,
        dynamic: false,
    })
}

/// The wasm in binary form, and whether it came as text.
fn binary(source: &[u8]) -> Result<(Cow<'_, [u8]>, bool), InvalidStep> {
    if source.starts_with(WASM) {
        return Ok((Cow::Borrowed(source), false));
    }
    let text = std::str::from_utf8(source)
        .ok()
        .filter(|text| looks_like_wat(text));
    let Some(text) = text else {
        return Err(InvalidStep::new(
            "the file is neither a WebAssembly component nor a core module: it does not begin with `\\0asm`, and is not \
             the text format either",
        ));
    };
    TEXT_BYTES.check(text.len() as u64)?;
    match wat::parse_str(text) {
        Ok(wasm) => Ok((Cow::Owned(wasm), true)),
        Err(error) => Err(InvalidStep::new(format!(
            "the text format does not parse: {error}"
        ))),
    }
}

/// Whether a text begins like the text format: with `(`, after blanks and comments.
fn looks_like_wat(text: &str) -> bool {
    let first = text
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty() && !line.starts_with(";;"));
    first.is_some_and(|line| line.starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_invalid(source: &[u8], part: &str) {
        let error = prepare_wasm(source).unwrap_err();
        assert!(
            error.message.contains(part),
            "`{}` does not say `{part}`",
            error.message
        );
    }

    #[test]
    fn a_plain_command_is_encoded() {
        let artifact =
            prepare_wasm(b"(module (memory (export \"memory\") 1) (func (export \"_start\")))")
                .unwrap();
        assert_eq!(artifact.kind, ArtifactKind::Text);
        assert!(Parser::is_component(&artifact.bytes));
    }

    #[test]
    fn a_module_without_an_entry_is_refused_with_what_the_worlds_want() {
        check_invalid(b"(module (memory (export \"memory\") 1))", "`_start`");
        check_invalid(b"(module (memory (export \"memory\") 1))", "`run`");
    }

    #[test]
    fn an_unknown_import_is_named() {
        let source = br#"(module (import "env" "steal" (func)) (memory (export "memory") 1) (func (export "_start")))"#;
        check_invalid(source, "`env` `steal`");
    }

    #[test]
    fn an_unknown_function_of_a_known_interface_is_named() {
        let source = br#"(module (import "lockstep:step/credentials@1.0.0" "steal" (func))
            (memory (export "memory") 1) (func (export "_start")))"#;
        check_invalid(source, "steal");
    }

    #[test]
    fn bytes_that_are_not_wasm_are_refused() {
        check_invalid(b"", "does not begin with");
        check_invalid(b"#!/bin/sh\n", "does not begin with");
        check_invalid(b"\0asm\x01\0\0\0\xff\xff", "not valid");
        check_invalid(b"(module", "does not parse");
    }
}
