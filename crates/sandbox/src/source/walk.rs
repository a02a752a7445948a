//! One walk over the syntax tree before anything else walks it: how deep it is, and what no step may have.

use oxc_ast::ast::{
    AssignmentTarget, BindingPattern, Decorator, Expression, ImportExpression, Statement,
    TSImportEqualsDeclaration, TSImportTypeQualifier, TSNamespaceDeclarationBody, TSType,
    TSTypeName,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

use super::imports;
use super::report::Complaint;
use super::syntax::Parsed;
use super::text::Text;
use crate::InvalidStep;

/// How deep a tree may be. A sum of a thousand texts is a thousand deep; more is data, and belongs into an array.
pub(super) const MAX_DEPTH: usize = 5_000;

/// Refuses a tree that is too deep for what walks it later, decorators, and imports that are expressions.
pub(super) fn check(parsed: &Parsed<'_>, text: &Text<'_>) -> Result<(), InvalidStep> {
    let mut walk = Walk {
        parsed,
        depth: 0,
        too_deep: None,
        complaints: Vec::new(),
    };
    walk.visit_program(&parsed.program);
    if let Some(span) = walk.too_deep {
        let complaint = Complaint::new(
            parsed.at(span),
            format!("the code is nested over {MAX_DEPTH} levels deep"),
        );
        walk.complaints = vec![
            complaint.hint("take it apart; long sums of texts are better joined from an array"),
        ];
    }
    if walk.complaints.is_empty() {
        return Ok(());
    }
    Err(text.refuse(walk.complaints))
}

struct Walk<'p> {
    parsed: &'p Parsed<'p>,
    depth: usize,
    /// The first thing that was not looked into.
    too_deep: Option<Span>,
    complaints: Vec<Complaint>,
}

impl Walk<'_> {
    /// Each way from a node to one of its kind leads through here.
    fn deeper<T: GetSpan>(&mut self, node: &T, walk: impl FnOnce(&mut Self, &T)) {
        if self.depth == MAX_DEPTH {
            self.too_deep.get_or_insert(node.span());
            return;
        }
        self.depth += 1;
        walk(self, node);
        self.depth -= 1;
    }
}

impl<'a> Visit<'a> for Walk<'_> {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        self.deeper(it, walk::walk_expression);
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        self.deeper(it, walk::walk_statement);
    }

    fn visit_binding_pattern(&mut self, it: &BindingPattern<'a>) {
        self.deeper(it, walk::walk_binding_pattern);
    }

    fn visit_assignment_target(&mut self, it: &AssignmentTarget<'a>) {
        self.deeper(it, walk::walk_assignment_target);
    }

    fn visit_ts_type(&mut self, it: &TSType<'a>) {
        self.deeper(it, walk::walk_ts_type);
    }

    fn visit_ts_type_name(&mut self, it: &TSTypeName<'a>) {
        self.deeper(it, walk::walk_ts_type_name);
    }

    fn visit_ts_namespace_declaration_body(&mut self, it: &TSNamespaceDeclarationBody<'a>) {
        self.deeper(it, walk::walk_ts_namespace_declaration_body);
    }

    fn visit_ts_import_type_qualifier(&mut self, it: &TSImportTypeQualifier<'a>) {
        self.deeper(it, walk::walk_ts_import_type_qualifier);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        let complaint = Complaint::new(self.parsed.at(it.span), "decorators are not supported");
        self.complaints
            .push(complaint.hint("call the function, or compile the code first"));
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        self.complaints.extend(imports::equals(it, self.parsed));
        walk::walk_ts_import_equals_declaration(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        self.complaints.push(imports::dynamic(it, self.parsed));
        walk::walk_import_expression(self, it);
    }
}
