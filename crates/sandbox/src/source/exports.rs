//! What a module exports: each name once, and each of something that is declared.
//!
//! The tools look for both in JavaScript, and leave both to a type checker in TypeScript. There is none here, and the engine
//! would refuse the module without showing the line.

use std::collections::HashSet;

use oxc_ast::ast::{
    Declaration, ExportDefaultDeclarationKind, ExportNamedDeclaration, ModuleExportName, Statement,
};
use oxc_semantic::Semantic;
use oxc_span::{GetSpan, Span};

use super::report::Complaint;
use super::syntax::Parsed;
use super::text::Text;
use crate::InvalidStep;

/// Refuses exports of names that nothing declares.
pub(super) fn check_declared(
    parsed: &Parsed<'_>,
    meaning: &Semantic<'_>,
    text: &Text<'_>,
) -> Result<(), InvalidStep> {
    let scoping = meaning.scoping();
    let mut complaints = Vec::new();
    for statement in &parsed.program.body {
        let Statement::ExportNamedDeclaration(export) = statement else {
            continue;
        };
        for local in values(export) {
            let ModuleExportName::IdentifierReference(name) = local else {
                continue;
            };
            let reference = name.reference_id.get().map(|id| scoping.get_reference(id));
            if reference.is_some_and(|reference| reference.symbol_id().is_none()) {
                let message = format!("export '{}' is not defined", name.name);
                complaints.push(Complaint::new(parsed.at(name.span), message));
            }
        }
    }
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(text.refuse(complaints)),
    }
}

/// The local names that are exported, but for those of types.
fn values<'p, 'a>(
    export: &'p ExportNamedDeclaration<'a>,
) -> impl Iterator<Item = &'p ModuleExportName<'a>> {
    let specifiers = export.specifiers.iter();
    specifiers
        .filter(|specifier| export.export_kind.is_value() && specifier.export_kind.is_value())
        .map(|specifier| &specifier.local)
}

/// Refuses names that are exported more than once. Types are gone by then: they may have the name of a value.
pub(super) fn check_once(parsed: &Parsed<'_>, text: &Text<'_>) -> Result<(), InvalidStep> {
    let mut seen = HashSet::new();
    let mut complaints = Vec::new();
    for (name, span) in parsed.program.body.iter().flat_map(exported) {
        if !seen.insert(name) {
            let message = match name {
                "default" => "a module cannot have multiple default exports".to_owned(),
                name => format!("duplicated export '{name}'"),
            };
            complaints.push(Complaint::new(parsed.at(span), message));
        }
    }
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(text.refuse(complaints)),
    }
}

/// The names that a statement exports, and where each stands. What exports from another module is refused as an import.
fn exported<'a>(statement: &Statement<'a>) -> Vec<(&'a str, Span)> {
    match statement {
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => Vec::new(),
            _ => vec![("default", export.span)],
        },
        Statement::ExportNamedDeclaration(export) => {
            let specifiers = export.specifiers.iter();
            specifiers
                .map(|specifier| {
                    (
                        specifier.exported.name().as_str(),
                        specifier.exported.span(),
                    )
                })
                .collect()
        }
        Statement::ExportDeclaration(export) => match &export.declaration {
            Declaration::VariableDeclaration(declaration) => {
                let declared = declaration.declarations.iter();
                declared
                    .flat_map(|declarator| declarator.id.get_binding_identifiers())
                    .map(|name| (name.name.as_str(), name.span))
                    .collect()
            }
            declaration => {
                let name = declaration.id().into_iter();
                name.map(|name| (name.name.as_str(), name.span)).collect()
            }
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, parse};

    const STEP: &str = "export default () => 1;\n";

    fn said(name: &str, code: &str) -> Option<String> {
        let language = match name {
            "a.js" => Language::JavaScript,
            _ => Language::TypeScript,
        };
        let code = format!("{STEP}{code}");
        let refused = parse(name, language, code.as_bytes()).err();
        refused.map(|error| error.message)
    }

    #[test]
    fn a_name_is_exported_once_and_the_second_is_shown() {
        let default = "a module cannot have multiple default exports";
        let duplicated = "duplicated export 'a'";
        for (name, code, place, message) in [
            ("a.js", "export default () => 2", "2:8", default),
            ("a.ts", "export default () => 2", "2:1", default),
            (
                "a.js",
                "const b = 1; export { b as default }",
                "2:28",
                default,
            ),
            (
                "a.ts",
                "const b = 1; export { b as default }",
                "2:28",
                default,
            ),
            (
                "a.js",
                "const a = 1; export { a }; export { a }",
                "2:37",
                duplicated,
            ),
            (
                "a.ts",
                "const a = 1; export { a }; export { a }",
                "2:37",
                duplicated,
            ),
            (
                "a.js",
                "let b; export { b as a, b as \"a\" }",
                "2:30",
                duplicated,
            ),
            (
                "a.ts",
                "let b; export { b as a, b as \"a\" }",
                "2:30",
                duplicated,
            ),
        ] {
            let said = said(name, code).unwrap_or_default();
            let expected = format!("{name}:{place}: {message}\n  2 | {code}\n    | ");
            assert!(said.starts_with(&expected), "{said}");
        }
        let more = said(
            "a.ts",
            "export const { a, b: [a] } = 1, c = 2; export function c() {}",
        );
        assert!(more.unwrap_or_default().starts_with("a.ts:2:23: "));
    }

    #[test]
    fn what_is_exported_is_declared() {
        for code in ["export { nothing }", "export { nothing as a }"] {
            for name in ["a.js", "a.ts"] {
                let said = said(name, code).unwrap_or_default();
                let expected = format!(
                    "{name}:2:10: export 'nothing' is not defined\n  2 | {code}\n    |          ^"
                );
                assert!(said.starts_with(&expected), "{said}");
            }
        }
    }

    #[test]
    fn types_may_share_a_name_and_be_declared_elsewhere() {
        for code in [
            "export interface B {} export const B = 1; export interface B { a: 1 }",
            "type B = 1; const B = 1; export { B, type B as C }; export type { B as D, Array as E }",
            "type B = 1; export { B }; declare const c: 1; export { c }",
            "export function a(): 1; export function a(b?: any) { return b }",
            "export namespace N { export const a = 1 } export namespace N { export const b = 1 }",
            "export enum E { A } export enum E { B = 1 }",
            "export class Q {} export interface Q {} export namespace Q { export const a = 1 }",
            "export default interface A {}",
        ] {
            assert_eq!(said("a.ts", code), None, "{code}");
        }
    }
}
