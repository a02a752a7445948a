//! Sealed credentials but for their use: how they are set, kept, shown and required; and that no guest holds one.

use std::fs;

use serde_json::{Value, json};

use lockstep_e2e::{Finished, TestHost, Upstream, Wanted, guest, sandbox_to};
use lockstep_runner::{ManageError, NewCredential, PutRule, StoreError};
use lockstep_secret::Secret;
use lockstep_step::{DenialReason, OutcomeKind, Scope, SealingPolicy, WorkspaceName};

/// `lockstep` with a value on stdin, which is a canary from then on.
fn set(host: &TestHost, value: &str, arguments: &[&str]) -> Finished {
    host.guard(value);
    host.lockstep_with(value, arguments)
}

fn shown(host: &TestHost, key: &str) -> Value {
    let shown = host
        .lockstep(&["credential", "show", key, "--json"])
        .exits(0)
        .json();
    json!([shown["sealed"], shown["hosts"], shown["places"]])
}

#[track_caller]
fn check_refused(finished: Finished, code: &str, parts: &[&str]) {
    let error = finished.exits(2).stderr;
    let told: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(told["error"]["code"], code, "{error}");
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in {error}");
    }
}

#[tokio::test]
async fn a_sealed_credential_is_shown_with_its_hosts_and_places() {
    let host = TestHost::new().await;
    let arguments = [
        "credential",
        "set",
        "TOKEN",
        "--sealed",
        "--host",
        "api.slack.com",
        "--host",
        "*.SLACK.com:8443",
        "--in",
        "header,body",
        "--json",
    ];
    let put = set(&host, "a-sealed-value", &arguments).exits(0).json();
    let hosts = json!(["api.slack.com", "*.slack.com:8443"]);
    let expected = json!([true, hosts, ["header", "body"]]);
    assert_eq!(
        json!([put["sealed"], put["hosts"], put["places"]]),
        expected
    );
    assert_eq!(shown(&host, "TOKEN"), expected);
    let plain = json!([false, [], []]);
    assert_eq!(shown(&host, "CANARY"), plain);

    let list = host.lockstep(&["credential", "list", "--json"]).exits(0);
    let listed = list.json()["credentials"].as_array().unwrap().clone();
    let sealed = listed.iter().filter(|entry| entry["sealed"] == true);
    let keys: Vec<&Value> = sealed.map(|entry| &entry["key"]).collect();
    assert_eq!(keys, ["TOKEN"]);
    for (command, part) in [
        (
            &["credential", "list"][..],
            "api.slack.com, *.slack.com:8443 in header, body",
        ),
        (
            &["credential", "list", "--effective"],
            "*.slack.com:8443 in header, body",
        ),
        (
            &["credential", "show", "TOKEN"],
            "sealed   for api.slack.com, *.slack.com:8443 in header, body",
        ),
        (
            &["credential", "show", "CANARY"],
            "sealed   no, steps get the value",
        ),
        (&["credential", "usage", "TOKEN"], "steps get a placeholder"),
    ] {
        let told = host.lockstep(command).exits(0).stdout;
        assert!(told.contains(part), "`{part}` is not in {told}");
    }
}

#[tokio::test]
async fn hosts_and_places_that_cannot_be_are_refused_with_the_reason() {
    let host = TestHost::new().await;
    for (arguments, code, parts) in [
        (
            &["--sealed"][..],
            "invalid_sealing",
            &["at least one host", "--host api.example.com"][..],
        ),
        (
            &["--host", "a.test"],
            "usage",
            &["`--host` is for a sealed credential", "--sealed"],
        ),
        (
            &["--in", "body"],
            "usage",
            &["`--in` is for a sealed credential", "--sealed"],
        ),
        (
            &["--sealed", "--host", "*.com"],
            "invalid_sealing",
            &["`*.com`", "whoever owns it"],
        ),
        (
            &["--sealed", "--host", "*.github.io"],
            "invalid_sealing",
            &[
                "`*.github.io`",
                "below `github.io`",
                "`*.example.github.io`",
            ],
        ),
        (
            &["--sealed", "--host", "https://a.test"],
            "invalid_sealing",
            &["`--host https://a.test`", "no scheme"],
        ),
        (
            &["--sealed", "--host", "a.test", "--in", "cookie"],
            "usage",
            &["header, query, basic, body"],
        ),
        (
            &["--sealed", "--host", "a.test", "--revealed"],
            "usage",
            &["cannot be given together"],
        ),
    ] {
        let call = [&["credential", "set", "TOKEN", "--json"], arguments].concat();
        check_refused(set(&host, "a-value-that-is-not-set", &call), code, parts);
    }
    let absent = host.lockstep(&["credential", "show", "TOKEN"]);
    absent.exits(2);
}

#[tokio::test]
async fn a_new_value_does_not_unseal_a_credential_unless_it_is_said() {
    let host = TestHost::new().await;
    let seal = ["credential", "set", "TOKEN", "--sealed", "--host", "a.test"];
    set(&host, "the first value", &seal).exits(0);
    let sealed = json!([true, ["a.test"], ["header"]]);
    for arguments in [
        &["credential", "rotate", "TOKEN"][..],
        &["credential", "set", "TOKEN"],
    ] {
        set(&host, "the next value", arguments).exits(0);
        assert_eq!(shown(&host, "TOKEN"), sealed, "{arguments:?}");
    }
    let file = host.scratch().join("import.env");
    host.guard("an imported value");
    fs::write(
        &file,
        "TOKEN='an imported value'\nNEW='an imported value'\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    host.lockstep(&["credential", "import", file]).exits(0);
    assert_eq!(shown(&host, "TOKEN"), sealed);
    assert_eq!(shown(&host, "NEW"), json!([false, [], []]));
    let import = [
        "credential",
        "import",
        file,
        "--sealed",
        "--host",
        "b.test",
        "--in",
        "query",
    ];
    host.lockstep(&import).exits(0);
    assert_eq!(shown(&host, "NEW"), json!([true, ["b.test"], ["query"]]));

    set(
        &host,
        "the last value",
        &["credential", "rotate", "TOKEN", "--revealed"],
    )
    .exits(0);
    assert_eq!(shown(&host, "TOKEN"), json!([false, [], []]));
}

#[tokio::test]
async fn a_value_that_cannot_be_used_well_is_warned_of() {
    let host = TestHost::new().await;
    let warned = |value: &str, places: &str| {
        let arguments = [
            "credential",
            "set",
            "TOKEN",
            "--no-trim",
            "--sealed",
            "--host",
            "a.test",
            "--in",
            places,
        ];
        host.lockstep_with(value, &arguments).exits(0).stderr
    };
    let short = warned("abc", "header");
    assert!(short.contains("cannot be taken out of answers"), "{short}");
    let lines = warned("a value\nof two lines", "header,body");
    assert!(lines.contains("which no header may have"), "{lines}");
    assert_eq!(warned("a value\nof two lines", "body"), "");
    assert_eq!(warned("a value with a tab\t", "header"), "");
}

#[tokio::test]
async fn a_workspace_that_requires_sealing_says_so_and_names_what_is_not_sealed() {
    let host = TestHost::new().await;
    let seal = ["credential", "set", "TOKEN", "--sealed", "--host", "a.test"];
    set(&host, "a sealed value", &seal).exits(0);
    let workspace = |arguments: &[&str]| {
        let call = [&["workspace"], arguments, &["--json"]].concat();
        host.lockstep(&call).exits(0).json()
    };
    let before = workspace(&["show", "default"]);
    assert_eq!(before["require_sealing"], false);
    assert_eq!(before["not_sealed"], json!([]));
    let after = workspace(&["set", "default", "--require-sealing", "true"]);
    assert_eq!(after["require_sealing"], true);
    let named = |shown: &Value| -> Vec<Value> {
        let all = shown["not_sealed"].as_array().unwrap();
        all.iter().map(|entry| entry["key"].clone()).collect()
    };
    assert_eq!(named(&after), ["CANARY", "CANARY_LINES"]);
    let told = host.lockstep(&["workspace", "show"]).exits(0).stdout;
    assert!(
        told.contains("`CANARY` of workspace `default` is not sealed"),
        "{told}"
    );

    // Refused before a value is asked for: stdin is empty, which would be another error.
    for arguments in [
        &["credential", "set", "OTHER"][..],
        &["credential", "rotate", "CANARY"],
        &["credential", "set", "TOKEN", "--revealed"],
    ] {
        let call = [arguments, &["--json"]].concat();
        let parts = ["workspace `default` requires", "--sealed --host HOST"];
        check_refused(host.lockstep(&call), "sealing_required", &parts);
    }
    // One that is sealed is rotated as it is.
    set(&host, "the next value", &["credential", "rotate", "TOKEN"]).exits(0);
    let found = host.lockstep(&["doctor", "--json"]).json().to_string();
    assert!(
        found.contains("requires sealing, and no run gets"),
        "{found}"
    );

    workspace(&["set", "default", "--require-sealing", "false"]);
    set(&host, "some other value", &["credential", "set", "OTHER"]).exits(0);
}

#[tokio::test]
async fn whoever_may_not_set_credentials_does_not_set_the_policy() {
    let host = TestHost::new().await;
    let workspace = WorkspaceName::default_name();
    let editor = lockstep_step::Caller {
        name: "test:editor".to_owned(),
        role: lockstep_step::Role::Editor,
    };
    let set = host
        .runner
        .set_sealing(&editor, &workspace, SealingPolicy::Optional);
    assert!(matches!(set.await, Err(ManageError::Forbidden(_))));
    let entry = host.runner.workspace(&editor, &workspace).await.unwrap();
    assert_eq!(entry.sealing, SealingPolicy::Optional);
}

#[tokio::test]
async fn a_step_is_denied_what_is_not_sealed_where_that_is_required_and_the_record_knows_why() {
    let host = TestHost::new().await;
    host.set("KEY", "some revealed value").await;
    let wanted = || Wanted::of(guest("credentials")).input(r#"{"keys":["KEY"]}"#);
    assert_eq!(host.run(wanted()).await.kind(), OutcomeKind::Completed);
    host.set_sealing(SealingPolicy::Required).await;
    let ran = host.run(wanted()).await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
    assert_eq!(ran.report.denied[0].reason, DenialReason::NotSealed);
    let told = "credential `KEY` is not sealed, and this workspace requires that";
    assert!(ran.message().contains(told), "{}", ran.message());
    assert!(ran.report.receipt.credentials.is_empty());
    host.set_sealing(SealingPolicy::Optional).await;
    assert_eq!(host.run(wanted()).await.kind(), OutcomeKind::Completed);
}

#[tokio::test]
async fn who_requires_credentials_is_told_which_are_missing_and_which_must_be_sealed_first() {
    let host = TestHost::new().await;
    host.set("SECOND", "some revealed value").await;
    host.set_sealing(SealingPolicy::Required).await;
    let ran = host.run(Wanted::of(guest("requires"))).await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
    let told = "missing credentials: FIRST, THIRD; not sealed, while their workspace requires that: SECOND";
    assert_eq!(ran.message(), told);
    for (keys, told) in [
        (
            "'SECOND'",
            "sealing_required: credential `SECOND` is not sealed, and its workspace requires that",
        ),
        (
            "'FIRST', 'SECOND', 'THIRD'",
            "missing_credential: credentials `FIRST`, `THIRD` are missing; credential `SECOND` is not sealed, and its workspace requires that",
        ),
        (
            "'FIRST'",
            "missing_credential: credential `FIRST` is missing",
        ),
    ] {
        let source = format!(
            "try {{ requireCredentials({keys}) }} catch ({{ code, message, keys }}) {{ return [`${{code}}: ${{message}}`, keys] }}"
        );
        let output = host.run(Wanted::script("step.js", &source)).await.output();
        let asked: Vec<_> = keys.split(", ").map(|key| key.trim_matches('\'')).collect();
        assert_eq!(output, json!([told, asked]));
    }
}

#[tokio::test]
async fn the_store_refuses_what_another_process_did_not_know_of() {
    let host = TestHost::new().await;
    let other = host.another_runner();
    host.set_sealing(SealingPolicy::Required).await;
    let new = [NewCredential {
        key: "KEY".parse().unwrap(),
        value: Secret::new("some value".to_owned()),
        note: None,
        expires_at: None,
        handling: None,
    }];
    let workspace = WorkspaceName::default_name();
    let (admin, rule) = (&host.admin, PutRule::CreateOrRotate);
    let put = other.put_credentials(admin, &workspace, &Scope::Workspace, &new, rule);
    assert!(matches!(
        put.await,
        Err(ManageError::Store(StoreError::SealingRequired { .. }))
    ));
}

/// Whatever a step does with what it gets, the value is not in it.
#[tokio::test]
async fn a_sealed_value_never_reaches_a_guest() {
    let host = TestHost::new().await;
    let value = "a-sealed-canary-93fd1";
    host.set_sealed("KEY", value, "api.slack.com").await;
    // Backwards no masker would find it: the host searches all that left it for both when it is dropped.
    let backwards: String = value.chars().rev().collect();
    host.guard(&backwards);
    let script = r#"
        requireCredentials("KEY");
        return [...credential("KEY")].reverse().join("");
    "#;
    let ran = host.run(Wanted::script("step.js", script)).await;
    let placeholder = ran.output();
    assert!(placeholder.as_str().is_some_and(|text| !text.is_empty()));
    assert_ne!(placeholder, backwards);

    let input = r#"{"keys":["KEY"],"spellings":["raw","base64"],"to":"stdout"}"#;
    let ran = host
        .run(Wanted::of(guest("credentials")).input(input))
        .await;
    assert!(!ran.log.is_empty());
    assert!(!ran.log.contains("***"), "nothing was masked: {}", ran.log);
    assert_ne!(ran.output()["lengths"]["KEY"], value.len());
}

#[tokio::test]
async fn a_step_that_names_a_sealed_credential_is_told_that_it_gets_a_placeholder() {
    let host = TestHost::new().await;
    host.set("FIRST", "the first value").await;
    host.set_sealed("SECOND", "the second value", "a.test")
        .await;
    let file = host.scratch().join("requires.wasm");
    fs::write(&file, guest("requires")).unwrap();
    let add = ["step", "add", "needs-three", file.to_str().unwrap()];
    let added = host
        .lockstep(&[&add[..], &["--json"]].concat())
        .exits(0)
        .json();
    assert_eq!(added["sealed"], json!(["SECOND"]));
    assert_eq!(added["warnings"][0]["key"], "THIRD");
    let told = host
        .lockstep(&["step", "show", "needs-three"])
        .exits(0)
        .stdout;
    assert!(told.contains("SECOND: it gets placeholders"), "{told}");
    host.set_sealing(SealingPolicy::Required).await;
    let told = host
        .lockstep(&["step", "show", "needs-three"])
        .exits(0)
        .stdout;
    let why = "`FIRST` and would not get it: its workspace allows sealed credentials only";
    assert!(told.contains(why), "{told}");
}

/// What a step answers that sends `KEY` to this URL: the status, or the code of the error.
fn sends_key_to(url: &str) -> Wanted {
    let script = r#"
        const headers = { authorization: `Bearer ${credential("KEY")}` };
        try {
            const response = await fetch(input.url, { headers });
            return { status: response.status, told: await response.text() };
        } catch (error) {
            return { code: error.cause?.code ?? error.code, name: error.name };
        }
    "#;
    Wanted::script("step.js", script).input(json!({ "url": url }).to_string())
}

/// Whether a request had this value in its `authorization`.
fn was_sent(upstream: &Upstream, value: &str) -> bool {
    let bearer = format!("Bearer {value}");
    let received = upstream.received();
    received.iter().any(|request| {
        let mut headers = request.headers.iter();
        headers.any(|(name, sent)| name == "authorization" && *sent == bearer)
    })
}

#[tokio::test]
async fn what_a_run_used_sealed_is_in_its_record_and_the_next_sends_the_new_value() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let to = format!("api.test:{}", upstream.https_port());
    host.set_sealed("KEY", "a-sealed-first-value", &to).await;
    host.set_sealing(SealingPolicy::Required).await;
    let url = upstream.https("api.test", "/echo");
    let ran = host.run(sends_key_to(&url)).await;
    assert_eq!(ran.output()["status"], 200, "{:?}", ran.output());
    assert!(was_sent(&upstream, "a-sealed-first-value"));
    assert!(!ran.output().to_string().contains("a-sealed-first-value"));
    let [used] = &ran.report.receipt.credentials[..] else {
        panic!("{:?}", ran.report.receipt)
    };
    assert_eq!(
        (used.key.as_str(), used.version, used.sealed),
        ("KEY", 1, true)
    );

    let run = ran.report.run.to_string();
    let shown = host.lockstep(&["runs", "show", &run]).exits(0).stdout;
    assert!(
        shown.contains("used       KEY of the workspace, version 1, sealed"),
        "{shown}"
    );
    let shown = host
        .lockstep(&["runs", "show", &run, "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["receipt"]["credentials"][0]["sealed"], true);

    // A new value keeps hosts and places, and the next run sends it.
    set(
        &host,
        "a-sealed-second-value",
        &["credential", "rotate", "KEY"],
    )
    .exits(0);
    let ran = host.run(sends_key_to(&url)).await;
    assert_eq!(ran.output()["status"], 200);
    assert!(was_sent(&upstream, "a-sealed-second-value"));
    assert_eq!(ran.report.receipt.credentials[0].version, 2);
}

#[tokio::test]
async fn other_hosts_take_the_value_and_then_it_goes_there_and_no_longer_to_the_old_ones() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let to = |name: &str| format!("{name}:{}", upstream.https_port());
    host.set_sealed("KEY", "a-sealed-value-that-moves", &to("old.test"))
        .await;
    let moved = [
        "credential",
        "set",
        "KEY",
        "--sealed",
        "--host",
        &to("new.test"),
    ];
    set(&host, "a-sealed-value-that-moved", &moved).exits(0);
    let refused = host
        .run(sends_key_to(&upstream.https("old.test", "/echo")))
        .await;
    assert_eq!(refused.output()["code"], "credential_host_denied");
    assert!(upstream.received().is_empty());
    let sent = host
        .run(sends_key_to(&upstream.https("new.test", "/echo")))
        .await;
    assert_eq!(sent.output()["status"], 200);
    assert!(was_sent(&upstream, "a-sealed-value-that-moved"));
}
