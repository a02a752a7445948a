//! The syntax tree of a script, and what its names mean, or the faults of its syntax.

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, FormalParameters, Function, FunctionBody, Program, Statement};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::{Semantic, SemanticBuilder};
use oxc_span::{SourceType, Span};

use super::outline::Outline;
use super::report::Complaint;
use super::text::Text;
use super::{Form, Language};
use crate::InvalidStep;

/// What the engine puts around a plain script: it is the body of this function.
const BEFORE: &str = "(async function (input, ctx) {\n";
const AFTER: &str = "\n})";

/// The syntax tree of a script.
pub(super) struct Parsed<'a> {
    pub(super) program: Program<'a>,
    pub(super) form: Form,
    /// Where the text begins in what was parsed.
    start: usize,
}

impl Parsed<'_> {
    /// Where in the author's text something is.
    pub(super) fn at(&self, span: Span) -> usize {
        (span.start as usize).saturating_sub(self.start)
    }

    /// Whether a function is the one around a plain script.
    pub(super) fn is_wrapper(&self, function: &Function<'_>) -> bool {
        (function.span.start as usize) < self.start
    }

    /// What the tools found, in our words.
    pub(super) fn fault(&self, error: &OxcDiagnostic, text: &Text<'_>) -> Complaint {
        fault(
            error,
            self,
            text,
            &Outline {
                form: self.form,
                stray: None,
                unclosed: None,
            },
        )
    }

    /// The parameters of the function that a plain script is the body of. A script in TypeScript is parsed without one.
    pub(super) fn wrapper(&self) -> Option<&FormalParameters<'_>> {
        let function = wrapper(&self.program).filter(|_| self.start > 0)?;
        Some(function.0)
    }
}

/// Parses a script.
pub(super) fn parse<'a>(
    allocator: &'a Allocator,
    text: &Text<'_>,
    language: Language,
    outline: &Outline,
) -> Result<Parsed<'a>, InvalidStep> {
    let form = outline.form;
    let (source_type, wrapped) = match (language, form) {
        (Language::JavaScript, Form::Module) => (SourceType::mjs(), false),
        (Language::JavaScript, Form::Plain) => (SourceType::script(), true),
        // As strict as a module, which TypeScript is anyway; a namespace has to be at the top level.
        (Language::TypeScript, Form::Module | Form::Plain) => {
            (SourceType::ts().with_module(true), false)
        }
    };
    let code = match wrapped {
        true => [BEFORE, text.code(), AFTER].concat(),
        false => text.code().to_owned(),
    };
    let options = ParseOptions {
        allow_return_outside_function: form == Form::Plain,
        parse_regular_expression: true,
        ..ParseOptions::default()
    };
    let code = allocator.alloc_str(&code);
    let returned = Parser::new(allocator, code, source_type)
        .with_options(options)
        .parse();
    let parsed = Parsed {
        program: returned.program,
        form,
        start: if wrapped { BEFORE.len() } else { 0 },
    };
    let faults: Vec<_> = returned
        .diagnostics
        .errors()
        .map(|error| fault(error, &parsed, text, outline))
        .collect();
    if !faults.is_empty() {
        return Err(text.refuse(faults));
    }
    match wrapper(&parsed.program) {
        None if wrapped => Err(text.refuse(vec![stray(outline)])),
        _ => Ok(parsed),
    }
}

/// Resolves the names, and finds what the parser does not look for.
pub(super) fn check<'p>(
    parsed: &'p Parsed<'p>,
    text: &Text<'_>,
) -> Result<Semantic<'p>, InvalidStep> {
    let built = SemanticBuilder::new_compiler()
        .with_build_nodes(true)
        .with_enum_eval(true)
        .build(&parsed.program);
    let errors = built.diagnostics.errors();
    let mut faults: Vec<_> = errors.map(|error| parsed.fault(error, text)).collect();
    if parsed.form == Form::Plain {
        faults.extend(taken_names(parsed, &built.semantic));
    }
    if faults.is_empty() {
        return Ok(built.semantic);
    }
    Err(text.refuse(faults))
}

/// What declares `input` or `ctx` again, which the engine could not take. A script in TypeScript may declare their types.
fn taken_names(parsed: &Parsed<'_>, meaning: &Semantic<'_>) -> Vec<Complaint> {
    let scoping = meaning.scoping();
    let bindings = scoping.get_bindings(scoping.root_scope_id()).iter();
    let taken = bindings.filter(|(name, symbol)| {
        let flags = scoping.symbol_flags(**symbol);
        let is_taken = flags.is_block_scoped() || flags.is_value_module();
        matches!(name.as_str(), "input" | "ctx") && is_taken && !flags.is_ambient()
    });
    taken
        .map(|(_, symbol)| name_taken(parsed.at(scoping.symbol_span(*symbol))))
        .collect()
}

fn name_taken(at: usize) -> Complaint {
    Complaint::new(at, "a plain script has `input` and `ctx` already").hint("give it another name")
}

/// The function around a plain script, if it is all that was parsed: a script can end it too early, and go on.
fn wrapper<'p, 'a>(
    program: &'p Program<'a>,
) -> Option<(&'p FormalParameters<'a>, &'p FunctionBody<'a>)> {
    let [Statement::ExpressionStatement(statement)] = program.body.as_slice() else {
        return None;
    };
    let Expression::ParenthesizedExpression(parentheses) = &statement.expression else {
        return None;
    };
    let Expression::FunctionExpression(function) = &parentheses.expression else {
        return None;
    };
    Some((&function.params, function.body.as_ref()?))
}

fn stray(outline: &Outline) -> Complaint {
    Complaint::new(outline.stray.unwrap_or(0), "this bracket closes nothing")
}

/// What the parser found, in our words.
fn fault(
    error: &OxcDiagnostic,
    parsed: &Parsed<'_>,
    text: &Text<'_>,
    outline: &Outline,
) -> Complaint {
    let tells = |words: &str| error.message.contains(words);
    let redeclared = tells("already been declared");
    // The first is good, and one of the others is wrong.
    let again = redeclared || tells("multiple default exports") || tells("Duplicated export");
    let labels = &error.labels;
    let label = labels.iter().find(|label| label.primary());
    let label = label.or(if again { labels.last() } else { labels.first() });
    let start = label.map_or(0, |label| label.span().start as usize);
    let at = start.saturating_sub(parsed.start);
    if at >= text.code().len()
        && let Some(open) = outline.unclosed
    {
        return Complaint::new(open, "this bracket is never closed");
    }
    if let Some(at) = outline.stray.filter(|stray| *stray <= at) {
        return Complaint::new(at, "this bracket closes nothing");
    }
    let of_the_wrapper = |offset: usize| offset < parsed.start;
    if redeclared
        && labels
            .first()
            .is_some_and(|label| of_the_wrapper(label.span().start as usize))
    {
        return name_taken(at);
    }
    let complaint = Complaint::new(at, sentence(&error.message));
    match help(error, parsed, text, at) {
        Some(help) => complaint.hint(help),
        None => complaint,
    }
}

fn help(error: &OxcDiagnostic, parsed: &Parsed<'_>, text: &Text<'_>, at: usize) -> Option<String> {
    if error.message.contains("'return' statement") && parsed.form == Form::Module {
        return Some("`import` or `export` makes this a module, which hands out its output from `export default (input, ctx) => ..`".to_owned());
    }
    if text.code()[at.min(text.code().len())..].starts_with('<') {
        return Some(
            "JSX is not supported: compile it first, as `lockstep-step build` does".to_owned(),
        );
    }
    error.help.as_ref().map(|help| sentence(help))
}

/// As our messages are: in lower case, without a full stop.
fn sentence(text: &str) -> String {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut characters = text.chars();
    let first = characters.next();
    let second = characters.clone().next();
    match first {
        // Not of names in capitals.
        Some(first) if !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}
