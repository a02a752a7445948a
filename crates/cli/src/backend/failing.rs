//! What a server refuses, told as a host on this machine tells it: the same words, codes and exit codes.

use lockstep_client::{ClientError, ProblemDetails};

use crate::problem::{BEYOND_MEMBER, Exit, Problem};

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(problem) => refused(problem),
            ClientError::Connect { source, .. } => {
                Self::new(Exit::Host, "unreachable", error.to_string())
                    .because(Some(source.as_ref()))
                    .hint("check `LOCKSTEP_URL`, and that `lockstep serve` runs there; a certificate of an authority of your own takes `LOCKSTEP_CA`")
            }
            ClientError::Broken { source, .. } => {
                Self::new(Exit::Host, "unreachable", error.to_string())
                    .because(Some(source.as_ref()))
                    .hint("it may have been carried out: look before you try again")
            }
            ClientError::Late { .. } => Self::new(Exit::Host, "unreachable", error.to_string())
                .hint("it may have been carried out: look before you try again"),
            ClientError::Strange { .. } => Self::new(Exit::Host, "strange_server", error.to_string())
                .hint("check `LOCKSTEP_URL`: is it a Lockstep server, of this release?"),
            ClientError::Address(_) => Self::new(Exit::Usage, "server_address", error.to_string()),
            ClientError::Roots(reason) => {
                Self::new(Exit::Usage, "server_roots", error.to_string()).because(Some(reason))
            }
            ClientError::Token => Self::new(Exit::Usage, "bad_token", error.to_string())
                .hint("check `LOCKSTEP_TOKEN`"),
        }
    }
}

fn refused(refused: &ProblemDetails) -> Problem {
    let (exit, code) = as_here(refused);
    let problem = Problem::new(exit, code, refused.to_string());
    match hint(refused) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// The exit code and the code of the same refusal on this machine.
fn as_here(problem: &ProblemDetails) -> (Exit, String) {
    match problem.code.as_str() {
        "credential_not_found" => (Exit::Usage, "not_found".to_owned()),
        "credential_in_use" => (Exit::Usage, "in_use".to_owned()),
        "value_too_large" | "value_empty" | "key_twice" | "too_many_rules" | "too_many_keys" => {
            (Exit::Usage, "invalid_value".to_owned())
        }
        "invalid_step" => (Exit::NotCompleted, problem.code.clone()),
        "key_unavailable" => (Exit::Host, "locked".to_owned()),
        "key_in_use" => (Exit::Usage, "in_use".to_owned()),
        "key_is_primary" | "key_ring_full" => (Exit::Usage, "key".to_owned()),
        "key_file_unusable" => (Exit::Host, "key".to_owned()),
        "key_not_remembered" => (Exit::Host, "database".to_owned()),
        _ if problem.status >= 500 || problem.status == 429 => (Exit::Host, problem.code.clone()),
        _ => (Exit::Usage, problem.code.clone()),
    }
}

/// What to do, in words of the command line where the server speaks of requests.
fn hint(problem: &ProblemDetails) -> Option<String> {
    let hint = match problem.code.as_str() {
        "bad_token" | "no_token" => {
            "check `LOCKSTEP_TOKEN`; an admin makes another with `lockstep token create`"
        }
        "forbidden" => {
            "`lockstep doctor` tells what the token is for; an admin has tokens of other roles made"
        }
        "credential_in_use" => {
            "`--force` deletes it all the same; what uses it then gets `missing_credential`"
        }
        "role_beyond_member" => BEYOND_MEMBER,
        "key_in_use" => "`lockstep key rewrap` wraps them with the primary",
        "key_is_primary" => "`lockstep key rotate` makes a new key the primary",
        "key_ring_full" => {
            "`lockstep key rewrap`, then `lockstep key retire ID` for keys with no records"
        }
        "key_not_remembered" => "nothing is lost: the next `lockstep key rewrap` tells it",
        "too_many_rewrappings" => "it does it all: try again when it has ended",
        "has_credentials" => "`--force` removes it with its credentials",
        "not_found" if problem.detail.starts_with("the workspace ") => {
            "`--workspace` names the one that the token is for, and `lockstep doctor` tells which that is"
        }
        // A path that is not there, or that is only there for whoever speaks for the host.
        "not_found" if problem.detail.starts_with("there is nothing ") => {
            "only an admin token of the workspace `default` speaks for the host, and an older server has not all of this; `lockstep doctor` tells what the token is for"
        }
        "method_not_allowed" => "the server may be of another release",
        _ => return problem.hint.clone(),
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, code: &str, exit: Exit, told: &str) {
        let problem = Problem::from(ClientError::Refused(Box::new(ProblemDetails {
            status,
            code: code.to_owned(),
            title: "Title".to_owned(),
            detail: "what went wrong".to_owned(),
            hint: Some("what to do".to_owned()),
        })));
        assert_eq!((problem.exit, problem.code.as_ref()), (exit, told));
        assert_eq!(problem.message, "what went wrong");
        assert!(problem.hint.is_some());
    }

    #[test]
    fn a_refusal_has_the_codes_of_this_machine() {
        check(404, "credential_not_found", Exit::Usage, "not_found");
        check(409, "credential_in_use", Exit::Usage, "in_use");
        check(409, "already_exists", Exit::Usage, "already_exists");
        check(413, "value_too_large", Exit::Usage, "invalid_value");
        check(422, "invalid_step", Exit::NotCompleted, "invalid_step");
        check(401, "bad_token", Exit::Usage, "bad_token");
        check(403, "forbidden", Exit::Usage, "forbidden");
        check(429, "capacity", Exit::Host, "capacity");
        check(503, "key_unavailable", Exit::Host, "locked");
        check(409, "key_in_use", Exit::Usage, "in_use");
        check(409, "key_is_primary", Exit::Usage, "key");
        check(409, "key_ring_full", Exit::Usage, "key");
        check(409, "key_in_environment", Exit::Usage, "key_in_environment");
        check(500, "key_file_unusable", Exit::Host, "key");
        check(500, "key_not_remembered", Exit::Host, "database");
        check(
            429,
            "too_many_rewrappings",
            Exit::Host,
            "too_many_rewrappings",
        );
        check(500, "internal", Exit::Host, "internal");
    }
}
