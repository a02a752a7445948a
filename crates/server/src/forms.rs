//! What is the same of all operations, in the document: handlers say which names they take, and here is once what each is
//! made of, and which problems whoever takes a token can have.

use utoipa::ToSchema as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{
    ContentBuilder, Object, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder, Schema,
};

use lockstep_runner::{AuditAction, RunStatus};
use lockstep_step::OutcomeKind;

use crate::problem::ProblemDetails;

/// Of workspaces, workflows, steps, tokens and members.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";
const KEY: &str = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";
const KEK: &str = "^k[0-9a-f]{16}$";
const RUN: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

/// `*`, or versions as this API tells them; more is taken (RFC 9110, section 13.1).
const CONDITION: &str = r#"^(\*|"[0-9]{1,18}"(, *"[0-9]{1,18}")*)$"#;
/// Bare, or in double quotes.
const IDEMPOTENCY_KEY: &str = r#"^([!#-~]{1,255}|"[!#-~]{1,255}")$"#;

/// Gives the parameters of all operations the forms of what they name.
pub(crate) fn add_to(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            if operation.security.is_some() {
                add_problems(operation);
            }
            take_null_from_body(operation);
            for parameter in operation.parameters.iter_mut().flatten() {
                if let Some(form) = form(parameter) {
                    parameter.schema = Some(RefOr::T(Schema::Object(form)));
                }
            }
        }
    }
}

/// Whatever takes a token may find none, and whatever looks something up may find the database at fault.
fn add_problems(operation: &mut Operation) {
    let says = [
        (
            "4XX",
            "`no_token`, `bad_token`, `forbidden`, `not_found`, `too_many_failures`",
        ),
        ("5XX", "`internal`, `store_unavailable`"),
    ];
    for (statuses, codes) in says {
        let details = RefOr::Ref(Ref::from_schema_name(ProblemDetails::name()));
        let content = ContentBuilder::new().schema(Some(details)).build();
        let problem = ResponseBuilder::new()
            .description(codes)
            .content("application/problem+json", content);
        let responses = &mut operation.responses.responses;
        responses
            .entry(statuses.to_owned())
            .or_insert_with(|| RefOr::T(problem.build()));
    }
}

/// A body that may be left out is `null` or something to utoipa, and to us nothing or something.
fn take_null_from_body(operation: &mut Operation) {
    let bodies = operation.request_body.iter_mut();
    for content in bodies.flat_map(|body| body.content.values_mut()) {
        if let Some(RefOr::T(Schema::OneOf(either))) = &content.schema
            && let [RefOr::T(_), RefOr::Ref(one)] = either.items.as_slice()
        {
            content.schema = Some(RefOr::Ref(one.clone()));
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        patch,
        delete,
        ..
    } = item;
    [get, put, post, patch, delete].into_iter().flatten()
}

fn form(parameter: &Parameter) -> Option<Object> {
    if is_number(parameter) {
        return None;
    }
    let text = ObjectBuilder::new().schema_type(Type::String);
    let form = match (&parameter.parameter_in, parameter.name.as_str()) {
        (ParameterIn::Path, "workspace" | "workflow" | "step" | "name" | "member")
        | (ParameterIn::Query, "workflow" | "step") => text.pattern(Some(NAME)),
        (ParameterIn::Path | ParameterIn::Query, "key") => text.pattern(Some(KEY)),
        (ParameterIn::Path, "id") => text.pattern(Some(KEK)),
        (ParameterIn::Path, "run") | (ParameterIn::Query, "run" | "before") => text
            .pattern(Some(RUN))
            .format(Some(SchemaFormat::Custom("uuid".to_owned()))),
        (ParameterIn::Query, "since" | "until") => {
            text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        }
        (ParameterIn::Query, "status") => text.enum_values(Some(statuses())),
        (ParameterIn::Query, "action") => {
            text.enum_values(Some(AuditAction::ALL.map(AuditAction::as_str)))
        }
        (ParameterIn::Header, "If-Match" | "If-None-Match") => text.pattern(Some(CONDITION)),
        (ParameterIn::Header, "idempotency-key") => text.pattern(Some(IDEMPOTENCY_KEY)),
        _ => return None,
    };
    Some(form.build())
}

/// Whether the handler says that it takes a number there.
fn is_number(parameter: &Parameter) -> bool {
    let Some(RefOr::T(Schema::Object(object))) = &parameter.schema else {
        return false;
    };
    match &object.schema_type {
        SchemaType::Type(of) => *of == Type::Integer,
        SchemaType::Array(of) => of.contains(&Type::Integer),
        SchemaType::AnyValue => false,
    }
}

/// How a run can stand, in words.
fn statuses() -> Vec<&'static str> {
    let others = [RunStatus::Open, RunStatus::Forbidden, RunStatus::Lost];
    let ended = OutcomeKind::ALL.map(RunStatus::Ended);
    let all = others.into_iter().chain(ended);
    all.map(|status| status.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use lockstep_runner::KekId;
    use lockstep_step::{CredentialKey, RunId, WorkflowName};

    use super::*;

    /// Whether the whole text is one of the pattern, which is of the few parts that ours are made of.
    fn is_of(pattern: &str, text: &str) -> bool {
        regex::Regex::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn a_body_that_may_be_left_out_is_an_object_where_it_is_there() {
        let document = crate::api::document().unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        for (path, method, form) in [
            ("/v1/host/audit/verify", "post", "HeadsKept"),
            ("/v1/workspaces/{workspace}", "put", "WorkspaceWanted"),
        ] {
            let body = &document["paths"][path][method]["requestBody"];
            let schema = &body["content"]["application/json"]["schema"];
            let form = format!("#/components/schemas/{form}");
            assert_eq!(*schema, serde_json::json!({"$ref": form}));
            assert_ne!(body["required"], true);
        }
    }

    #[test]
    fn a_form_is_what_is_taken() {
        let longest = |first: char, length: usize| format!("{first}{}", "x".repeat(length - 1));
        for text in [
            "a",
            "_",
            "9",
            "-",
            ".",
            "a-b",
            "a_b",
            "a.b",
            "A9",
            "",
            " ",
            "a b",
            "é",
            "a\n",
            "aé",
            &longest('a', 63),
            &longest('a', 64),
            &longest('_', 128),
            &longest('_', 129),
        ] {
            assert_eq!(
                is_of(NAME, text),
                text.parse::<WorkflowName>().is_ok(),
                "{text:?}"
            );
            assert_eq!(
                is_of(KEY, text),
                text.parse::<CredentialKey>().is_ok(),
                "{text:?}"
            );
        }
        for text in [
            "k0123456789abcdef",
            "k0123456789ABCDEF",
            "k0123456789abcde",
            "k+123456789abcdef",
            "k0123456789abcdef0",
            "0123456789abcdef0",
            "k",
            "",
        ] {
            assert_eq!(is_of(KEK, text), text.parse::<KekId>().is_ok(), "{text:?}");
        }
        assert!(is_of(RUN, &RunId::generate().to_string()));
        for text in [
            "a", "~!#", "\"a\"", "", "\"\"", "\"", "a\"b", "\"a", "a b", "é",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", text.parse().unwrap());
            let is_taken = crate::idempotency::key(&headers).is_ok();
            assert_eq!(is_of(IDEMPOTENCY_KEY, text), is_taken, "{text:?}");
        }
    }
}
