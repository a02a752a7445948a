//! What a script may import: `@lockstep/step`. Everything else has to be in the script.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, Expression, ImportExpression, Statement, StringLiteral, TSImportEqualsDeclaration,
    TSModuleReference,
};
use oxc_semantic::{NodeId, Semantic};
use oxc_span::{GetSpan, Span};

use super::report::Complaint;
use super::syntax::Parsed;
use super::text::Text;
use crate::InvalidStep;

/// The module that is built in.
pub(super) const STEP_MODULE: &str = "@lockstep/step";

const BUNDLE: &str = "bundle it into the step: `lockstep-step build src/step.ts -o dist/step.js`";

/// Modules of Node, and what stands for them here.
const NODE: [(&str, &str); 17] = [
    ("assert", "throw an `Error`"),
    ("async_hooks", ""),
    (
        "buffer",
        "use `Uint8Array`, `TextEncoder` and `atob`/`btoa`",
    ),
    ("child_process", ""),
    (
        "crypto",
        "use `crypto.subtle`, `crypto.randomUUID()` and `crypto.getRandomValues()`",
    ),
    ("events", "use `EventTarget`"),
    ("fs", "there is no file system: data comes with `input`"),
    ("http", ""),
    ("https", ""),
    ("os", ""),
    ("path", "there is no file system"),
    ("perf_hooks", "use `performance`"),
    (
        "process",
        "values of the environment come with `input` or `credential(\"KEY\")`",
    ),
    (
        "stream",
        "use `ReadableStream`, `WritableStream` and `TransformStream`",
    ),
    ("timers", "use `setTimeout`"),
    ("url", "use `URL` and `URLSearchParams`"),
    ("util", "use `TextEncoder`, `structuredClone` and `console`"),
];

/// Checks the imports of a module, after those of types are gone.
pub(super) fn check(parsed: &Parsed<'_>, text: &Text<'_>) -> Result<(), InvalidStep> {
    let complaints: Vec<_> = parsed
        .program
        .body
        .iter()
        .filter_map(|statement| declared(statement, parsed))
        .collect();
    if complaints.is_empty() {
        return Ok(());
    }
    Err(text.refuse(complaints))
}

/// What is wrong with an import, if the statement is one.
fn declared(statement: &Statement<'_>, parsed: &Parsed<'_>) -> Option<Complaint> {
    match statement {
        Statement::ImportDeclaration(import) => {
            let source = &import.source;
            if source.value != STEP_MODULE {
                return Some(unknown(source, parsed));
            }
            let clause = import.with_clause.as_ref().map(|clause| clause.span);
            let phase = import.phase.map(|_| import.span);
            let more = clause.or(phase)?;
            Some(Complaint::new(
                parsed.at(more),
                format!("`{STEP_MODULE}` is imported by its name alone"),
            ))
        }
        Statement::ExportAllDeclaration(export) => Some(unknown(&export.source, parsed)),
        Statement::ExportFromDeclaration(export) => Some(unknown(&export.source, parsed)),
        _ => None,
    }
}

/// `import a = require("b")`, unless it imports a type.
pub(super) fn equals(
    import: &TSImportEqualsDeclaration<'_>,
    parsed: &Parsed<'_>,
) -> Option<Complaint> {
    match &import.module_reference {
        TSModuleReference::ExternalModuleReference(module) if import.import_kind.is_value() => {
            Some(required(Some(&module.expression), import.span, parsed))
        }
        _ => None,
    }
}

/// Refuses calls of `require` that are sure to fail: of no `require` of the script's own, and on the way to its end.
pub(super) fn check_required(
    parsed: &Parsed<'_>,
    meaning: &Semantic<'_>,
    text: &Text<'_>,
) -> Result<(), InvalidStep> {
    let unresolved = meaning.scoping().root_unresolved_references();
    let references = unresolved
        .iter()
        .filter(|(name, _)| name.as_str() == "require")
        .flat_map(|(_, references)| references);
    let calls = references.filter_map(|reference| {
        let node = meaning.scoping().get_reference(*reference).node_id();
        let AstKind::CallExpression(call) = meaning.nodes().parent_kind(node) else {
            return None;
        };
        let called = call.callee.span() == meaning.nodes().kind(node).span();
        (called && is_sure(node, parsed, meaning)).then_some(call)
    });
    let complaints: Vec<_> = calls
        .map(|call| match call.arguments.first() {
            Some(Argument::StringLiteral(source)) => required(Some(source), call.span, parsed),
            _ => required(None, call.span, parsed),
        })
        .collect();
    if complaints.is_empty() {
        return Ok(());
    }
    Err(text.refuse(complaints))
}

/// Whether something is evaluated whenever the script is: not in a function, nor in a branch.
fn is_sure(node: NodeId, parsed: &Parsed<'_>, meaning: &Semantic<'_>) -> bool {
    meaning.nodes().ancestor_kinds(node).all(|kind| match kind {
        AstKind::Function(function) => parsed.is_wrapper(function),
        AstKind::Program(_)
        | AstKind::FunctionBody(_)
        | AstKind::CallExpression(_)
        | AstKind::StaticMemberExpression(_)
        | AstKind::VariableDeclaration(_)
        | AstKind::VariableDeclarator(_)
        | AstKind::ExpressionStatement(_)
        | AstKind::ParenthesizedExpression(_)
        | AstKind::ReturnStatement(_)
        | AstKind::AwaitExpression(_)
        | AstKind::AssignmentExpression(_) => true,
        _ => false,
    })
}

/// `import(..)`
pub(super) fn dynamic(import: &ImportExpression<'_>, parsed: &Parsed<'_>) -> Complaint {
    match &import.source {
        Expression::StringLiteral(source) if source.value == STEP_MODULE => {
            let hint = format!("write `import {{ .. }} from \"{STEP_MODULE}\"` at the top");
            complaint(
                import.span,
                parsed,
                "a step cannot import while it runs".to_owned(),
            )
            .hint(hint)
        }
        Expression::StringLiteral(source) => unknown(source, parsed),
        source => {
            let message = "a step cannot import what it computes the name of";
            complaint(source.span(), parsed, message.to_owned())
                .hint("bundle what it may need, and import that by name")
        }
    }
}

/// `require(..)`, where it is sure to be called.
fn required(source: Option<&StringLiteral<'_>>, call: Span, parsed: &Parsed<'_>) -> Complaint {
    match source {
        Some(source) if source.value != STEP_MODULE => unknown(source, parsed),
        _ => {
            let hint = format!("write `import {{ .. }} from \"{STEP_MODULE}\"`; {BUNDLE}");
            complaint(call, parsed, "there is no `require` in a step".to_owned()).hint(hint)
        }
    }
}

fn unknown(source: &StringLiteral<'_>, parsed: &Parsed<'_>) -> Complaint {
    let name = source.value.as_str();
    if name == STEP_MODULE {
        return complaint(
            source.span,
            parsed,
            format!("`{STEP_MODULE}` cannot be exported again"),
        );
    }
    let bare = name.strip_prefix("node:").unwrap_or(name);
    let module = bare.split('/').next().unwrap_or(bare);
    let node = NODE.iter().find(|(node, _)| *node == module);
    let (message, hint) = match node {
        Some((_, "")) => (
            of_node(name),
            "it needs what a sandbox does not have".to_owned(),
        ),
        Some((_, instead)) if name != bare => (of_node(name), (*instead).to_owned()),
        Some((_, instead)) => (
            of_node(name),
            format!("{instead}; a package of that name has to be bundled into the step"),
        ),
        None if name != bare => (
            of_node(name),
            "see which web APIs a step has in the documentation of the SDK".to_owned(),
        ),
        None => (
            format!("a step cannot import `{name}`: it can import `{STEP_MODULE}` only"),
            BUNDLE.to_owned(),
        ),
    };
    complaint(source.span, parsed, message).hint(hint)
}

fn of_node(name: &str) -> String {
    format!("a step cannot import `{name}`: the modules of Node are not there")
}

fn complaint(span: Span, parsed: &Parsed<'_>, message: String) -> Complaint {
    Complaint::new(parsed.at(span), message)
}

#[cfg(test)]
mod tests {
    use super::super::{Language, parse};

    fn refused(name: &str, code: &str) -> String {
        let language = if name.ends_with("ts") {
            Language::TypeScript
        } else {
            Language::JavaScript
        };
        match parse(name, language, code.as_bytes()) {
            Ok(script) => panic!("{code} is taken: {}", script.code),
            Err(error) => error.message,
        }
    }

    fn taken(name: &str, code: &str) {
        let language = if name.ends_with("ts") {
            Language::TypeScript
        } else {
            Language::JavaScript
        };
        parse(name, language, code.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn an_import_is_refused_with_its_place_and_how_to_bundle() {
        let said = refused("a.js", "import a from \"lodash\";\nexport default () => a");
        assert_eq!(
            said,
            "a.js:1:15: a step cannot import `lodash`: it can import `@lockstep/step` only\n  \
             1 | import a from \"lodash\";\n    |               ^\n    \
             = bundle it into the step: `lockstep-step build src/step.ts -o dist/step.js`"
        );
    }

    #[test]
    fn every_way_to_import_is_seen() {
        for import in [
            "import \"./a.js\"",
            "import a from \"../a\"",
            "import * as a from \"https://example.com/a.js\"; a",
            "import a from \"./a.json\" with { type: \"json\" }; a",
            "export * from \"a\"",
            "export { a } from \"a\"",
            "export { credential } from \"@lockstep/step\"",
            "import { credential } from \"@lockstep/step\" with { type: \"json\" }; credential(\"A\")",
            "await import(\"a\")",
            "await import(\"@lockstep/step\")",
            "await import(name)",
            "const f = () => import(\"a\")",
        ] {
            let said = refused("a.js", &format!("{import}; export default () => 1"));
            assert!(said.starts_with("a.js:1:"), "{import}: {said}");
        }
    }

    #[test]
    fn the_built_in_module_is_taken() {
        taken(
            "a.js",
            "import { credential } from \"@lockstep/step\"; export default () => credential(\"A\")",
        );
        taken(
            "a.js",
            "import * as step from \"@lockstep/step\"; export default () => step",
        );
    }

    #[test]
    fn modules_of_node_are_told_what_stands_for_them() {
        let said = |import: &str| {
            refused(
                "a.js",
                &format!("import a from \"{import}\"; export default () => a"),
            )
        };
        assert!(said("node:crypto").contains("= use `crypto.subtle`"));
        assert!(said("crypto").contains("= use `crypto.subtle`"));
        assert!(said("buffer").contains("a package of that name has to be bundled"));
        assert!(!said("node:buffer").contains("a package of that name"));
        assert!(said("node:fs/promises").contains("no file system"));
        assert!(said("node:net").contains("the modules of Node are not there"));
    }

    #[test]
    fn a_require_that_is_sure_to_fail_is_refused() {
        assert!(
            refused("a.js", "const a = require(\"lodash\"); return a")
                .starts_with("a.js:1:19: a step cannot import `lodash`")
        );
        assert!(
            refused("a.js", "const { b } = require(\"node:os\").c")
                .contains("needs what a sandbox does not have")
        );
        assert!(refused("a.js", "require(\"@lockstep/step\")").contains("there is no `require`"));
        assert!(
            refused("a.js", "require(\"a\"); export default () => 1").contains("cannot import `a`")
        );
        assert!(
            refused("a.ts", "import a = require(\"a\"); export default () => a")
                .contains("cannot import `a`")
        );
    }

    #[test]
    fn other_requires_may_never_run() {
        taken(
            "a.js",
            "return typeof require === \"function\" ? require(\"a\") : 1",
        );
        taken("a.js", "try { require(\"a\") } catch {}");
        taken("a.js", "function f() { return require(\"a\") } return 1");
        taken(
            "a.js",
            "const require = (name) => name; return require(\"a\")",
        );
    }

    #[test]
    fn imports_of_types_are_no_imports() {
        for import in [
            "import type { A } from \"./a\"",
            "import { type A } from \"./a\"",
            "import { A } from \"./a\"",
            "export type { A } from \"./a\"",
            "export type * from \"./a\"",
            "let a: import(\"./a\").A; type A = typeof a",
        ] {
            taken("a.ts", &format!("{import}; export default (a: A) => a"));
        }
        assert!(
            refused("a.ts", "import { a } from \"./a\"; export default () => a").contains("`./a`")
        );
        assert!(refused("a.ts", "import \"./a\"; export default () => 1").contains("`./a`"));
    }
}
