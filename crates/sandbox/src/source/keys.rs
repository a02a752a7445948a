//! The keys of the credentials that a script names: in `credential("KEY")`, `requireCredentials("A", "B")` and what is signed
//! or verified, such as `sign.hmac("KEY", data)`.
//!
//! The first two are globals; all are exports of `@lockstep/step`, and members of `ctx`. They are followed through other names, through
//! destructuring, and into functions of the script that get `ctx` as an argument. A key is a literal, a constant that is
//! one, or a choice between such. What else is done with them makes the script *dynamic*: it may ask for other keys.
//! A literal that is no valid key is not told: no credential can have it, and asking for it fails like for a missing one.

use std::collections::{BTreeSet, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, BindingPattern, CallExpression, Expression, FormalParameters,
    ImportDeclarationSpecifier, ObjectPropertyKind, Statement,
};
use oxc_semantic::{NodeId, ReferenceId, Semantic, SymbolId};
use oxc_span::{GetSpan, Span};

use lockstep_step::CredentialKey;

use super::Form;
use super::entry::{self, Value};
use super::imports::STEP_MODULE;
use super::syntax::Parsed;

/// `ctx` is looked for among so many arguments.
const MAX_ARGUMENTS: usize = 16;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) keys: BTreeSet<CredentialKey>,
    pub(super) dynamic: bool,
}

/// What a name or an expression is.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Role {
    /// `credential`
    One,
    /// `requireCredentials`
    Many,
    /// `sign.basic`: its second argument is a key.
    Second,
    /// `sign.awsV4`: a key is its first argument, and there may be one in its third.
    Aws,
    /// `sign` or `verify`: an object of functions.
    Signing,
    /// An object that has them all: `ctx`, or all that `@lockstep/step` exports.
    Holder,
    /// `globalThis`, which has the first two. What else is done with it tells nothing.
    Global,
    /// `defineStep`: its argument is the function of the step.
    Define,
}

/// Finds the keys that a script names.
pub(super) fn of<'p>(parsed: &'p Parsed<'p>, meaning: &Semantic<'p>) -> Found {
    let mut finder = Finder {
        meaning,
        found: Found::default(),
        known: HashSet::new(),
        waiting: Vec::new(),
    };
    finder.globals(parsed);
    finder.imports(parsed);
    if let Some(wrapper) = parsed.wrapper() {
        finder.step(wrapper);
    }
    if let Some(parameters) =
        entry::default_export(parsed, meaning).and_then(|export| export.value.parameters())
    {
        finder.step(parameters);
    }
    while let Some((node, role)) = finder.waiting.pop() {
        finder.follow(node, role);
    }
    finder.found
}

struct Finder<'s, 'p> {
    meaning: &'s Semantic<'p>,
    found: Found,
    known: HashSet<(SymbolId, Role)>,
    /// Expressions whose use is yet to be looked at.
    waiting: Vec<(NodeId, Role)>,
}

impl<'s, 'p> Finder<'s, 'p> {
    // Where the roles come from.

    /// Names that the script does not declare, or declares the type of only.
    fn globals(&mut self, parsed: &Parsed<'_>) {
        let scoping = self.meaning.scoping();
        for (name, references) in scoping.root_unresolved_references() {
            if let Some(role) = global(name, parsed.form) {
                for reference in references {
                    self.reference(*reference, role);
                }
            }
        }
        for (name, symbol) in scoping.get_bindings(scoping.root_scope_id()) {
            if scoping.symbol_flags(*symbol).is_ambient()
                && let Some(role) = global(name, parsed.form)
            {
                self.symbol(*symbol, role);
            }
        }
    }

    fn imports(&mut self, parsed: &Parsed<'_>) {
        for statement in &parsed.program.body {
            let Statement::ImportDeclaration(import) = statement else {
                continue;
            };
            if import.source.value != STEP_MODULE {
                continue;
            }
            for specifier in import.specifiers.iter().flatten() {
                let role = match specifier {
                    ImportDeclarationSpecifier::ImportSpecifier(specifier) => {
                        role_of(&specifier.imported.name())
                    }
                    ImportDeclarationSpecifier::ImportDefaultSpecifier(_)
                    | ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => Some(Role::Holder),
                };
                if let Some(role) = role {
                    self.symbol(specifier.local().symbol_id(), role);
                }
            }
        }
    }

    /// The second parameter of the function of a step is `ctx`.
    fn step(&mut self, parameters: &FormalParameters<'p>) {
        match (parameters.items.get(1), &parameters.rest) {
            (Some(ctx), _) => self.pattern(&ctx.pattern, Role::Holder),
            // `ctx` is in there.
            (None, Some(_)) => self.found.dynamic = true,
            (None, None) => {}
        }
    }

    // How they spread.

    fn symbol(&mut self, symbol: SymbolId, role: Role) {
        if !self.known.insert((symbol, role)) {
            return;
        }
        let scoping = self.meaning.scoping();
        self.found.dynamic |= scoping.symbol_is_mutated(symbol);
        for reference in scoping.get_resolved_reference_ids(symbol) {
            self.reference(*reference, role);
        }
    }

    fn reference(&mut self, reference: ReferenceId, role: Role) {
        let reference = self.meaning.scoping().get_reference(reference);
        if reference.is_value() || !reference.is_type() {
            self.waiting.push((reference.node_id(), role));
        }
    }

    /// A name, or names for what is in an object, that get a value.
    fn pattern(&mut self, pattern: &BindingPattern<'p>, role: Role) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => self.symbol(name.symbol_id(), role),
            BindingPattern::AssignmentPattern(assignment) => self.pattern(&assignment.left, role),
            BindingPattern::ObjectPattern(object)
                if matches!(role, Role::Holder | Role::Global | Role::Signing) =>
            {
                for property in &object.properties {
                    match property.key.static_name() {
                        Some(name) => {
                            if let Some(role) = role.of_member(&name) {
                                self.pattern(&property.value, role);
                            }
                        }
                        None => self.escapes(role),
                    }
                }
                if let Some(rest) = &object.rest {
                    self.pattern(&rest.argument, role);
                }
            }
            BindingPattern::ObjectPattern(_) | BindingPattern::ArrayPattern(_) => {
                self.escapes(role);
            }
        }
    }

    /// Looks at what is done with an expression.
    fn follow(&mut self, node: NodeId, role: Role) {
        let node = self.outermost(node);
        let nodes = self.meaning.nodes();
        let span = nodes.kind(node).span();
        let parent = nodes.parent_id(node);
        match nodes.kind(parent) {
            AstKind::CallExpression(call) => self.call(call, span, role),
            AstKind::StaticMemberExpression(member) if member.object.span() == span => {
                self.member(parent, member.property.name.as_str(), role);
            }
            AstKind::ComputedMemberExpression(member) if member.object.span() == span => {
                match literals(&member.expression, self.meaning) {
                    Some(names) => names
                        .iter()
                        .for_each(|name| self.member(parent, name, role)),
                    None => self.escapes(role),
                }
            }
            AstKind::VariableDeclarator(variable) => self.pattern(&variable.id, role),
            // They look at it, or do nothing with it.
            AstKind::UnaryExpression(_)
            | AstKind::ExpressionStatement(_)
            | AstKind::IfStatement(_)
            | AstKind::ExportSpecifier(_) => {}
            _ => self.escapes(role),
        }
    }

    /// The expression that is the same value, without parentheses and types around it.
    fn outermost(&self, mut node: NodeId) -> NodeId {
        let nodes = self.meaning.nodes();
        loop {
            match nodes.parent_kind(node) {
                AstKind::ParenthesizedExpression(_)
                | AstKind::ChainExpression(_)
                | AstKind::TSAsExpression(_)
                | AstKind::TSSatisfiesExpression(_)
                | AstKind::TSNonNullExpression(_)
                | AstKind::TSTypeAssertion(_)
                | AstKind::TSInstantiationExpression(_) => node = nodes.parent_id(node),
                _ => return node,
            }
        }
    }

    fn member(&mut self, node: NodeId, name: &str, role: Role) {
        match role {
            Role::Holder | Role::Global | Role::Signing => {
                if let Some(role) = role.of_member(name) {
                    self.waiting.push((node, role));
                }
            }
            // `credential.call(..)`
            Role::One | Role::Many | Role::Second | Role::Aws => self.found.dynamic = true,
            Role::Define => {}
        }
    }

    /// A call of what is at `span`, or with it as an argument.
    fn call(&mut self, call: &'p CallExpression<'p>, span: Span, role: Role) {
        if call.callee.span() == span {
            return self.called(call, role);
        }
        let arguments = call
            .arguments
            .get(..MAX_ARGUMENTS)
            .unwrap_or(&call.arguments);
        let position = arguments
            .iter()
            .position(|argument| argument.span() == span);
        let spread = arguments.iter().any(Argument::is_spread);
        let parameters = entry::value(&call.callee, self.meaning)
            .parameters()
            .filter(|_| !spread);
        let parameter = position.and_then(|position| parameters?.items.get(position));
        match parameter {
            Some(parameter) => self.pattern(&parameter.pattern, role),
            None => self.escapes(role),
        }
    }

    fn called(&mut self, call: &'p CallExpression<'p>, role: Role) {
        match role {
            Role::One => self.names(call.arguments.get(..1).unwrap_or_default()),
            Role::Many => self.names(&call.arguments),
            Role::Second => self.names(call.arguments.get(1..2).unwrap_or_default()),
            Role::Aws => {
                self.names(call.arguments.get(..1).unwrap_or_default());
                if let Some(options) = call.arguments.get(2) {
                    self.session_token(options);
                }
            }
            Role::Define => self.define(call),
            Role::Holder | Role::Global | Role::Signing => self.escapes(role),
        }
    }

    /// `{ sessionToken: "KEY" }`
    fn session_token(&mut self, options: &'p Argument<'p>) {
        let options = options.as_expression();
        let Some(Value::Other(Expression::ObjectExpression(options))) =
            options.map(|options| entry::value(options, self.meaning))
        else {
            self.found.dynamic = true;
            return;
        };
        for property in &options.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    match property.key.static_name().as_deref() {
                        Some("sessionToken") => self.key(Some(&property.value)),
                        Some(_) => {}
                        None => self.found.dynamic = true,
                    }
                }
                ObjectPropertyKind::SpreadProperty(_) => self.found.dynamic = true,
            }
        }
    }

    /// `defineStep((input, ctx) => ..)`
    fn define(&mut self, call: &'p CallExpression<'p>) {
        for argument in call.arguments.iter().filter_map(Argument::as_expression) {
            let value = entry::value(argument, self.meaning);
            if let Some(parameters) = value.parameters() {
                self.step(parameters);
            }
            if let Value::Other(Expression::ObjectExpression(_)) | Value::Unknown = value {
                self.found.dynamic = true;
            }
        }
    }

    fn names(&mut self, arguments: &'p [Argument<'p>]) {
        for argument in arguments {
            self.key(argument.as_expression());
        }
    }

    fn key(&mut self, key: Option<&'p Expression<'p>>) {
        match key.and_then(|key| literals(key, self.meaning)) {
            Some(names) => self
                .found
                .keys
                .extend(names.iter().filter_map(|name| name.parse().ok())),
            None => self.found.dynamic = true,
        }
    }

    fn escapes(&mut self, role: Role) {
        self.found.dynamic |= !matches!(role, Role::Global | Role::Define);
    }
}

// === impl Role ===

impl Role {
    /// What a member of an object of this role is.
    fn of_member(self, name: &str) -> Option<Self> {
        match self {
            Self::Signing => Some(match name {
                "basic" => Self::Second,
                "awsV4" | "awsV4Url" => Self::Aws,
                "hmac" | "jwt" | "github" | "slack" | "stripe" => Self::One,
                _ => return None,
            }),
            _ => role_of(name),
        }
    }
}

/// What a name is that the script does not declare.
fn global(name: &str, form: Form) -> Option<Role> {
    match name {
        "globalThis" | "self" => Some(Role::Global),
        "ctx" if form == Form::Plain => Some(Role::Holder),
        // Exports alone.
        "defineStep" | "sign" | "verify" => None,
        _ => role_of(name),
    }
}

/// What a member of `ctx` is, or an export of `@lockstep/step`.
fn role_of(name: &str) -> Option<Role> {
    match name {
        "credential" => Some(Role::One),
        "requireCredentials" => Some(Role::Many),
        "sign" | "verify" => Some(Role::Signing),
        "defineStep" => Some(Role::Define),
        _ => None,
    }
}

/// The texts that an expression may be, if they can be seen.
fn literals<'p>(expression: &'p Expression<'p>, meaning: &Semantic<'p>) -> Option<Vec<&'p str>> {
    if let Expression::ConditionalExpression(choice) = expression.get_inner_expression() {
        let mut names = literals(&choice.consequent, meaning)?;
        names.extend(literals(&choice.alternate, meaning)?);
        return Some(names);
    }
    let value = match entry::value(expression, meaning) {
        Value::Other(value) => value,
        Value::Function(_) | Value::Arrow(_) | Value::Class | Value::Unknown => return None,
    };
    match value {
        Expression::StringLiteral(text) => Some(vec![text.value.as_str()]),
        Expression::TemplateLiteral(template) => Some(vec![template.single_quasi()?.as_str()]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, parse};

    /// Keys, and `..` at the end of what is dynamic.
    fn check(code: &str, expected: &str) {
        for (name, language) in [
            ("a.js", Language::JavaScript),
            ("a.ts", Language::TypeScript),
        ] {
            let script = parse(name, language, code.as_bytes())
                .unwrap_or_else(|error| panic!("{error}\n{code}"));
            let mut found: Vec<_> = script.keys.iter().map(|key| key.as_str()).collect();
            if script.dynamic {
                found.push("..");
            }
            assert_eq!(found.join(" "), expected, "{name}: {code}");
        }
    }

    #[test]
    fn the_globals_are_known() {
        check(r#"return credential("A")"#, "A");
        check(r#"return credential('A') + credential(`B`)"#, "A B");
        check(r#"requireCredentials("B", "A", "B")"#, "A B");
        check(
            r#"return globalThis.credential("A") + self["credential"]("B")"#,
            "A B",
        );
        check(r#"const { credential: get } = globalThis; get("A")"#, "A");
        check(r#"return (credential)?.("A")"#, "A");
        check(
            r#"if (typeof credential === "function") credential("A")"#,
            "A",
        );
        check("return 1", "");
    }

    #[test]
    fn the_keys_of_what_is_signed_and_verified_are_known() {
        check(
            r#"return ctx.sign.hmac("A", "B") + ctx.verify.hmac("C", "D")"#,
            "A C",
        );
        check(r#"return ctx.sign.basic("A", "B")"#, "B");
        check(
            r#"const { sign: { jwt }, verify } = ctx; jwt("A", {}); verify.slack("B", body, headers)"#,
            "A B",
        );
        check(
            r#"import { sign, verify } from "@lockstep/step"; export default () => sign.jwt("A", {}) + verify.github("B")"#,
            "A B",
        );
        check(
            r#"return ctx.sign.awsV4("A", request, { service: "s3", sessionToken: "B" })"#,
            "A B",
        );
        check(
            r#"return ctx.sign.awsV4Url("A", request, { service: "s3" })"#,
            "A",
        );
        check(
            r#"return ctx.sign.awsV4("A", request, input.options)"#,
            "A ..",
        );
        check(
            r#"return ctx.sign.awsV4("A", request, { ...input })"#,
            "A ..",
        );
        check("return ctx.sign.hmac(input.key, 1)", "..");
        check("return other(ctx.sign)", "..");
        check(r#"return sign.hmac("A", 1)"#, "");
        check(r#"return ctx.sign.other("A")"#, "");
    }

    #[test]
    fn only_the_first_argument_of_credential_is_a_key() {
        check(r#"return credential("A", "B")"#, "A");
        check("return credential()", "");
    }

    #[test]
    fn what_is_called_the_same_is_not_ours() {
        check(
            r#"function credential(key) { return key } return credential("A")"#,
            "",
        );
        check(r#"return [1].map((credential) => credential("A"))"#, "");
        check(
            r#"const api = { credential(key) { return key } }; return api.credential("A")"#,
            "",
        );
        check(
            r#"{ let credential = String; credential("A") } return credential("B")"#,
            "B",
        );
    }

    #[test]
    fn ctx_of_a_plain_script_is_known() {
        check(r#"return ctx.credential("A")"#, "A");
        check(
            r#"return ctx["credential"]("A") + ctx?.credential?.("B")"#,
            "A B",
        );
        check(r#"const { credential } = ctx; return credential("A")"#, "A");
        check(r#"const get = ctx.credential; return get("A")"#, "A");
        check(
            r#"ctx.requireCredentials("A", "B"); return ctx.run.id"#,
            "A B",
        );
        check(r#"return [1].map((ctx) => ctx.credential("A"))"#, "");
    }

    #[test]
    fn the_second_parameter_of_the_default_export_is_ctx() {
        check(r#"export default (input, ctx) => ctx.credential("A")"#, "A");
        check(
            r#"export default async function (input, c) { return c.credential("A") }"#,
            "A",
        );
        check(
            r#"export default function step(input, { credential, requireCredentials: all }) { all("B"); credential("A") }"#,
            "A B",
        );
        check(
            r#"export default (input, { run, ...rest }) => rest.credential("A")"#,
            "A",
        );
        check(
            r#"export default (input, { credential = null } = {}) => credential("A")"#,
            "A",
        );
        check(
            r#"const run = (input, ctx) => ctx.credential("A"); export default run"#,
            "A",
        );
        check(
            r#"function run(input, ctx) { return ctx.credential("A") } export { run as default }"#,
            "A",
        );
        check(r#"export default (ctx, other) => ctx.credential("A")"#, "");
        check(
            r#"export const other = (input, ctx) => ctx.credential("A"); export default () => 1"#,
            "",
        );
    }

    #[test]
    fn imports_are_known_under_any_name() {
        check(
            r#"import { credential } from "@lockstep/step"; export default () => credential("A")"#,
            "A",
        );
        check(
            r#"import { credential as c, requireCredentials as r } from "@lockstep/step"; r("B"); export default () => c("A")"#,
            "A B",
        );
        check(
            r#"import * as step from "@lockstep/step"; export default () => step.credential("A")"#,
            "A",
        );
        check(
            r#"import { defineStep } from "@lockstep/step"; export default defineStep(async (input, ctx) => ctx.credential("A"))"#,
            "A",
        );
    }

    #[test]
    fn constants_and_choices_are_literals() {
        check(r#"const K = "A"; return credential(K)"#, "A");
        check(r#"const K = `A`, L = K; return credential(L)"#, "A");
        check(r#"return credential(input.test ? "A" : "B")"#, "A B");
        check(r#"let K = "A"; return credential(K)"#, "A");
    }

    #[test]
    fn what_is_computed_is_dynamic() {
        check(r#"let K = "A"; K = "B"; return credential(K)"#, "..");
        check("return credential(input.key)", "..");
        check(r#"return credential("A" + input.key)"#, "..");
        check(r#"return credential(`A_${input.key}`)"#, "..");
        check(r#"return credential("A") + credential(input.key)"#, "A ..");
        check(r#"requireCredentials("A", ...input.keys)"#, "A ..");
        check("return ctx[input.name]", "..");
        check(r#"return credential.call(null, "A")"#, "..");
        check("const a = b, b = a; return credential(a)", "..");
    }

    #[test]
    fn what_is_handed_on_is_dynamic_or_followed() {
        check("return [\"A\"].map(credential)", "..");
        check("return [credential]", "..");
        check(
            "export default (input, ctx) => send(ctx); const send = globalThis.send",
            "..",
        );
        check(
            "export default (...both) => both[1].credential(\"A\")",
            "..",
        );
        check(
            r#"export default (input, ctx) => send(1, ctx); function send(one, c) { return c.credential("A") }"#,
            "A",
        );
        check(
            r#"const send = ({ credential }) => credential("A"); return send(ctx)"#,
            "A",
        );
        check(
            "function again(c) { return again(c) } return again(ctx)",
            "",
        );
    }

    #[test]
    fn a_literal_that_is_no_key_is_not_told() {
        check(r#"return credential("no key") ?? credential("")"#, "");
    }

    #[test]
    fn what_is_declared_for_its_type_is_still_ours() {
        let code = "declare const ctx: { credential(key: string): string }; declare function credential(key: string): string;\n\
            return ctx.credential(\"A\") + credential(\"B\")";
        let script = parse("a.ts", Language::TypeScript, code.as_bytes()).unwrap();
        assert_eq!((script.keys.len(), script.dynamic), (2, false));
    }

    #[test]
    fn types_are_no_use() {
        let code = "import { credential, type Context } from \"@lockstep/step\";\n\
            export default (input: typeof credential, ctx: Context): string => (ctx as any)!.credential(<string>\"A\" satisfies string)";
        let script = parse("a.ts", Language::TypeScript, code.as_bytes()).unwrap();
        assert_eq!((script.keys.len(), script.dynamic), (1, false));
    }
}
