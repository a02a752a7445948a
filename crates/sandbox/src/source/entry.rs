//! What a module hands to the engine: its default export, which is called with `input` and `ctx`.
//!
//! A function, an arrow function or a name for one is what is wanted; async or not. What cannot be called so is refused
//! here: classes, generators, objects and other literals. Of any other expression the engine will see what it is.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrowFunctionExpression, ExportDefaultDeclarationKind, Expression, FormalParameters, Function,
    IdentifierReference, ModuleExportName, Statement,
};
use oxc_semantic::Semantic;
use oxc_span::{GetSpan, Span};

use super::Form;
use super::report::Complaint;
use super::syntax::Parsed;
use super::text::Text;
use crate::InvalidStep;

/// How many names are followed from one to the next.
const MAX_HOPS: usize = 16;

/// What an expression is, as far as it can be seen.
#[derive(Clone, Copy)]
pub(super) enum Value<'p> {
    Function(&'p Function<'p>),
    Arrow(&'p ArrowFunctionExpression<'p>),
    Class,
    Other(&'p Expression<'p>),
    Unknown,
}

/// The default export of a module.
pub(super) struct Export<'p> {
    span: Span,
    pub(super) value: Value<'p>,
}

/// Refuses a module without a default export that may be called.
pub(super) fn check<'p>(
    parsed: &'p Parsed<'p>,
    meaning: &Semantic<'p>,
    text: &Text<'_>,
) -> Result<(), InvalidStep> {
    if parsed.form == Form::Plain {
        return Ok(());
    }
    let complaint = match default_export(parsed, meaning) {
        None => Some(missing(parsed)),
        Some(export) => wrong(&export.value).map(|what| {
            Complaint::new(
                parsed.at(export.span),
                format!("the default export is {what}, which cannot be called as a step"),
            )
        }),
    };
    match complaint {
        None => Ok(()),
        Some(complaint) => Err(text.refuse(vec![complaint.hint(
            "write `export default (input, ctx) => ..`, or leave out `import` and `export`, and `return` the output",
        )])),
    }
}

/// The default export, if there is one.
pub(super) fn default_export<'p>(
    parsed: &'p Parsed<'p>,
    meaning: &Semantic<'p>,
) -> Option<Export<'p>> {
    parsed
        .program
        .body
        .iter()
        .find_map(|statement| exported(statement, meaning))
}

fn exported<'p>(statement: &'p Statement<'p>, meaning: &Semantic<'p>) -> Option<Export<'p>> {
    let (span, value) = match statement {
        Statement::ExportDefaultDeclaration(export) => {
            let value = match &export.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                    function.body.as_ref()?;
                    Value::Function(function)
                }
                ExportDefaultDeclarationKind::ClassDeclaration(_) => Value::Class,
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => return None,
                expression => value(expression.as_expression()?, meaning),
            };
            (export.span, value)
        }
        Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
            let default = export
                .specifiers
                .iter()
                .find(|specifier| specifier.exported.name() == "default")?;
            let value = match &default.local {
                ModuleExportName::IdentifierReference(name) => resolved(name, meaning, 0),
                ModuleExportName::IdentifierName(_) | ModuleExportName::StringLiteral(_) => {
                    Value::Unknown
                }
            };
            (default.span, value)
        }
        // It is refused as an import.
        Statement::ExportFromDeclaration(export) => {
            let default = export
                .specifiers
                .iter()
                .find(|specifier| specifier.exported.name() == "default")?;
            (default.span, Value::Unknown)
        }
        _ => return None,
    };
    Some(Export { span, value })
}

/// What an expression is.
pub(super) fn value<'p>(expression: &'p Expression<'p>, meaning: &Semantic<'p>) -> Value<'p> {
    value_after(expression, meaning, 0)
}

fn value_after<'p>(
    expression: &'p Expression<'p>,
    meaning: &Semantic<'p>,
    hops: usize,
) -> Value<'p> {
    match expression.get_inner_expression() {
        Expression::FunctionExpression(function) => Value::Function(function),
        Expression::ArrowFunctionExpression(arrow) => Value::Arrow(arrow),
        Expression::ClassExpression(_) => Value::Class,
        Expression::Identifier(name) => resolved(name, meaning, hops),
        other => Value::Other(other),
    }
}

/// What a name stands for, if it is declared here and not assigned again.
fn resolved<'p>(name: &IdentifierReference<'p>, meaning: &Semantic<'p>, hops: usize) -> Value<'p> {
    let scoping = meaning.scoping();
    let symbol = name
        .reference_id
        .get()
        .and_then(|id| scoping.get_reference(id).symbol_id());
    let Some(symbol) =
        symbol.filter(|symbol| hops < MAX_HOPS && !scoping.symbol_is_mutated(*symbol))
    else {
        return Value::Unknown;
    };
    match meaning.symbol_declaration(symbol).kind() {
        AstKind::Function(function) => Value::Function(function),
        AstKind::Class(_) => Value::Class,
        AstKind::VariableDeclarator(variable) if variable.id.is_binding_identifier() => {
            match &variable.init {
                Some(init) => value_after(init, meaning, hops + 1),
                None => Value::Unknown,
            }
        }
        _ => Value::Unknown,
    }
}

impl<'p> Value<'p> {
    /// Of a function.
    pub(super) fn parameters(self) -> Option<&'p FormalParameters<'p>> {
        match self {
            Value::Function(function) => Some(&function.params),
            Value::Arrow(arrow) => Some(&arrow.params),
            Value::Class | Value::Other(_) | Value::Unknown => None,
        }
    }
}

/// What a value is, if it can never be called as a step.
fn wrong(value: &Value<'_>) -> Option<&'static str> {
    match value {
        Value::Function(function) if function.generator => Some("a generator"),
        Value::Class => Some("a class"),
        Value::Other(expression) => literal(expression),
        Value::Function(_) | Value::Arrow(_) | Value::Unknown => None,
    }
}

fn literal(expression: &Expression<'_>) -> Option<&'static str> {
    match expression {
        Expression::ObjectExpression(_) => Some("an object"),
        Expression::ArrayExpression(_) => Some("an array"),
        Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => Some("a string"),
        Expression::NumericLiteral(_) | Expression::BigIntLiteral(_) => Some("a number"),
        Expression::BooleanLiteral(_) => Some("a boolean"),
        Expression::NullLiteral(_) => Some("`null`"),
        Expression::RegExpLiteral(_) => Some("a regular expression"),
        _ => None,
    }
}

/// Told at the first statement that makes the script a module.
fn missing(parsed: &Parsed<'_>) -> Complaint {
    let body = &parsed.program.body;
    let assigned = body
        .iter()
        .find(|statement| matches!(statement, Statement::TSExportAssignment(_)));
    let message = match assigned {
        Some(_) => "`export =` makes no default export",
        None => "`import` or `export` makes this a module, but it has no default export",
    };
    let module = assigned.or_else(|| {
        body.iter()
            .find(|statement| statement.is_module_declaration())
    });
    let at = module
        .or(body.first())
        .map_or(0, |statement| parsed.at(statement.span()));
    Complaint::new(at, message)
}

#[cfg(test)]
mod tests {
    use super::super::{Language, parse};

    fn check(code: &str, expected: Option<&str>) {
        for (name, language) in [
            ("a.js", Language::JavaScript),
            ("a.ts", Language::TypeScript),
        ] {
            let said = parse(name, language, code.as_bytes())
                .err()
                .map(|error| error.message);
            let as_expected = match (&said, expected) {
                (None, None) => true,
                (Some(said), Some(part)) => said.contains(part),
                _ => false,
            };
            assert!(as_expected, "{name}: {code}\n{said:?}");
        }
    }

    #[test]
    fn functions_are_steps() {
        for export in [
            "() => 1",
            "async (input, ctx) => 1",
            "function () {}",
            "function run() {}",
            "async function run() {}",
            "(function () {})",
        ] {
            check(&format!("export default {export}"), None);
        }
        check("const run = () => 1; export { run as default }", None);
        check("const run = () => 1; export { run as \"default\" }", None);
        check("function run() {} export default run", None);
    }

    #[test]
    fn what_an_expression_is_shows_when_it_runs() {
        check(
            "export default make(); function make() { return () => 1 }",
            None,
        );
        check("let run; export default run", None);
        check("export default await Promise.resolve(() => 1)", None);
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        check("export default class {}", Some("a class"));
        check("class A {} export default A", Some("a class"));
        check("class A {} export { A as default }", Some("a class"));
        check("export default function* () {}", Some("a generator"));
        check("export default async function* () {}", Some("a generator"));
        check("export default { run() {} }", Some("an object"));
        check(
            "const step = { run() {} }; export default step",
            Some("an object"),
        );
        check("export default \"a\"", Some("a string"));
        check("export default 1", Some("a number"));
        check("export default []", Some("an array"));
        check("export default null", Some("`null`"));
    }

    #[test]
    fn a_module_has_a_default_export() {
        let missing = "a.js:2:1: `import` or `export` makes this a module, but it has no default export\n  \
            2 | export const a = 1\n    | ^\n    = write `export default (input, ctx) => ..`";
        let said = parse("a.js", Language::JavaScript, b"\nexport const a = 1")
            .unwrap_err()
            .message;
        assert!(said.starts_with(missing), "{said}");
        check(
            "import { credential } from \"@lockstep/step\"; credential(\"A\")",
            Some("no default export"),
        );
        check("export {}", Some("no default export"));
    }

    #[test]
    fn a_type_is_no_default_export() {
        for code in [
            "export default interface A {}",
            "type A = 1; export type { A as default }",
            "const a = () => 1; export = a",
        ] {
            let said = parse("a.ts", Language::TypeScript, code.as_bytes())
                .unwrap_err()
                .message;
            assert!(said.contains("default export"), "{said}");
        }
        let overloads = b"export default function run(a: 1): 1;\nexport default function run(a: any) { return a }";
        parse("a.ts", Language::TypeScript, overloads).unwrap();
    }
}
