//! Credentials in JavaScript.

use serde_json::json;

use lockstep_e2e::TestHost;
use lockstep_step::{OutcomeKind, SealingPolicy};

use super::{check_failures, check_outputs, failure, run_in};

#[tokio::test]
async fn all_that_are_missing_are_named_at_once() {
    let host = TestHost::new().await;
    host.set("THERE", &host.canary()).await;
    let source = "import { requireCredentials } from '@lockstep/step';
        export default () => requireCredentials('A', 'THERE', 'B')";
    let ran = run_in(&host, source).await;
    let (kind, message) = failure(&ran);
    assert_eq!(kind, OutcomeKind::MissingCredential);
    assert!(
        message.starts_with("MissingCredentialError: credentials `A`, `B` are missing\n"),
        "{message}"
    );
}

#[tokio::test]
async fn a_missing_credential_is_the_outcome_only_when_it_is_not_caught() {
    check_failures(
        OutcomeKind::MissingCredential,
        &[
            (
                "return credential('NONE')",
                "MissingCredentialError: credential `NONE` is missing\n",
            ),
            (
                "export default async (input, ctx) => ctx.credential('NONE')",
                "MissingCredentialError: ",
            ),
        ],
    )
    .await;
    check_failures(
        OutcomeKind::StepFailed,
        &[
            ("try { credential('NONE') } catch (cause) { throw new Error('wrapped', {cause}) }", "Error: wrapped"),
            ("throw Object.assign(new Error('x'), {name: 'MissingCredentialError', code: 'missing_credential', key: 'A'})", "MissingCredentialError: x"),
            ("return credential(1)", "TypeError: the key of a credential is a string, not int"),
            ("return credential()", "TypeError: "),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_module_and_the_globals_are_the_same() {
    check_outputs(&[(
        "import * as step from '@lockstep/step';
        export default step.defineStep((input, ctx) => [
            Object.keys(step),
            step.credential === credential && step.credential === ctx.credential,
            step.requireCredentials === requireCredentials && step.MissingCredentialError === MissingCredentialError,
        ])",
        json!([["MissingCredentialError", "credential", "defineStep", "requireCredentials", "sign", "verify"], true, true]),
    )])
    .await;
}

#[tokio::test]
async fn a_credential_that_must_be_sealed_first_is_an_error_that_says_so() {
    let host = TestHost::new().await;
    host.set("KEY", "some revealed value").await;
    host.set_sealing(SealingPolicy::Required).await;
    let source = "try { credential('KEY') } catch (error) {
            return [error instanceof MissingCredentialError, error.code, error.key, error.message];
        }";
    let ran = run_in(&host, source).await;
    let message = "credential `KEY` is not sealed, and its workspace requires that";
    assert_eq!(
        ran.output(),
        json!([true, "sealing_required", "KEY", message])
    );

    let ran = run_in(&host, "return credential('KEY')").await;
    let (kind, told) = failure(&ran);
    assert_eq!(kind, OutcomeKind::MissingCredential);
    assert!(told.contains(message), "{told}");
}
