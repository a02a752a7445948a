//! TypeScript becomes JavaScript of today: types go, enums, namespaces and parameter properties become code.

use std::path::{Path, PathBuf};

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc_semantic::Scoping;
use oxc_transformer::{TransformOptions, Transformer};

use super::report::Complaint;
use super::syntax::Parsed;
use super::text::Text;
use crate::InvalidStep;

/// The source map names it; nobody reads it.
const SOURCE: &str = "step.ts";

/// Makes JavaScript of a script, and the map of positions. The program is changed to what the code came from.
pub(super) fn types<'a>(
    allocator: &'a Allocator,
    parsed: &mut Parsed<'a>,
    scoping: Scoping,
    text: &Text<'_>,
) -> Result<(String, Vec<u8>), InvalidStep> {
    let transformer = Transformer::new(allocator, Path::new(SOURCE), &TransformOptions::default());
    let transformed = transformer.build_with_scoping(scoping, &mut parsed.program);
    let faults: Vec<_> = transformed
        .diagnostics
        .errors()
        .map(|error| parsed.fault(error, text))
        .collect::<Vec<Complaint>>();
    if !faults.is_empty() {
        return Err(text.refuse(faults));
    }
    let options = CodegenOptions {
        comments: CommentOptions::disabled(),
        // Blanks before each line would make gigabytes of code that is nested deep.
        indent_width: 0,
        source_map_path: Some(PathBuf::from(SOURCE)),
        ..CodegenOptions::default()
    };
    let printed = Codegen::new().with_options(options).build(&parsed.program);
    let map = printed.map.map(|map| map.to_json().mappings.into_bytes());
    Ok((printed.code, map.unwrap_or_default()))
}
