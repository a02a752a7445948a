//! The binary, as people and scripts use it.

use std::fs;

use serde_json::{Value, json};

use lockstep_e2e::{Finished, TestHost, guest, repository};

fn wasm(name: &str) -> String {
    repository()
        .join(format!("target/guests/{name}.wasm"))
        .to_str()
        .unwrap()
        .to_owned()
}

fn wat(name: &str) -> String {
    repository()
        .join(format!("tests/guests/{name}.wat"))
        .to_str()
        .unwrap()
        .to_owned()
}

/// Fails unless `lockstep` refuses these arguments with this exit code, and says this.
fn check_refused(host: &TestHost, arguments: &[&str], code: i32, part: &str) -> Finished {
    let finished = host.lockstep(arguments).exits(code);
    assert!(
        finished.stderr.contains(part),
        "`{part}` is not in {}",
        finished.stderr
    );
    finished
}

#[tokio::test]
async fn run_prints_the_output_alone_and_the_masked_log_on_stderr() {
    let host = TestHost::new().await;
    host.guard("xoxb-a-secret-token");
    host.lockstep_with("xoxb-a-secret-token\n", &["credential", "set", "KEY"])
        .exits(0);
    let ran = host
        .lockstep(&[
            "run",
            &wasm("credentials"),
            "--input",
            r#"{"keys":["KEY"]}"#,
        ])
        .exits(0);
    assert_eq!(ran.json(), json!({"lengths": {"KEY": 19}, "said": ""}));
    assert!(ran.stderr.contains("***"), "{}", ran.stderr);
}

#[tokio::test]
async fn run_with_json_prints_one_document_of_known_fields() {
    let host = TestHost::new().await;
    let ran = host
        .lockstep(&["run", &wat("echo-command"), "--input", "[1]", "--json"])
        .exits(0)
        .json();
    let fields: Vec<_> = ran
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for field in ["run", "kind", "output", "failure", "receipt"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert_eq!(
        (&ran["kind"], &ran["output"], &ran["failure"]),
        (&json!("completed"), &json!([1]), &Value::Null)
    );

    let ran = host
        .lockstep(&["run", &wat("trap"), "--json"])
        .exits(1)
        .json();
    assert_eq!(ran["kind"], "trap");
    assert_eq!(ran["output"], Value::Null);
    assert_eq!(ran["failure"]["phase"], "run");
    assert_eq!(ran["failure"]["started"], true);
    assert_eq!(ran["failure"]["requests_sent"], 0);
    assert_eq!(ran["failure"]["retryable"], false);
    assert!(
        ran["failure"]["message"]
            .as_str()
            .unwrap()
            .contains("unreachable")
    );
}

#[tokio::test]
async fn exit_codes_tell_the_step_the_usage_and_the_host_apart() {
    let host = TestHost::new().await;
    host.lockstep(&["run", &wat("echo-command")]).exits(0);
    check_refused(&host, &["run", &wat("trap")], 1, "trap");
    check_refused(&host, &["run", &wasm("requires")], 1, "missing_credential");
    check_refused(
        &host,
        &["run", &wat("echo-command"), "--timeout", "soon"],
        2,
        "--timeout",
    );
    check_refused(
        &host,
        &["run", &wat("echo-command"), "--memory", "much"],
        2,
        "--memory",
    );
    host.lockstep(&["no-such-command"]).exits(2);
    fs::write(host.key_file(), "not a key\n").unwrap();
    let damaged = host.lockstep(&[
        "run",
        &wasm("credentials"),
        "--input",
        r#"{"keys":["CANARY"]}"#,
    ]);
    assert_eq!(damaged.code, 70, "{damaged:?}");
    // A key that cannot be used stops the credentials, not the rest.
    host.lockstep(&["run", &wat("echo-command")]).exits(0);
}

#[tokio::test]
async fn a_value_on_the_command_line_is_refused_and_not_repeated() {
    let host = TestHost::new().await;
    host.guard("value-on-the-command-line");
    for arguments in [
        &["credential", "set", "KEY=value-on-the-command-line"][..],
        &["credential", "set", "KEY", "value-on-the-command-line"][..],
    ] {
        check_refused(&host, arguments, 2, "stdin");
    }
    let list = host.lockstep(&["credential", "list", "--json"]).exits(0);
    assert!(!list.stdout.contains("KEY"), "{}", list.stdout);
}

#[tokio::test]
async fn one_line_end_is_trimmed_unless_it_is_meant() {
    let host = TestHost::new().await;
    let length = |arguments: &[&str], value: &str| {
        host.guard(value.trim());
        host.lockstep_with(value, arguments).exits(0);
        let ran = host
            .lockstep(&[
                "run",
                &wasm("credentials"),
                "--input",
                r#"{"keys":["KEY"]}"#,
            ])
            .exits(0);
        ran.json()["lengths"]["KEY"].as_u64().unwrap()
    };
    assert_eq!(
        length(&["credential", "set", "KEY"], "some long value\n"),
        15
    );
    assert_eq!(
        length(&["credential", "set", "KEY"], "some long value\r\n"),
        15
    );
    assert_eq!(
        length(&["credential", "set", "KEY"], "some long value\n\n"),
        16
    );
    assert_eq!(
        length(
            &["credential", "rotate", "KEY", "--no-trim"],
            "some long value\n"
        ),
        16
    );
}

#[tokio::test]
async fn a_value_has_1_to_65536_bytes() {
    let host = TestHost::new().await;
    let most = "v".repeat(65_536);
    host.lockstep_with(&most, &["credential", "set", "KEY"])
        .exits(0);
    let over = host.lockstep_with(&(most + "v"), &["credential", "set", "KEY"]);
    assert!(
        over.code != 0 && over.stderr.contains("65"),
        "{}",
        over.stderr
    );
    let empty = host.lockstep_with("", &["credential", "set", "KEY"]);
    assert!(
        empty.code != 0 && empty.stderr.contains("empty"),
        "{}",
        empty.stderr
    );
}

#[tokio::test]
async fn a_value_too_short_to_be_masked_is_told() {
    let host = TestHost::new().await;
    let short = host
        .lockstep_with("abc", &["credential", "set", "SHORT"])
        .exits(0);
    assert!(
        short.stderr.contains("will not be masked"),
        "{}",
        short.stderr
    );
    host.guard("long enough");
    let long = host
        .lockstep_with("long enough", &["credential", "set", "LONG"])
        .exits(0);
    assert!(
        !long.stderr.contains("will not be masked"),
        "{}",
        long.stderr
    );
}

#[tokio::test]
async fn a_second_key_that_differs_by_case_is_refused_with_the_first() {
    let host = TestHost::new().await;
    let set = host.lockstep_with("another value", &["credential", "set", "canary"]);
    assert!(set.code != 0 && set.stderr.contains("CANARY"), "{set:?}");
}

#[tokio::test]
async fn import_sets_all_or_nothing() {
    let host = TestHost::new().await;
    let (one, two) = ("first imported value", "second # imported \"value\"");
    host.guard(one);
    host.guard(two);
    let file = host.scratch().join("some.env");
    fs::write(&file, format!("# comment\nONE={one}\nexport TWO='{two}'\n")).unwrap();
    let file = file.to_str().unwrap();
    host.lockstep(&["credential", "import", file]).exits(0);
    let list = host.lockstep(&["credential", "list"]).exits(0).stdout;
    assert!(list.contains("ONE") && list.contains("TWO"), "{list}");

    fs::write(file, format!("THREE={one}\n9wrong={two}\n")).unwrap();
    let refused = host.lockstep(&["credential", "import", file]);
    assert!(
        refused.code != 0 && refused.stderr.contains("line 2"),
        "{refused:?}"
    );
    assert!(
        !host
            .lockstep(&["credential", "list"])
            .stdout
            .contains("THREE")
    );
}

#[tokio::test]
async fn delete_names_the_dependents_and_force_overrules_them() {
    let host = TestHost::new().await;
    host.set("FIRST", "the first value").await;
    host.lockstep(&["step", "add", "needs", &wasm("requires")])
        .exits(0);
    let usage = host.lockstep(&["credential", "usage", "FIRST"]).exits(0);
    assert!(usage.stdout.contains("needs"), "{}", usage.stdout);
    let refused = host.lockstep(&["credential", "delete", "FIRST"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("needs") && refused.stderr.contains("--force"),
        "{refused:?}"
    );
    host.lockstep(&["credential", "delete", "FIRST", "--force"])
        .exits(0);
    assert_ne!(host.lockstep(&["credential", "show", "FIRST"]).code, 0);
}

#[tokio::test]
async fn workflow_scope_permission_and_effective_list_fit_together() {
    let host = TestHost::new().await;
    host.guard("own value of alerts");
    host.lockstep(&["workflow", "add", "alerts"]).exits(0);
    host.lockstep_with(
        "own value of alerts",
        &["credential", "set", "CANARY", "--workflow", "alerts"],
    )
    .exits(0);
    host.lockstep(&["permission", "set", "--workflow", "alerts", "CANARY"])
        .exits(0);
    let shown = host
        .lockstep(&["permission", "show", "--workflow", "alerts"])
        .exits(0)
        .stdout;
    assert!(shown.contains("CANARY"), "{shown}");
    let effective = host
        .lockstep(&[
            "credential",
            "list",
            "--effective",
            "--workflow",
            "alerts",
            "--json",
        ])
        .exits(0);
    assert!(effective.stdout.contains("CANARY"), "{}", effective.stdout);
    let input = r#"{"keys":["CANARY_LINES"]}"#;
    let denied = host.lockstep(&[
        "run",
        &wasm("credentials"),
        "--workflow",
        "alerts",
        "--input",
        input,
    ]);
    assert_eq!(denied.code, 1, "{denied:?}");
    host.lockstep(&["permission", "set", "--workflow", "alerts", "--all"])
        .exits(0);
    host.lockstep(&[
        "run",
        &wasm("credentials"),
        "--workflow",
        "alerts",
        "--input",
        input,
    ])
    .exits(0);
}

#[tokio::test]
async fn a_workflow_is_limited_to_so_many_keys_and_no_more() {
    let host = TestHost::new().await;
    let keys: Vec<String> = (0..=1_000).map(|n| format!("KEY_{n:04}")).collect();
    let set = |keys: &[String]| {
        let keys = keys.iter().map(String::as_str);
        let arguments: Vec<&str> = ["permission", "set"].into_iter().chain(keys).collect();
        host.lockstep(&arguments)
    };
    let refused = set(&keys);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("1001 keys"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("limit of 1000"),
        "{}",
        refused.stderr
    );
    let shown = host.lockstep(&["permission", "show"]).exits(0).stdout;
    assert!(!shown.contains("KEY_0000"), "{shown}");
    set(&keys[..1_000]).exits(0);
    let shown = host.lockstep(&["permission", "show"]).exits(0).stdout;
    assert!(shown.contains("KEY_0999"), "{shown}");
}

#[tokio::test]
async fn an_unknown_name_offers_the_nearest_one() {
    let host = TestHost::new().await;
    check_refused(
        &host,
        &["run", &wat("echo-command"), "--workflow", "defualt"],
        2,
        "default",
    );
    check_refused(&host, &["credential", "show", "CANRY"], 2, "CANARY");
    host.lockstep(&["step", "add", "daily-report", &wat("echo-command")])
        .exits(0);
    check_refused(&host, &["run", "daily-raport"], 2, "daily-report");
}

#[tokio::test]
async fn runs_are_listed_shown_and_their_logs_kept() {
    let host = TestHost::new().await;
    let input = r#"{"keys":["CANARY"]}"#;
    let run = host
        .lockstep(&["run", &wasm("credentials"), "--input", input, "--json"])
        .exits(0)
        .json();
    let id = run["run"].as_str().unwrap();
    assert!(
        host.lockstep(&["runs", "list"])
            .exits(0)
            .stdout
            .contains(id)
    );
    let shown = host.lockstep(&["runs", "show", id, "--json"]).exits(0);
    assert!(
        shown.stdout.contains("CANARY") && shown.stdout.contains("completed"),
        "{}",
        shown.stdout
    );
    assert!(
        host.lockstep(&["runs", "logs", id])
            .exits(0)
            .stdout
            .contains("***")
    );
}

#[tokio::test]
async fn workspaces_are_added_listed_and_removed() {
    let host = TestHost::new().await;
    host.lockstep(&["workspace", "add", "acme"]).exits(0);
    assert!(
        host.lockstep(&["workspace", "list"])
            .exits(0)
            .stdout
            .contains("acme")
    );
    let other = host
        .lockstep(&["credential", "list", "--workspace", "acme"])
        .exits(0);
    assert!(!other.stdout.contains("CANARY"), "{}", other.stdout);
    host.lockstep(&["workspace", "remove", "acme"]).exits(0);
    assert!(
        !host
            .lockstep(&["workspace", "list"])
            .stdout
            .contains("acme")
    );
    assert_ne!(host.lockstep(&["workspace", "remove", "default"]).code, 0);
}

#[tokio::test]
async fn mask_filters_stdin_to_stdout() {
    let host = TestHost::new().await;
    let secrets = host.scratch().join("secrets.json");
    host.guard("swordfish-1234");
    fs::write(&secrets, r#"["swordfish-1234", "ab"]"#).unwrap();
    let secrets = secrets.to_str().unwrap();
    let text = "plain swordfish-1234 c3dvcmRmaXNoLTEyMzQ= swordfish%2D1234 50%";
    let masked = host
        .lockstep_with(text, &["mask", "--secrets", secrets])
        .exits(0);
    assert_eq!(masked.stdout, "plain *** *** *** 50%");
    assert!(masked.stderr.contains("value 2"), "{}", masked.stderr);
    fs::write(secrets, r#"{"not": "swordfish-1234"}"#).unwrap();
    check_refused(
        &host,
        &["mask", "--secrets", secrets],
        2,
        "JSON array of strings",
    );
}

#[tokio::test]
async fn demo_tells_the_whole_story_and_leaves_nothing_behind() {
    let host = TestHost::new().await;
    let demo = host.lockstep(&["demo"]).exits(0);
    for part in ["***", "missing_credential", "version 2", "alerts", "files"] {
        assert!(
            demo.stdout.contains(part),
            "`{part}` is not in {}",
            demo.stdout
        );
    }
}

#[tokio::test]
async fn a_trace_of_everything_holds_no_value() {
    let host = TestHost::new().await;
    let input = r#"{"keys":["CANARY","CANARY_LINES"]}"#;
    let traced = host
        .lockstep_traced(&["run", &wasm("credentials"), "--input", input])
        .exits(0);
    assert!(traced.stderr.len() > 1_000, "{}", traced.stderr);
    // The harness searches what was printed when `host` is dropped.
}

#[tokio::test]
async fn doctor_finds_a_key_file_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let host = TestHost::new().await;
    host.lockstep(&["doctor"]).exits(0);
    fs::set_permissions(host.key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let ill = host.lockstep(&["doctor"]);
    assert!(
        ill.code == 1 && (ill.stdout + &ill.stderr).contains("chmod 600"),
        "{}",
        ill.code
    );
}

#[tokio::test]
async fn a_component_that_the_sdk_built_is_registered_with_its_digest() {
    let host = TestHost::new().await;
    let added = host
        .lockstep(&["step", "add", "echo", &wasm("echo"), "--json"])
        .exits(0)
        .json();
    let digest = lockstep_step::Digest::of(&guest("echo")).to_string();
    assert!(added.to_string().contains(&digest), "{added}");
}
