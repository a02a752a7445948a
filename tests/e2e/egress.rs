//! Where requests of steps may go: what the command line sets, shows and explains, and what runs then do.

use std::fs;

use serde_json::{Value, json};

use lockstep_e2e::{TestHost, Upstream, Wanted, sandbox_to};
use lockstep_step::{Caller, Decision, OutcomeKind, RequestFault, Role, WorkspaceName};

/// Asks for the URL that is its input.
const GET: &str = "export default async (url) => {
    const response = await fetch(url);
    return [response.status, (await response.text()).length];
};";

/// Asks for it, and tells why it does not get it.
const TRY: &str = "export default async (url) => {
    try { return (await fetch(url)).status; } catch (error) { return [error.name, error.code, error.host ?? null]; }
};";

fn url(text: &str) -> String {
    json!(text).to_string()
}

/// What `explain` says, and its exit code.
fn explained(host: &TestHost, arguments: &[&str]) -> (Value, i32) {
    let finished = host.lockstep(&[&["egress", "explain", "--json"], arguments].concat());
    (finished.json(), finished.code)
}

/// The findings of this kind, as `+ message` or `- message`.
fn findings(explained: &Value, of: &str) -> Vec<String> {
    let all = explained["findings"].as_array().unwrap().iter();
    let told = all.filter(|it| it["of"] == of).map(|it| {
        let sign = if it["allows"] == true { '+' } else { '-' };
        format!("{sign} {}", it["message"].as_str().unwrap())
    });
    told.collect()
}

#[tokio::test]
async fn rules_are_set_and_shown() {
    let host = TestHost::new().await;
    let shown = host.lockstep(&["egress", "show", "--json"]).exits(0).json();
    assert_eq!(
        (&shown["egress"], &shown["rules"]),
        (&json!("all"), &Value::Null)
    );
    assert_eq!(shown["set_by"], Value::Null);
    let rules = ["GET,POST api.example.com/v1", "*.example.org:8443~/a|/b"];
    let set = [
        "egress", "set", "--json", "--allow", rules[0], "--allow", rules[1],
    ];
    let shown = host.lockstep(&set).exits(0).json();
    let told = json!([{ "number": 1, "rule": rules[0] }, { "number": 2, "rule": rules[1] }]);
    assert_eq!((&shown["egress"], &shown["rules"]), (&json!("only"), &told));
    assert!(
        shown["set_by"].as_str().unwrap().starts_with("cli:"),
        "{shown}"
    );
    let text = host.lockstep(&["egress", "show"]).exits(0).stdout;
    assert!(
        text.contains("  1  GET,POST api.example.com/v1\n"),
        "{text}"
    );
    let nothing = host
        .lockstep(&["egress", "set", "--nothing"])
        .exits(0)
        .stdout;
    assert!(nothing.contains("may go nowhere"), "{nothing}");
    let all = host.lockstep(&["egress", "set", "--all"]).exits(0).stdout;
    assert!(all.contains("wherever the operator allows"), "{all}");
}

#[tokio::test]
async fn a_rule_for_all_below_a_public_suffix_is_set_with_a_warning() {
    let host = TestHost::new().await;
    let rules = ["--allow", "*.example.com", "--allow", "GET *.github.io/x"];
    let set = host.lockstep(&[&["egress", "set"], &rules[..]].concat());
    let warned = set.exits(0).stderr;
    let told = "rule 2 allows every host below `github.io`, whoever owns it: GET *.github.io/x";
    assert!(warned.contains(told), "{warned}");
    assert!(!warned.contains("rule 1"), "{warned}");
    let set = host.lockstep(&["egress", "set", "--allow", "me.github.io"]);
    assert_eq!(set.exits(0).stderr, "");
}

#[tokio::test]
async fn what_is_no_rule_or_no_workflow_is_refused() {
    let host = TestHost::new().await;
    for (arguments, part) in [
        (&["--allow", "ftp://a.test"][..], "--allow"),
        (&["--allow", "a.test", "--all"], "--all"),
        (&[], "--all"),
        (&["--all", "--workflow", "unknown"], "`unknown`"),
    ] {
        let refused = host
            .lockstep(&[&["egress", "set"], arguments].concat())
            .exits(2);
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    let many: Vec<String> = (0..101).map(|n| format!("--allow=h{n}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = host
        .lockstep(&[&["egress", "set"], &many[..]].concat())
        .exits(2);
    assert!(
        refused.stderr.contains("over the limit of 100"),
        "{refused:?}"
    );
    host.lockstep(&[&["egress", "set"], &many[..100]].concat())
        .exits(0);
}

#[tokio::test]
async fn only_an_admin_sets_rules_and_each_viewer_sees_them() {
    let host = TestHost::new().await;
    let (workspace, workflow) = (WorkspaceName::default_name(), "default".parse().unwrap());
    let nothing = lockstep_step::WorkflowEgress::Only(Vec::new());
    for (role, may) in [
        (Role::Viewer, false),
        (Role::Editor, false),
        (Role::Admin, true),
    ] {
        let caller = Caller {
            name: "test:somebody".to_owned(),
            role,
        };
        let set = host
            .runner
            .set_egress(&caller, &workspace, &workflow, &nothing);
        assert_eq!(set.await.is_ok(), may, "{role:?}");
        let seen = host.runner.workflows(&caller, &workspace).await.unwrap();
        assert_eq!(seen[0].egress == nothing, may, "{role:?}");
    }
}

#[tokio::test]
async fn explain_tells_which_rule_decides() {
    let host = TestHost::new().await;
    let rules = [
        "--allow",
        "GET 8.8.8.8/v1",
        "--allow",
        "http://8.8.8.8~/x[0-9]",
    ];
    host.lockstep(&[&["egress", "set"], &rules[..]].concat())
        .exits(0);
    let (told, code) = explained(&host, &["GET", "https://8.8.8.8/v1/users?q"]);
    assert_eq!((&told["allowed"], code), (&json!(true), 0));
    assert_eq!(findings(&told, "address"), ["+ a public address"]);
    assert_eq!(
        findings(&told, "workflow"),
        ["+ rule 1 allows it: GET 8.8.8.8/v1"]
    );
    let (told, code) = explained(&host, &["POST", "http://8.8.8.8/x7"]);
    assert_eq!((&told["allowed"], code), (&json!(true), 0));
    assert_eq!(
        findings(&told, "workflow"),
        ["+ rule 2 allows it: http://8.8.8.8~/x[0-9]"]
    );
    let (told, code) = explained(&host, &["POST", "https://8.8.8.8/v1"]);
    assert_eq!((&told["allowed"], code), (&json!(false), 1));
    assert_eq!(
        findings(&told, "workflow"),
        ["- none of its 2 rules allows it"]
    );
    assert!(
        told["reason"]
            .as_str()
            .unwrap()
            .contains("no rule of this workflow")
    );
}

#[tokio::test]
async fn explain_tells_what_the_operator_says() {
    let host = TestHost::new().await;
    let private = ["GET", "http://10.1.2.3/"];
    let (told, code) = explained(&host, &private);
    assert_eq!((&told["allowed"], code), (&json!(false), 1));
    assert_eq!(
        findings(&told, "address"),
        ["- neither public nor listed by the operator"]
    );
    let listed = ["--egress-networks", "10.1.0.0/16"];
    let (told, code) = explained(&host, &[&private[..], &listed].concat());
    assert_eq!((&told["allowed"], code), (&json!(true), 0));
    assert_eq!(
        findings(&told, "address"),
        ["+ the operator lists the network `10.1.0.0/16`"]
    );
    let listed = ["--egress", "nothing", "--egress-hosts", "10.1.2.3"];
    let (told, _) = explained(&host, &[&private[..], &listed].concat());
    assert_eq!(
        findings(&told, "operator"),
        ["+ the operator lists the host as `10.1.2.3`"]
    );
    let (told, code) = explained(&host, &["GET", "https://8.8.8.8/", "--egress", "nothing"]);
    assert_eq!((&told["allowed"], code), (&json!(false), 1));
    assert_eq!(
        findings(&told, "operator"),
        ["- the operator does not list the host"]
    );
}

#[tokio::test]
async fn explain_tells_what_is_no_request() {
    let host = TestHost::new().await;
    for (method, url, part) in [
        ("GET", "ftp://a.test/", "`ftp`"),
        ("GET", "https://me@a.test/", "user name"),
        ("GET", "no url", "no URL"),
        ("G T", "https://a.test/", "no method"),
    ] {
        let (told, code) = explained(&host, &[method, url]);
        assert_eq!((&told["allowed"], code), (&json!(false), 1), "{url}");
        assert!(told["reason"].as_str().unwrap().contains(part), "{told}");
        assert_eq!(told["host"], Value::Null);
    }
    let (told, _) = explained(&host, &["GET", "http://2130706433./x"]);
    assert_eq!(
        (&told["host"], &told["port"]),
        (&json!("127.0.0.1"), &json!(80))
    );
}

#[tokio::test]
async fn explain_tells_what_a_credential_is_worth_there() {
    let host = TestHost::new().await;
    let to = ["GET", "https://8.8.8.8/"];
    let of = |key: &'static str| [&to[..], &["--key", key]].concat();
    let (told, code) = explained(&host, &of("CANARY"));
    assert_eq!(code, 0);
    assert!(
        findings(&told, "credential")[0].contains("is not sealed"),
        "{told}"
    );
    let (told, code) = explained(&host, &of("UNKNOWN"));
    assert_eq!(code, 1);
    assert!(
        findings(&told, "credential")[0].contains("there is no credential"),
        "{told}"
    );
    host.lockstep(&["permission", "set", "--none"]).exits(0);
    let (told, code) = explained(&host, &of("CANARY"));
    assert_eq!(code, 1);
    assert!(
        findings(&told, "credential")[0].contains("may not use"),
        "{told}"
    );
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_stops_the_start() {
    let host = TestHost::new().await;
    let refused = host
        .lockstep(&["egress", "show", "--egress-hosts", "a.test,b..test"])
        .exits(2);
    let parts = ["`--egress-hosts`", "`b..test`", "each part of a host"];
    for part in parts {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    let pem = host.scratch().join("roots.pem");
    fs::write(&pem, "no certificate").unwrap();
    let roots = ["egress", "show", "--egress-roots", pem.to_str().unwrap()];
    let refused = host.lockstep(&roots).exits(2);
    assert!(
        refused.stderr.contains("it has no certificate"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn doctor_tells_what_requests_may_reach() {
    let host = TestHost::new().await;
    let told = |more: &[&str]| {
        let examined = host
            .lockstep(&[&["doctor", "--json"], more].concat())
            .json();
        let checks = examined["checks"].as_array().unwrap().clone();
        let check = checks
            .into_iter()
            .find(|it| it["name"] == "egress")
            .unwrap();
        (
            check["status"].clone(),
            check["message"].as_str().unwrap().to_owned(),
        )
    };
    let (status, message) = told(&[]);
    assert_eq!(status, "ok");
    assert_eq!(message, "requests of steps reach public addresses");
    let (status, message) = told(&[
        "--egress=nothing",
        "--egress-hosts=a.test",
        "--egress-sealed-in-the-clear=a.test:8080",
    ]);
    assert_eq!(status, "note");
    assert_eq!(
        message,
        "requests of steps reach the hosts `a.test`; without TLS, sealed credentials may go to `a.test:8080`"
    );
}

#[tokio::test]
async fn a_run_is_held_to_the_rules_of_its_workflow() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    host.add_workflow("narrow").await;
    let rule = format!("GET echo.test:{}/echo", upstream.https_port());
    host.lockstep(&["egress", "set", "--workflow", "narrow", "--allow", &rule])
        .exits(0);
    let allowed = upstream.https("echo.test", "/echo");
    let other = upstream.https("echo.test", "/count");
    let run = |workflow: &'static str, to: &str| {
        Wanted::script("try.js", TRY)
            .workflow(workflow)
            .input(url(to))
    };
    assert_eq!(host.run(run("narrow", &allowed)).await.output(), 200);
    assert_eq!(host.run(run("default", &other)).await.output(), 200);
    let denied = host.run(run("narrow", &other)).await;
    assert_eq!(
        denied.output(),
        json!(["TypeError", "egress_denied", "echo.test"])
    );
    let [request] = denied.report.receipt.outbound.as_slice() else {
        panic!("{:?}", denied.report.receipt);
    };
    assert_eq!(request.decision, Decision::Denied);
    assert_eq!(request.fault, Some(RequestFault::EgressDenied));
    // The next run sees what was changed in between.
    host.lockstep(&["egress", "set", "--workflow", "narrow", "--all"])
        .exits(0);
    assert_eq!(host.run(run("narrow", &other)).await.output(), 200);
}

#[tokio::test]
async fn runs_tell_what_they_asked_for() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let to = upstream.https("echo.test", "/bytes/2048?private=query");
    let ran = host
        .run(Wanted::script("get.js", GET).input(url(&to)))
        .await;
    assert_eq!(ran.output(), json!([200, 2048]));
    let id = ran.report.run.to_string();
    let shown = host.lockstep(&["runs", "show", &id]).exits(0).stdout;
    let port = upstream.https_port();
    let line = format!("request    GET https://echo.test:{port}: 200 after ");
    assert!(shown.contains(&line), "{shown}");
    assert!(shown.contains("sent 0 B, received 2.0 KiB"), "{shown}");
    assert!(!shown.contains("private"), "{shown}");
    let shown = host
        .lockstep(&["runs", "show", &id, "--json"])
        .exits(0)
        .json();
    let request = &shown["receipt"]["outbound"][0];
    assert_eq!(request["host"], "echo.test");
    assert_eq!(request["status"], 200);
    assert_eq!(request["received_bytes"], 2048);
    assert_eq!(shown["receipt"]["requests"], 1);
}

#[tokio::test]
async fn the_command_line_lets_a_step_out_as_far_as_its_options_say() {
    let upstream = Upstream::start();
    let host = TestHost::new().await;
    let step = host.scratch().join("get.mjs");
    fs::write(&step, GET).unwrap();
    let step = step.to_str().unwrap();
    let roots = host.scratch().join("roots.pem");
    fs::write(&roots, upstream.root()).unwrap();
    let run = |to: &str, more: &[&str]| {
        let input = url(to);
        host.lockstep(&[&["run", step, "--input", &input], more].concat())
    };
    let to = upstream.https("127.0.0.1", "/bytes/1000");
    let refused = run(&to, &[]).exits(1);
    assert!(
        refused.stderr.contains("request GET https://127.0.0.1"),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("refused, egress_denied"),
        "{refused:?}"
    );
    assert_eq!(upstream.connections(), 0);
    let network = "--egress-networks=127.0.0.0/8";
    let untrusted = run(&to, &[network]).exits(1);
    assert!(untrusted.stderr.contains(": tls"), "{untrusted:?}");
    let trusting = format!("--egress-roots={}", roots.display());
    let options = [network, &trusting];
    assert_eq!(run(&to, &options).exits(0).json(), json!([200, 1000]));
    let limited = [network, &trusting, "--response-body-bytes", "999B"];
    let refused = run(&to, &limited).exits(1);
    assert!(
        refused.stderr.contains("`response_body_bytes`"),
        "{refused:?}"
    );
    let none = [network, &trusting, "--requests", "0"];
    let refused = run(&to, &none).exits(1);
    assert!(refused.stderr.contains("`requests`"), "{refused:?}");
}

#[tokio::test]
async fn a_request_that_is_refused_and_not_caught_ends_the_run_as_that() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let to = upstream.http("127.0.0.1", "/echo");
    let ran = host
        .run(Wanted::script("get.js", GET).input(url(&to)))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::EgressDenied, "{}", ran.message());
    assert_eq!(upstream.connections(), 0);
    assert_eq!(ran.report.receipt.requests, 0);
}

#[tokio::test]
async fn a_header_of_a_step_is_one_header() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let step = "export default async ({ url, value }) => {
        try {
            const response = await fetch(url, { headers: { 'x-mine': value } });
            return (await response.json()).headers.filter(([name]) => name.startsWith('x-'));
        } catch (error) { return error.name; }
    };";
    let to = upstream.http("echo.test", "/echo");
    let run = |value: &str| {
        let input = json!({ "url": to, "value": value }).to_string();
        host.run(Wanted::script("headers.js", step).input(input))
    };
    assert_eq!(run("a b").await.output(), json!([["x-mine", "a b"]]));
    for value in ["a\r\nx-other: b", "a\nx-other: b", "a\rx-other: b", "a\0b"] {
        assert_eq!(run(value).await.output(), "TypeError", "{value:?}");
    }
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn explain_tells_where_a_sealed_credential_may_go() {
    let host = TestHost::new().await;
    host.guard("sealed-value-of-a-test");
    let set = "credential set SEALED --sealed --host 8.8.8.8 --in header,query";
    let set: Vec<&str> = set.split(' ').collect();
    host.lockstep_with("sealed-value-of-a-test", &set).exits(0);
    let told = |url: &'static str, more: &[&'static str]| {
        let asked = ["GET", url, "--key", "SEALED"];
        let (told, code) = explained(&host, &[&asked[..], more].concat());
        (findings(&told, "credential").remove(0), code)
    };
    let (message, code) = told("https://8.8.8.8/", &[]);
    assert_eq!(message, "+ the credential may go there, in: header, query");
    assert_eq!(code, 0);
    let (message, code) = told("https://1.1.1.1/", &[]);
    assert!(message.starts_with("- the credential may go to") && message.contains("8.8.8.8"));
    assert_eq!(code, 1);
    let (message, code) = told("http://8.8.8.8/", &[]);
    assert!(message.contains("over `https` only"), "{message}");
    assert_eq!(code, 1);
    let clear = ["--egress-sealed-in-the-clear", "8.8.8.8"];
    assert_eq!(told("http://8.8.8.8/", &clear).1, 0);
}

#[tokio::test]
async fn what_a_step_sends_is_in_nothing_that_stays() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let token = "a-token-that-goes-out-4711";
    host.set("TOKEN", token).await;
    let step = "export default async (urls) => {
        const token = credential('TOKEN');
        for (const url of urls) {
            const headers = { authorization: `Bearer ${token}` };
            const sent = { method: 'POST', headers, body: token };
            const response = await fetch(`${url}?key=${token}`, sent);
            console.log(await response.text());
        }
        return urls.length;
    };";
    let urls = [
        upstream.https("echo.test", "/echo"),
        upstream.https1("echo.test", "/echo/gzip"),
        upstream.http("echo.test", "/echo"),
    ];
    let input = json!(urls).to_string();
    let ran = host.run(Wanted::script("send.js", step).input(input)).await;
    assert_eq!(ran.output(), 3);
    assert!(ran.log.contains("Bearer ***"), "{}", ran.log);
    // It did arrive. That it is in no log, record, trace and file is what the host looks for when it is dropped.
    for received in upstream.received() {
        let bearer = format!("Bearer {token}");
        assert_eq!(received.header("authorization"), Some(bearer.as_str()));
        assert_eq!(received.text(), token);
        assert_eq!(received.query, Some(format!("key={token}")));
    }
}
