//! What a run does with credentials is in the audit before anything of it can be seen; and what of the audit is changed in
//! the database is found.

use std::fs;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

use lockstep_e2e::{Machine, TestHost, Upstream, Wanted, guest, sandbox_to};
use lockstep_runner::{
    AuditAction, AuditEntry, AuditFilter, AuditFrom, Call, ManageError, RunError, RunStatus,
    StoreError,
};
use lockstep_sandbox::LogSink;
use lockstep_step::{LogChunk, OutcomeKind, WorkspaceName};

/// From now on no entry can be written.
const NO_AUDIT: &str = "CREATE TRIGGER no_audit BEFORE INSERT ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit cannot be written'); END";

fn database(host: &TestHost) -> Connection {
    Connection::open(host.data().join("lockstep.db")).unwrap()
}

fn tamper(host: &TestHost, sql: &str) {
    database(host).execute_batch(sql).unwrap();
}

fn count(connection: &Connection, action: AuditAction) -> u64 {
    let sql = "SELECT count(*) FROM audit WHERE action = ?1";
    let count: i64 = connection
        .query_row(sql, [action.as_str()], |row| row.get(0))
        .unwrap();
    u64::try_from(count).unwrap()
}

/// Entries of the workspace `default`, in their order.
async fn entries(host: &TestHost, filter: AuditFilter) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        from: AuditFrom::After(0),
        ..filter
    };
    let workspace = WorkspaceName::default_name();
    let entries = host.runner.audit(&host.admin, &workspace, &filter);
    let entries = entries.await.unwrap();
    host.leaves("the audit", format!("{entries:?}").as_bytes());
    entries
}

async fn of(host: &TestHost, action: AuditAction) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        action: Some(action),
        ..AuditFilter::all()
    };
    entries(host, filter).await
}

async fn check_whole(host: &TestHost) {
    let reports = host.runner.verify_all_audits(&host.admin, Vec::new()).await;
    for report in reports.unwrap() {
        assert_eq!(report.findings, [], "{}", report.chain);
    }
}

#[tokio::test]
async fn a_use_is_told_once_with_who_ran_what_and_which_version_it_got() {
    let host = TestHost::new().await;
    host.set("TOKEN", "the-first-value-of-a-token").await;
    host.set("TOKEN", "the-second-value-of-a-token").await;
    let source = r#"export default () => {
        for (let n = 0; n < 10; n++) credential("TOKEN");
        return credential("CANARY").length > 0;
    }"#;
    let ran = host.run(Wanted::script("uses.js", source)).await;
    assert_eq!(ran.output(), json!(true));
    let used = of(&host, AuditAction::CredentialUsed).await;
    let told: Vec<_> = used
        .iter()
        .map(|entry| {
            let key = entry.key.as_deref().unwrap();
            let scope = entry.scope.as_deref().unwrap();
            (
                key,
                entry.version.unwrap(),
                scope,
                entry.mode.as_deref().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("TOKEN", 2, "workspace", "revealed"),
        ("CANARY", 1, "workspace", "revealed"),
    ];
    assert_eq!(told, expected);
    let run = ran.report.run.to_string();
    for entry in &used {
        assert_eq!(entry.actor, "test:admin");
        assert_eq!(entry.run.as_deref(), Some(run.as_str()));
        assert_eq!(entry.workflow.as_deref(), Some("default"));
        assert_eq!(entry.step.as_deref(), Some("uses.js"));
        assert_eq!(
            (&entry.host, &entry.detail, &entry.target),
            (&None, &None, &None)
        );
    }
    check_whole(&host).await;
}

#[tokio::test]
async fn a_run_that_uses_no_credential_writes_no_entry() {
    let host = TestHost::new().await;
    let before = entries(&host, AuditFilter::all()).await.len();
    host.run(Wanted::script("none.js", "export default () => 1"))
        .await;
    assert_eq!(entries(&host, AuditFilter::all()).await.len(), before);
}

#[tokio::test]
async fn what_was_denied_is_told_once_with_the_true_reason() {
    let host = TestHost::new().await;
    host.select("default", &["CANARY", "NONE"]).await;
    let source = r#"export default () => {
        const ask = (key) => { try { credential(key) } catch {} };
        for (let n = 0; n < 10; n++) for (const key of ["CANARY_LINES", "NONE", "no key"]) ask(key);
    }"#;
    host.run(Wanted::script("asks.js", source)).await;
    let denied = of(&host, AuditAction::CredentialDenied).await;
    let told: Vec<_> = denied
        .iter()
        .map(|entry| (entry.key.as_deref(), entry.detail.as_deref().unwrap()))
        .collect();
    let expected = [
        (Some("CANARY_LINES"), "not_permitted"),
        (Some("NONE"), "not_found"),
        (None, "invalid_key"),
    ];
    assert_eq!(told, expected);
}

/// Sends the sealed credential `KEY` to each of the URLs in its input, twice.
const SENDS: &str = r#"export default async (urls) => {
    const headers = { authorization: `Bearer ${credential("KEY")}` };
    for (const url of [...urls, ...urls]) await fetch(url, { headers });
    return "sent";
}"#;

#[tokio::test]
async fn a_sealed_credential_is_told_once_for_each_host_that_it_goes_to() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let port = upstream.https_port();
    let value = "a-sealed-value-for-the-audit";
    host.set_sealed("KEY", value, &format!("*.api.test:{port}"))
        .await;
    let urls = ["a.api.test", "b.api.test"].map(|name| upstream.https(name, "/echo"));
    let ran = host
        .run(Wanted::script("sends.js", SENDS).input(json!(urls).to_string()))
        .await;
    assert_eq!(ran.output(), "sent");
    let used = of(&host, AuditAction::CredentialUsed).await;
    let told: Vec<_> = used
        .iter()
        .map(|entry| (entry.mode.as_deref().unwrap(), entry.host.clone().unwrap()))
        .collect();
    let expected = ["a", "b"].map(|name| ("sealed", format!("{name}.api.test:{port}")));
    assert_eq!(told, expected);
    check_whole(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_is_there_when_the_request_arrives() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let to = format!("api.test:{}", upstream.https_port());
    host.set_sealed("KEY", "a-sealed-value-on-its-way", &to)
        .await;
    let urls = json!([upstream.https("api.test", "/echo")]);
    let connection = database(&host);
    let running = host.run(Wanted::script("sends.js", SENDS).input(urls.to_string()));
    let arrived = async {
        while upstream.received().is_empty() {
            tokio::task::yield_now().await;
        }
        count(&connection, AuditAction::CredentialUsed)
    };
    let (_, told) = tokio::join!(running, arrived);
    assert_eq!(told, 1);
}

#[tokio::test]
async fn no_request_leaves_and_no_output_is_given_if_a_use_cannot_be_written() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let to = format!("api.test:{}", upstream.https_port());
    host.set_sealed("KEY", "a-sealed-value-that-stays", &to)
        .await;
    let url = upstream.https("api.test", "/echo");
    tamper(&host, NO_AUDIT);
    let revealed = format!(
        r#"export default async () => {{ credential("CANARY"); await fetch("{url}"); return 1 }}"#
    );
    let output = r#"export default () => credential("CANARY").length"#;
    for wanted in [
        Wanted::script("sends.js", SENDS).input(json!([url]).to_string()),
        Wanted::script("revealed.js", &revealed),
        Wanted::script("output.js", output),
    ] {
        let refused = host.try_run(&host.admin, wanted).await;
        let Err(RunError::Record(StoreError::Failed(cause))) = refused else {
            panic!("a report, or another error")
        };
        assert!(
            cause.to_string().contains("the audit cannot be written"),
            "{cause}"
        );
    }
    assert_eq!((upstream.received().len(), upstream.connections()), (0, 0));
    // What uses none goes on.
    let none = Wanted::script("none.js", "export default () => 1");
    assert_eq!(host.run(none).await.output(), json!(1));
    tamper(&host, "DROP TRIGGER no_audit");
    assert_eq!(
        host.run(Wanted::script("output.js", output)).await.kind(),
        OutcomeKind::Completed
    );
    check_whole(&host).await;
}

#[tokio::test]
async fn a_run_that_is_told_as_cancelled_is_though_whoever_wanted_it_goes_away() {
    let host = TestHost::new().await;
    host.run(Wanted::script("none.js", "export default () => 1"))
        .await;
    let watching = Watching::of(&host);
    let source = "export default () => new Promise((done) => setTimeout(done, 60_000))";
    let request = Wanted::script("waits.js", source).request(watching);
    let started = host.runner.start(&host.admin, request, Call::default());
    let run = started.await.unwrap().run;
    let workspace = WorkspaceName::default_name();
    {
        let mut cancelling = pin!(host.runner.cancel(&host.admin, &workspace, &run));
        let asked = poll_fn(|context| Poll::Ready(cancelling.as_mut().poll(context)));
        assert!(asked.await.is_pending());
    }
    let status = loop {
        let record = host.runner.run_record(&host.admin, &workspace, &run).await;
        match record.unwrap().state.status() {
            RunStatus::Open => tokio::task::yield_now().await,
            status => break status,
        }
    };
    assert_eq!(status, RunStatus::Ended(OutcomeKind::Cancelled));
    let told = of(&host, AuditAction::RunCancelled).await;
    let told: Vec<_> = told.iter().map(|entry| entry.run.clone()).collect();
    assert_eq!(told, [Some(run.to_string())]);
    check_whole(&host).await;
}

#[tokio::test]
async fn no_credential_is_changed_if_that_cannot_be_written() {
    let host = TestHost::new().await;
    tamper(&host, NO_AUDIT);
    for arguments in [
        &["credential", "set", "NEW"][..],
        &["credential", "rotate", "CANARY"],
        &["credential", "delete", "CANARY"],
        &["permission", "set", "--none"],
        &["workspace", "add", "acme"],
        &["token", "create", "engine", "--role", "runner"],
    ] {
        let refused = host.lockstep_with("another-value", arguments);
        let told = refused.exits(70).stderr;
        assert!(
            told.contains("the audit cannot be written"),
            "{arguments:?}: {told}"
        );
    }
    tamper(&host, "DROP TRIGGER no_audit");
    check_whole(&host).await;
    let listed = host
        .lockstep(&["credential", "list", "--json"])
        .exits(0)
        .json();
    let versions: Vec<_> = listed["credentials"].as_array().unwrap().iter().collect();
    let told: Vec<_> = versions
        .iter()
        .map(|entry| {
            (
                entry["key"].as_str().unwrap(),
                entry["version"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("CANARY", 1), ("CANARY_LINES", 1)]);
}

/// Notes for each piece of the log how many uses the audit has when it comes.
struct Watching {
    connection: Mutex<Connection>,
    heard: Mutex<Vec<(String, u64)>>,
}

impl LogSink for Watching {
    fn write(&self, chunk: LogChunk) {
        let uses = count(
            &self.connection.lock().unwrap(),
            AuditAction::CredentialUsed,
        );
        let text = String::from_utf8_lossy(chunk.text.as_bytes()).into_owned();
        self.heard.lock().unwrap().push((text, uses));
    }
}

impl Watching {
    fn of(host: &TestHost) -> Arc<Self> {
        Arc::new(Self {
            connection: Mutex::new(database(host)),
            heard: Mutex::default(),
        })
    }

    /// What was heard while the audit had so many uses.
    fn heard_with(&self, uses: u64) -> String {
        let heard = self.heard.lock().unwrap();
        let heard = heard.iter().filter(|(_, had)| *had == uses);
        heard.map(|(text, _)| text.as_str()).collect()
    }
}

const TELLS: &str = r#"export default async () => {
    console.log("before");
    credential("CANARY");
    console.log("after");
    await new Promise((done) => setTimeout(done, 50));
    console.log("later");
    return 1;
}"#;

#[tokio::test]
async fn what_a_step_says_after_it_got_a_value_is_heard_when_that_is_written() {
    let host = TestHost::new().await;
    host.run(Wanted::script("tells.js", TELLS)).await;
    let watching = Watching::of(&host);
    let listener = Arc::clone(&watching) as Arc<dyn LogSink>;
    let request = Wanted::script("tells.js", TELLS).request(listener);
    host.runner.run(&host.admin, request).await.unwrap();
    assert_eq!(watching.heard_with(1), "before\n");
    assert_eq!(watching.heard_with(2), "after\nlater\n");
}

#[tokio::test]
async fn what_a_step_says_after_it_got_a_value_is_not_heard_if_that_cannot_be_written() {
    let host = TestHost::new().await;
    host.run(Wanted::script("tells.js", TELLS)).await;
    let watching = Watching::of(&host);
    let listener = Arc::clone(&watching) as Arc<dyn LogSink>;
    tamper(&host, NO_AUDIT);
    let request = Wanted::script("tells.js", TELLS).request(listener);
    let refused = host.runner.run(&host.admin, request).await;
    assert!(matches!(refused, Err(RunError::Record(_))), "{refused:?}");
    assert_eq!(watching.heard_with(1), "before\n");
    assert_eq!(watching.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_use_of_a_run_that_goes_on_is_soon_written() {
    let host = TestHost::new().await;
    let source = r#"export default async () => {
        credential("CANARY");
        await new Promise(() => setTimeout(() => {}, 1e6));
    }"#;
    let connection = database(&host);
    let cancel = tokio_util::sync::CancellationToken::new();
    let running = host.run(Wanted::script("waits.js", source).cancelled_by(&cancel));
    let written = async {
        while count(&connection, AuditAction::CredentialUsed) == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (ran, ()) = tokio::join!(running, written);
    assert_eq!(ran.kind(), OutcomeKind::Cancelled);
    assert_eq!(of(&host, AuditAction::CredentialUsed).await.len(), 1);
}

#[tokio::test]
async fn entries_are_listed_by_what_they_are_about() {
    let host = TestHost::new().await;
    let ran = host
        .run(Wanted::of(guest("credentials")).input(r#"{"keys":["CANARY"]}"#))
        .await;
    let run = ran.report.run.to_string();
    let listed = |arguments: &[&str]| {
        let mut all = vec!["audit", "list", "--json"];
        all.extend(arguments);
        let listed = host.lockstep(&all).exits(0).json();
        let entries = listed["entries"].as_array().unwrap().iter();
        let actions = entries.map(|entry| entry["action"].as_str().unwrap().to_owned());
        actions.collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--run", &run]), ["credential.used"]);
    assert_eq!(
        listed(&["--key", "CANARY"]),
        ["credential.used", "credential.created"]
    );
    assert_eq!(
        listed(&["--action", "workspace.added"]),
        ["workspace.added"]
    );
    assert_eq!(
        listed(&["--actor", "test:admin", "--limit", "1"]),
        ["credential.used"]
    );
    assert_eq!(listed(&["--before", "2"]), ["workspace.added"]);
    assert_eq!(listed(&["--until", "2020-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(listed(&["--since", "2020-01-01T00:00:00Z"]).len(), 4);
    let host_chain = listed(&["--host"]);
    assert!(
        host_chain.contains(&"kek.added".to_owned()),
        "{host_chain:?}"
    );
    let refused = host
        .lockstep(&["audit", "list", "--action", "nothing"])
        .exits(2);
    assert!(refused.stderr.contains("credential.used"), "{refused:?}");
}

/// On the one thread for work that blocks nothing goes on while the test has it: neither of two verifications can end before
/// the other is asked for.
#[test]
fn one_verification_goes_on_at_a_time_and_ends_with_who_asked_for_it() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let host = TestHost::new().await;
        let (runner, admin) = (&host.runner, &host.admin);
        let workspace = WorkspaceName::default_name();
        let (free, held) = mpsc::channel::<()>();
        let held = spawn_blocking(move || held.recv());
        let mut first = Box::pin(runner.verify_all_audits(admin, Vec::new()));
        let asked = poll_fn(|context| Poll::Ready(first.as_mut().poll(context)));
        assert!(asked.await.is_pending());
        let second = runner.verify_all_audits(admin, Vec::new()).await;
        assert!(matches!(second, Err(ManageError::Verifying)));
        let second = runner.verify_audit(admin, &workspace, &[]).await;
        assert!(matches!(second, Err(ManageError::Verifying)));
        drop(first);
        let mut third = Box::pin(runner.verify_audit(admin, &workspace, &[]));
        let asked = poll_fn(|context| Poll::Ready(third.as_mut().poll(context)));
        assert!(asked.await.is_pending());
        free.send(()).unwrap();
        assert_eq!(third.await.unwrap().findings, []);
        held.await.unwrap().unwrap();
        check_whole(&host).await;
    });
}

#[tokio::test]
async fn verify_names_the_first_entry_that_was_changed_and_fails() {
    let host = TestHost::new().await;
    let verified = host
        .lockstep(&["audit", "verify", "--json"])
        .exits(0)
        .json();
    assert_eq!(verified["whole"], true);
    assert_eq!(verified["chains"][1]["sealed_sequence"], 3);
    tamper(
        &host,
        "UPDATE audit SET actor = 'nobody' WHERE chain = 'default' AND sequence > 1",
    );
    let verified = host
        .lockstep(&["audit", "verify", "--json"])
        .exits(1)
        .json();
    assert_eq!(verified["whole"], false);
    let finding = &verified["chains"][1]["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["sequence"]),
        (&json!("altered"), &json!(2))
    );
    let told = host.lockstep(&["audit", "verify"]).exits(1).stdout;
    assert!(
        told.contains("FOUND `default`: entry 2 is not what was written there"),
        "{told}"
    );
    host.lockstep(&["audit", "verify", "--workspace", "default"])
        .exits(1);
}

#[tokio::test]
async fn an_export_is_checked_without_a_database() {
    let host = TestHost::new().await;
    let heads = host.scratch().join("heads.json");
    let exported = host.lockstep(&["audit", "export"]).exits(0).stdout;
    let head = host.lockstep(&["audit", "head", "--json"]).exits(0).stdout;
    fs::write(&heads, head).unwrap();
    let file = host.scratch().join("audit.jsonl");
    let heads = heads.to_str().unwrap();
    let verify = |text: &str, more: &[&str], code: i32| {
        fs::write(&file, text).unwrap();
        let mut arguments = vec!["audit", "verify", "--file", file.to_str().unwrap()];
        arguments.extend(more);
        host.lockstep(&arguments).exits(code).stdout
    };
    verify(&exported, &[], 0);
    let lines: Vec<&str> = exported.lines().collect();
    let without = |place: usize| {
        let mut lines = lines.clone();
        lines.remove(place);
        lines.join("\n")
    };
    for (text, part) in [
        (without(0), "entry 1 is missing"),
        (without(1), "entry 2 is missing"),
        (
            exported.replace("\"CANARY\"", "\"CANARY_2\""),
            "entry 2 is not what was written",
        ),
        (
            format!("{exported}{exported}"),
            "entry 1 stands behind a later one",
        ),
    ] {
        let told = verify(&text, &[], 1);
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    // The end of a file is known by a head alone.
    verify(&without(2), &[], 0);
    let told = verify(&without(2), &["--heads", heads], 1);
    assert!(told.contains("ends with entry 2, and it had 3"), "{told}");
    let rest = host
        .lockstep(&["audit", "export", "--after", "2"])
        .exits(0)
        .stdout;
    verify(&rest, &["--after", "2"], 0);
    verify(&rest, &[], 1);
    verify("no entry", &[], 1);
}

#[test]
fn an_older_database_that_is_put_back_is_found_by_a_head_that_was_kept_elsewhere() {
    let machine = Machine::new();
    machine.set("TOKEN", "value-of-version-1").exits(0);
    let scratch = machine.data.parent().unwrap();
    let (backup, heads) = (scratch.join("backup"), scratch.join("heads.json"));
    let (backup, heads) = (backup.to_str().unwrap(), heads.to_str().unwrap());
    machine.lockstep(&["backup", backup]).exits(0);
    machine.set("TOKEN", "value-of-version-2").exits(0);
    let head = machine
        .lockstep(&["audit", "head", "--json"])
        .exits(0)
        .stdout;
    fs::write(heads, head).unwrap();
    machine
        .lockstep(&["audit", "verify", "--heads", heads])
        .exits(0);
    machine.lockstep(&["restore", backup, "--force"]).exits(0);
    machine.lockstep(&["audit", "verify"]).exits(0);
    let found = machine
        .lockstep(&["audit", "verify", "--heads", heads, "--json"])
        .exits(1)
        .json();
    let findings: Vec<&Value> = found["chains"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|chain| chain["findings"].as_array().unwrap())
        .collect();
    assert_eq!(findings.len(), 1, "{found}");
    assert_eq!(findings[0]["code"], "truncated");
}
