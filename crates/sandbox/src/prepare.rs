//! From what a user handed in to an artifact.

use lockstep_step::Digest;

use crate::InvalidStep;
use crate::artifact::{Artifact, ArtifactKind, SourceKind, StepFile, prepare_wasm};
use crate::source::{self, Language};

/// Makes an artifact of what a user handed in.
///
/// It validates; it encodes a core module, and strips source code of its types; it does not compile. CPU-bound:
/// milliseconds for a megabyte.
///
/// # Errors
/// [`InvalidStep`] if it is no step, or over a limit.
pub fn prepare(file: &StepFile) -> Result<Artifact, InvalidStep> {
    let (language, kind) = match file.kind {
        SourceKind::WebAssembly => return prepare_wasm(&file.bytes),
        SourceKind::JavaScript => (Language::JavaScript, ArtifactKind::JavaScript),
        SourceKind::TypeScript => (Language::TypeScript, ArtifactKind::TypeScript),
    };
    let script = source::parse(&file.name, language, &file.bytes)?;
    Ok(Artifact {
        digest: Digest::of(&file.bytes),
        kind,
        bytes: script.to_bytes(),
        keys: script.keys,
        dynamic: script.dynamic,
    })
}
