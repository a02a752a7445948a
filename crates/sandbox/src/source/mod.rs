//! From the text of an author to a script that the engine runs: checked, its types taken away, its credential keys known.
//!
//! JavaScript is handed on byte for byte, so that the positions in stacks are those of the author; what TypeScript became
//! comes with a map of positions. Nothing here runs a step: what only shows when it runs is for the engine to say.

mod text;

mod outline;
mod room;

mod syntax;
mod walk;

mod entry;
mod exports;
mod functions;
mod imports;
mod keys;
mod strip;

mod kept;
mod report;

#[cfg(test)]
mod tests;

use oxc_allocator::Allocator;
use serde::{Deserialize, Serialize};

use lockstep_step::CredentialKey;

use crate::InvalidStep;
use outline::{MAX_OPEN, Outline, TooDeep};
use report::Complaint;
use text::Text;

/// The language that a script is written in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// `.js`, `.mjs`
    JavaScript,
    /// `.ts`, `.mts`
    TypeScript,
}

/// How a script is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// With `import` or `export`: an ES module. Its default export is called with `input` and `ctx`.
    Module,
    /// Without them: the body of an async function of `input` and `ctx`.
    Plain,
}

/// A script that is ready for the engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Script {
    /// The name of the file, for stacks.
    pub(crate) name: String,
    pub(crate) form: Form,
    /// JavaScript.
    pub(crate) code: String,
    /// From positions in `code` to those of the author: the `mappings` of a source map, version 3, with one source.
    /// Empty if they are the same.
    pub(crate) map: Vec<u8>,
    /// The keys that the code names, sorted.
    pub(crate) keys: Vec<CredentialKey>,
    /// Whether it may ask for others: it computes a key, or hands on what asks for credentials.
    pub(crate) dynamic: bool,
}

/// Checks the text of a script. CPU-bound: milliseconds for 100 KB.
///
/// # Errors
/// [`InvalidStep`] with the position, the line and what to do, if the engine could not run it.
pub(crate) fn parse(name: &str, language: Language, text: &[u8]) -> Result<Script, InvalidStep> {
    let text = Text::read(name, text)?;
    let outline = outline::of(&text, language).map_err(|TooDeep { at }| too_deep(&text, at))?;
    room::with_room(|| script(&text, language, &outline))?
}

fn script(text: &Text<'_>, language: Language, outline: &Outline) -> Result<Script, InvalidStep> {
    let allocator = Allocator::default();
    let mut parsed = syntax::parse(&allocator, text, language, outline)?;
    walk::check(&parsed, text)?;
    let meaning = syntax::check(&parsed, text)?;
    functions::check(&parsed, &meaning, text)?;
    exports::check_declared(&parsed, &meaning, text)?;
    entry::check(&parsed, &meaning, text)?;
    imports::check_required(&parsed, &meaning, text)?;
    let found = keys::of(&parsed, &meaning);
    let scoping = meaning.into_scoping();
    let (code, map) = match language {
        Language::JavaScript => (text.code().to_owned(), Vec::new()),
        Language::TypeScript => strip::types(&allocator, &mut parsed, scoping, text)?,
    };
    // What imports and exports types alone is gone from TypeScript now.
    imports::check(&parsed, text)?;
    exports::check_once(&parsed, text)?;
    Ok(Script {
        name: text.name().to_owned(),
        form: outline.form,
        code,
        map,
        keys: found.keys.into_iter().collect(),
        dynamic: found.dynamic,
    })
}

fn too_deep(text: &Text<'_>, at: usize) -> InvalidStep {
    let complaint = Complaint::new(
        at,
        format!("more than {MAX_OPEN} brackets, operators and keywords are open here"),
    );
    text.refuse(vec![complaint.hint(
        "take the code apart, or keep large data in the input of the step",
    )])
}
