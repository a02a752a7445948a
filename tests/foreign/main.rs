//! Steps that other people's tools built from our contract run as they are: jco, componentize-qjs, componentize-py, and
//! clang with wit-bindgen. All four are the same step: it adds up an order, says the token of the shop in its log, and fails
//! with it when the order is empty. [`requests`] has those that tell a shop of the order.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with a message"
)]

use std::ffi::OsStr;
use std::fs;

use serde_json::json;

use lockstep_e2e::{TestHost, Wanted, foreign_guest, repository};
use lockstep_sandbox::{StepFile, prepare};
use lockstep_step::{CredentialUse, DenialReason, OutcomeKind, RunId, Scope};

mod requests;

const KEY: &str = "SHOP_TOKEN";

/// How long a language says that a text is.
#[derive(Clone, Copy)]
enum Length {
    Bytes,
    Characters,
}

impl Length {
    fn of(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Characters => text.chars().count(),
        }
    }
}

/// Registers a step with `lockstep step add`.
fn register(host: &TestHost, name: &str) {
    let file = foreign_guest(name);
    let words = ["step", "add", name].map(OsStr::new);
    let added = host.lockstep(&[&words[..], &[file.as_os_str()]].concat());
    assert_eq!(added.code, 0, "{}", added.stderr);
}

/// Registers the step, and runs it without its credential, with it, and with an order that it
/// refuses.
async fn check(tool: &str, length: Length) {
    let host = TestHost::new().await;
    register(&host, tool);
    let order = fs::read_to_string(repository().join("tests/foreign/input.json")).unwrap();
    let ran = host.run(Wanted::step(tool).input(&order)).await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
    assert!(ran.message().contains(KEY), "{}", ran.message());
    let denied = &ran.report.denied[..];
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].reason, DenialReason::NotFound);
    assert_eq!(ran.log, "");

    let token = format!("shop {} \"groß\" \\ ключ", RunId::generate());
    host.set(KEY, &token).await;
    let ran = host.run(Wanted::step(tool).input(&order)).await;
    let expected = json!({
        "order": 1017,
        "cents": 24380,
        "names": ["Käsehobel \"Ölmühle\"", "テーブル", "gift card"],
        "tokenLength": length.of(&token),
    });
    assert_eq!(ran.output(), expected);
    assert_eq!(ran.log, "order 1017 goes to the shop with ***\n");
    assert_eq!(host.recorded_log(&ran).await, ran.log.as_bytes());
    let uses = CredentialUse {
        key: KEY.parse().unwrap(),
        scope: Scope::Workspace,
        version: 1,
        sealed: false,
    };
    assert_eq!(ran.report.receipt.credentials, [uses]);

    let empty = r#"{"order": 1018, "items": []}"#;
    let ran = host.run(Wanted::step(tool).input(empty)).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    assert_eq!(ran.message(), "order 1018 with *** is empty");
    assert_eq!(ran.log, "order 1018 goes to the shop with ***\n");
}

#[tokio::test]
async fn a_step_that_jco_built_runs_as_it_is() {
    check("jco", Length::Characters).await;
}

#[tokio::test]
async fn a_step_that_componentize_qjs_built_runs_as_it_is() {
    check("qjs", Length::Characters).await;
}

#[tokio::test]
async fn a_step_that_componentize_py_built_runs_as_it_is() {
    check("python", Length::Characters).await;
}

#[test]
fn the_key_that_a_step_in_c_records_is_found() {
    let file = StepFile::wasm(fs::read(foreign_guest("c")).unwrap());
    let keys = prepare(&file).unwrap().keys;
    assert_eq!(keys, [KEY.parse().unwrap()]);
}

#[tokio::test]
async fn a_step_that_clang_and_wit_bindgen_built_runs_as_it_is() {
    check("c", Length::Bytes).await;
}
