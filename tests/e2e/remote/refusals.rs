//! What goes wrong between a command and a server says what to do about it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use lockstep_e2e::{Finished, Served, TestHost, Upstream, finish, lockstep_binary};
use lockstep_step::Role;

/// Runs `lockstep` with these variables and nothing else.
fn lockstep(host: &TestHost, variables: &[(&str, &str)], arguments: &[&str]) -> Finished {
    let mut command = Command::new(lockstep_binary());
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", host.scratch())
        .envs(variables.iter().copied())
        .args(arguments);
    let finished = finish(&mut command, "");
    host.leaves("stdout of a command", finished.stdout.as_bytes());
    host.leaves("stderr of a command", finished.stderr.as_bytes());
    finished
}

#[track_caller]
fn check(finished: Finished, exit: i32, code: &str, told: &[&str]) {
    let finished = finished.exits(exit);
    let problem: Value = serde_json::from_str(&finished.stderr).unwrap();
    assert_eq!(problem["error"]["code"], code, "{problem}");
    for text in told {
        assert!(finished.stderr.contains(text), "`{text}` in {problem}");
    }
}

#[tokio::test]
async fn a_token_of_another_role_or_workspace_or_of_nobody_is_told_as_that() {
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let (viewer, theirs) = (
        host.token(Role::Viewer).await,
        host.token_in(acme, Role::Admin).await,
    );
    let server = Served::start(&host, &[]).await;
    let delete = ["credential", "delete", "CANARY", "--json"];
    let refused = server.lockstep(&viewer, &delete);
    check(refused, 2, "forbidden", &["role `viewer`", "doctor"]);
    let refused = server.lockstep(&theirs, &["credential", "list", "--json"]);
    check(refused, 2, "not_found", &["--workspace"]);
    server
        .lockstep(&theirs, &["credential", "list", "--workspace", "acme"])
        .exits(0);
    // Who does not speak for the host hears who does.
    for of_host in [
        &["workspace", "add", "other", "--json"][..],
        &["workspace", "remove", "acme", "--force", "--json"],
        &["audit", "list", "--host", "--json"],
        &["audit", "export", "--host", "--json"],
    ] {
        let refused = server.lockstep(&theirs, of_host);
        check(refused, 2, "not_found", &["workspace `default`", "doctor"]);
        let refused = server.lockstep(&viewer, of_host);
        check(refused, 2, "forbidden", &["role `viewer`", "doctor"]);
    }
    let nobodys = format!("lsk_{}", "x".repeat(43));
    host.guard(&nobodys);
    let refused = server.lockstep(&nobodys, &["runs", "list", "--json"]);
    check(refused, 2, "bad_token", &["LOCKSTEP_TOKEN"]);
    let refused = server.lockstep("no\ttoken\u{7f}", &["runs", "list", "--json"]);
    check(refused, 2, "bad_token", &["LOCKSTEP_TOKEN"]);
}

#[tokio::test]
async fn what_speaks_to_no_host_refuses_the_address_of_one_that_is_given_to_it() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    // These have nothing to do with a host.
    let completions = ["completions", "bash"];
    let script = server.lockstep(&admin, &completions).exits(0);
    assert!(script.stdout.contains("lockstep"), "{script:?}");
    let url = ["completions", "bash", "--url", "https://a.test", "--json"];
    check(server.lockstep(&admin, &url), 2, "usage", &["--url"]);
    // It is what these are told to speak to.
    let serve = ["serve", "--url", "https://a.test", "--json"];
    check(server.lockstep(&admin, &serve), 2, "usage", &["--url"]);
}

#[tokio::test]
async fn what_a_server_tells_of_the_audit_is_checked_without_it() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let viewer = host.token(Role::Viewer).await;
    // More than a server tells at once.
    let many: String = (0..1_100)
        .map(|n| format!("MANY_{n}='many of them'\n"))
        .collect();
    let vars = host.scratch().join("many.env");
    std::fs::write(&vars, many).unwrap();
    host.lockstep(&["credential", "import", vars.to_str().unwrap()])
        .exits(0);
    let server = Served::start(&host, &[]).await;
    let list = ["audit", "list", "--limit", "1050"];
    let listed = server.lockstep(&admin, &list).exits(0).stdout;
    assert_eq!(listed, host.lockstep(&list).exits(0).stdout);
    assert_eq!(listed.lines().count(), 1_051);
    let export = ["audit", "export", "--json"];
    check(server.lockstep(&viewer, &export), 2, "forbidden", &[]);
    let exported = server.lockstep(&admin, &export).exits(0).stdout;
    assert_eq!(exported, host.lockstep(&export).exits(0).stdout);
    let file = host.scratch().join("audit.jsonl");
    std::fs::write(&file, &exported).unwrap();
    let verify = ["audit", "verify", "--file", file.to_str().unwrap()];
    // Nobody is asked: neither is there such a server, nor a token for it.
    let nowhere = ("LOCKSTEP_URL", "https://127.0.0.1:1");
    let verified = lockstep(&host, &[nowhere], &verify).exits(0);
    let told = format!("`default`: {} entries", exported.lines().count());
    assert!(verified.stdout.contains(&told), "{verified:?}");
    std::fs::write(
        &file,
        exported.replacen("token.created", "token.revoked", 1),
    )
    .unwrap();
    let verified = lockstep(&host, &[nowhere], &verify).exits(1);
    assert!(verified.stdout.contains("FOUND"), "{verified:?}");
    let url = [&verify[..], &["--url", nowhere.1, "--json"]].concat();
    check(lockstep(&host, &[], &url), 2, "usage", &["--url"]);
}

#[tokio::test]
async fn a_server_that_is_not_there_or_is_none_is_told_by_its_address() {
    let host = TestHost::new().await;
    let token = ("LOCKSTEP_TOKEN", "lsk_a-token-of-this-test");
    host.guard(token.1);
    let list = ["credential", "list", "--json"];
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let at = |url: &str, more: &[&str]| {
        let arguments = [&list[..], more].concat();
        lockstep(&host, &[("LOCKSTEP_URL", url), token], &arguments)
    };
    check(
        at(&address, &[]),
        70,
        "unreachable",
        &[&address, "lockstep serve"],
    );
    // Over TLS to a server without.
    let server = Served::start(&host, &[]).await;
    let tls = server.url().replace("http:", "https:");
    check(at(&tls, &[]), 70, "unreachable", &["LOCKSTEP_CA"]);
    check(
        at("http://a.test", &[]),
        2,
        "server_address",
        &["LOCKSTEP_URL", "--allow-http"],
    );
    check(
        at("a.test", &[]),
        2,
        "server_address",
        &["https://lockstep.example.com"],
    );
    let in_url = format!("https://{}@a.test", token.1);
    check(at(&in_url, &[]), 2, "server_address", &["LOCKSTEP_TOKEN"]);
    let elsewhere = format!("{}/elsewhere", server.url());
    check(at(&elsewhere, &[]), 2, "not_found", &[]);
    check(
        at(&server.url(), &["--ca", "/nowhere.pem"]),
        2,
        "server_roots",
        &["/nowhere.pem"],
    );
    let no_pem = host.scratch().join("no.pem");
    std::fs::write(&no_pem, "no certificate").unwrap();
    let no_pem = ["--ca", no_pem.to_str().unwrap()];
    check(
        at(&server.url(), &no_pem),
        2,
        "server_roots",
        &["no certificate in it"],
    );
    let tokenless = lockstep(&host, &[("LOCKSTEP_URL", &address)], &list);
    check(tokenless, 2, "no_token", &["LOCKSTEP_TOKEN"]);
    let shown = at(&server.url(), &["--token", "lsk_x"]).exits(2);
    assert!(
        shown.stderr.contains("no argument `--token` here"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_data_directory_on_the_command_line_is_on_this_machine() {
    let host = TestHost::new().await;
    let variables = [
        ("LOCKSTEP_URL", "https://127.0.0.1:1"),
        ("LOCKSTEP_TOKEN", "lsk_x"),
    ];
    let data = host.data();
    let list = ["credential", "list", "--data", data.to_str().unwrap()];
    let listed = lockstep(&host, &variables, &list).exits(0);
    assert!(listed.stdout.contains("CANARY_LINES"), "{listed:?}");
    let both = [&list[..], &["--url", "https://127.0.0.1:1"]].concat();
    let refused = lockstep(&host, &variables, &both).exits(2);
    assert!(
        refused.stderr.contains("cannot be given together"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn doctor_tells_what_it_sees_of_a_server() {
    let host = TestHost::new().await;
    let (admin, viewer) = (
        host.token(Role::Admin).await,
        host.token(Role::Viewer).await,
    );
    let server = Served::start(&host, &[]).await;
    let seen = server.lockstep(&viewer, &["doctor"]).exits(0);
    let told = "it is `viewer`, with the role `viewer` in workspace `default`; it does not expire";
    assert!(seen.stdout.contains(told), "{seen:?}");
    assert!(
        seen.stdout.contains("in the clear on this machine"),
        "{seen:?}"
    );
    let seen = server.lockstep(&admin, &["doctor"]).exits(0);
    let told = "in workspace `default`, and speaks for the host; it does not expire";
    assert!(seen.stdout.contains(told), "{seen:?}");
    let wrong = format!("lsk_{}", "x".repeat(43));
    let seen = server.lockstep(&wrong, &["doctor"]).exits(1);
    assert!(
        seen.stdout.contains("fail  token: the token is unknown"),
        "{seen:?}"
    );
    assert!(seen.stdout.contains("ok    server: it answers"), "{seen:?}");
}

#[tokio::test]
async fn a_certificate_is_checked_against_the_authorities_that_are_named() {
    let host = TestHost::new().await;
    let token = ("LOCKSTEP_TOKEN", "lsk_a-token-of-this-test");
    host.guard(token.1);
    let upstream = Upstream::start();
    let url = upstream.https1("127.0.0.1", "");
    let ca = host.scratch().join("ca.pem");
    std::fs::write(&ca, upstream.root()).unwrap();
    let list = ["credential", "list", "--json"];
    let of_the_platform = lockstep(&host, &[("LOCKSTEP_URL", &url), token], &list);
    let told = ["certificate", "LOCKSTEP_CA"];
    check(of_the_platform, 70, "unreachable", &told);
    assert!(upstream.received().is_empty());
    let ca = ("LOCKSTEP_CA", ca.to_str().unwrap());
    let named = lockstep(&host, &[("LOCKSTEP_URL", &url), token, ca], &list);
    // It is a server, and none of ours.
    check(named, 70, "strange_server", &["404"]);
    let shown = upstream.only();
    assert_eq!(
        shown.header("authorization").unwrap(),
        format!("Bearer {}", token.1)
    );
}

#[tokio::test]
async fn a_token_is_not_sent_where_an_answer_leads() {
    let host = TestHost::new().await;
    let token = ("LOCKSTEP_TOKEN", "lsk_a-token-of-this-test");
    host.guard(token.1);
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let leads = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", leads.local_addr().unwrap());
    let there = elsewhere.local_addr().unwrap();
    let answers = std::thread::spawn(move || {
        let (mut connection, _) = leads.accept().unwrap();
        let mut asked = [0; 4096];
        let read = connection.read(&mut asked).unwrap();
        assert!(asked[..read].starts_with(b"GET /v1/"));
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{there}/\r\nContent-Length: 0\r\n\r\n"
        );
        connection.write_all(answer.as_bytes()).unwrap();
    });
    let list = ["credential", "list", "--json"];
    let led = lockstep(&host, &[("LOCKSTEP_URL", &url), token], &list);
    check(led, 70, "strange_server", &["leads elsewhere"]);
    answers.join().unwrap();
    assert!(
        elsewhere.accept().is_err(),
        "somebody followed the redirect"
    );
}
