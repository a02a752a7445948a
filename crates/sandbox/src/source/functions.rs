//! What ends at the function around it: a jump, and the right to wait. The tools let some of both through.
//!
//! A jump out of an arrow function, and an `await using` in a function that is not async: the engine would refuse them
//! without showing the line.

use oxc_ast::AstKind;
use oxc_ast::ast::{LabelIdentifier, VariableDeclarationKind};
use oxc_semantic::{NodeId, Semantic};
use oxc_span::Span;

use super::report::Complaint;
use super::syntax::Parsed;
use super::text::Text;
use crate::InvalidStep;

pub(super) fn check(
    parsed: &Parsed<'_>,
    meaning: &Semantic<'_>,
    text: &Text<'_>,
) -> Result<(), InvalidStep> {
    let nodes = meaning.nodes().iter();
    let complaints: Vec<_> = nodes
        .filter_map(|node| complaint(node.kind(), node.id(), meaning))
        .map(|(span, message)| Complaint::new(parsed.at(span), message))
        .collect();
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(text.refuse(complaints)),
    }
}

fn complaint(
    kind: AstKind<'_>,
    id: NodeId,
    meaning: &Semantic<'_>,
) -> Option<(Span, &'static str)> {
    match kind {
        AstKind::BreakStatement(jump)
            if leaves_an_arrow(id, jump.label.as_ref(), true, meaning) =>
        {
            Some((
                jump.span,
                "a `break` cannot leave the function that it is in",
            ))
        }
        AstKind::ContinueStatement(jump)
            if leaves_an_arrow(id, jump.label.as_ref(), false, meaning) =>
        {
            Some((
                jump.span,
                "a `continue` cannot leave the function that it is in",
            ))
        }
        AstKind::VariableDeclaration(declaration)
            if declaration.kind == VariableDeclarationKind::AwaitUsing
                && !may_await(id, meaning) =>
        {
            Some((
                declaration.span,
                "`await using` is only allowed within async functions and at the top levels of modules",
            ))
        }
        _ => None,
    }
}

/// Whether a jump finds an arrow function before its target. Of other functions the tools have told by now.
fn leaves_an_arrow(
    id: NodeId,
    label: Option<&LabelIdentifier<'_>>,
    ends_switch: bool,
    meaning: &Semantic<'_>,
) -> bool {
    let is_target = |kind: AstKind<'_>| match (label, kind) {
        (Some(label), AstKind::LabeledStatement(target)) => target.label.name == label.name,
        (Some(_), _) => false,
        (None, AstKind::SwitchStatement(_)) => ends_switch,
        (None, kind) => kind.is_iteration_statement(),
    };
    let mut around = meaning.nodes().ancestor_kinds(id);
    let found = around.find(|kind| is_target(*kind) || ends_jumps(*kind));
    matches!(found, Some(AstKind::ArrowFunctionExpression(_)))
}

fn ends_jumps(kind: AstKind<'_>) -> bool {
    matches!(
        kind,
        AstKind::ArrowFunctionExpression(_) | AstKind::Function(_) | AstKind::StaticBlock(_)
    )
}

fn may_await(id: NodeId, meaning: &Semantic<'_>) -> bool {
    match meaning
        .nodes()
        .ancestor_kinds(id)
        .find(|kind| ends_jumps(*kind))
    {
        Some(AstKind::ArrowFunctionExpression(arrow)) => arrow.r#async,
        Some(AstKind::Function(function)) => function.r#async,
        Some(AstKind::StaticBlock(_)) => false,
        // The top level of a module, or of a plain script.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, parse};

    fn said(name: &str, code: &str) -> Option<String> {
        let language = match name {
            "a.js" => Language::JavaScript,
            _ => Language::TypeScript,
        };
        parse(name, language, code.as_bytes())
            .err()
            .map(|error| error.message)
    }

    #[test]
    fn a_jump_stays_in_its_function() {
        for (code, column, message) in [
            ("a: { () => { break a } }", 14, "a `break` cannot leave"),
            ("for (;;) { () => { break } }", 20, "a `break` cannot leave"),
            (
                "a: for (;;) { () => { continue a } }",
                23,
                "a `continue` cannot leave",
            ),
            (
                "while (1) [].map(() => { continue })",
                26,
                "a `continue` cannot leave",
            ),
            (
                "for (;;) { () => { switch (1) { case 1: continue } } }",
                41,
                "a `continue` cannot leave",
            ),
            (
                "a: for (;;) { function f() { break a } }",
                36,
                "jump target cannot cross",
            ),
            (
                "for (;;) { class A { static { continue } } }",
                31,
                "illegal continue statement",
            ),
        ] {
            for name in ["a.js", "a.ts"] {
                let said = said(name, code).unwrap_or_default();
                let start = format!("{name}:1:{column}: {message}");
                let caret = format!("\n  1 | {code}\n    | {}^", " ".repeat(column - 1));
                assert!(said.starts_with(&start) && said.contains(&caret), "{said}");
            }
        }
        for code in [
            "() => { for (;;) { if (a) break; continue } }",
            "() => { a: { break a } }",
            "() => { a: for (;;) { for (;;) continue a } }",
            "() => { switch (1) { case 1: break } }",
            "for (;;) { switch (1) { case 1: continue } }",
        ] {
            assert_eq!(said("a.js", code), None, "{code}");
        }
    }

    #[test]
    fn what_waits_is_async() {
        let message = "`await using` is only allowed within async functions";
        for (code, column) in [
            ("function f() { await using a = b }", 16),
            ("async () => { (() => { await using a = b })() }", 24),
            ("class A { static { await using a = b } }", 20),
            ("() => { for (await using a of b); }", 14),
        ] {
            for name in ["a.js", "a.ts"] {
                let said = said(name, code).unwrap_or_default();
                assert!(said.starts_with(&format!("{name}:1:{column}: ")), "{said}");
                assert!(said.contains(message) || code.contains("static"), "{said}");
            }
        }
        for code in [
            "await using a = b",
            "async () => { await using a = b }",
            "async function f() { for (await using a of b); }",
            "export default () => 1; await using a = b",
            "function f() { using a = b }",
        ] {
            assert_eq!(said("a.js", code), None, "{code}");
            assert_eq!(said("a.ts", code), None, "{code}");
        }
    }
}
