//! One host, however it is written.

use http::Method;

use lockstep_step::{RequestFault, Sealing};

use super::super::Question;
use super::{Scene, request, with_header};

#[tokio::test]
async fn case_dots_and_other_scripts_lead_to_the_host_that_is_listed() {
    let scene = Scene::new();
    let port = scene.upstream.http_port();
    for (written, read) in [
        ("ECHO.Test", "echo.test"),
        ("echo.test.", "echo.test"),
        ("ｅcho.test", "echo.test"),
        ("%65cho.test", "echo.test"),
        ("bücher.test", "xn--bcher-kva.test"),
    ] {
        scene
            .arrives(&format!("http://{written}:{port}/echo"))
            .await;
        let received = scene.upstream.received().pop().unwrap();
        assert_eq!(received.host, format!("{read}:{port}"), "{written}");
        assert_eq!(scene.names.asked().pop().as_deref(), Some(read));
    }
    for neighbour in [
        "echo.test.example",
        "echo-test.example",
        "test",
        "есһо.example",
    ] {
        let url = format!("http://{neighbour}:{port}/echo");
        let error = scene.get(&url).await.unwrap_err();
        let unknown = error.fault == RequestFault::Dns || error.fault.is_denial();
        assert!(unknown, "{neighbour}: {error}");
    }
    assert_eq!(scene.upstream.received().len(), 5);
}

#[tokio::test]
async fn a_user_in_a_url_leads_nowhere() {
    let scene = Scene::new();
    let port = scene.upstream.http_port();
    for url in [
        format!("http://me@echo.test:{port}/"),
        format!("http://me:hunter2@echo.test:{port}/"),
        format!("http://echo.test@127.0.0.1:{port}/"),
        format!("http://echo.test:80@127.0.0.1:{port}/"),
    ] {
        let error = scene.get(&url).await.unwrap_err();
        assert_eq!(error.fault, RequestFault::EgressDenied, "{url}");
        assert!(!error.message.contains("hunter2"), "{error}");
    }
    // The URL standard ends the host at a backslash: the rest is a path.
    let tricky = format!("http://echo.test:{port}\\@127.0.0.1/");
    let (status, _) = scene.get(&tricky).await.unwrap();
    assert_eq!(status, 404);
    assert_eq!(scene.upstream.only().path, "/@127.0.0.1/");
}

#[tokio::test]
async fn what_names_the_host_is_ours_to_say() {
    let scene = Scene::new();
    let url = scene.upstream.https1("echo.test", "/echo");
    let mut outgoing = with_header(request(Method::GET, &url), "host", "inside.example");
    outgoing = with_header(outgoing, "transfer-encoding", "chunked");
    outgoing = with_header(outgoing, "connection", "upgrade");
    outgoing = with_header(outgoing, "upgrade", "websocket");
    outgoing = with_header(outgoing, "proxy-authorization", "Basic eDp5");
    scene.outlet().fetch(outgoing).await.unwrap();
    let received = scene.upstream.only();
    let port = scene.upstream.https1_port();
    assert_eq!(received.host, format!("echo.test:{port}"));
    for name in ["transfer-encoding", "upgrade", "proxy-authorization"] {
        assert_eq!(received.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn each_protocol_and_coding_is_spoken() {
    let scene = Scene::new();
    let upstream = &scene.upstream;
    for (url, protocol) in [
        (upstream.https("echo.test", "/echo"), "HTTP/2.0"),
        (upstream.https("echo.test", "/echo/gzip"), "HTTP/2.0"),
        (upstream.https1("echo.test", "/echo/br"), "HTTP/1.1"),
        (upstream.http("echo.test", "/echo/deflate"), "HTTP/1.1"),
    ] {
        let (status, body) = scene.get(&url).await.unwrap();
        assert_eq!(status, 200);
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(told["protocol"], protocol, "{url}");
    }
}

#[tokio::test]
async fn a_part_of_something_is_asked_for_as_it_is() {
    let scene = Scene::new();
    let url = scene.upstream.https("api.test", "/echo");
    let part = || with_header(request(Method::GET, &url), "range", "bytes=10-20");
    let own = with_header(part(), "accept-encoding", "br");
    for outgoing in [request(Method::GET, &url), part(), own] {
        scene.outlet().fetch(outgoing).await.unwrap();
    }
    let received = scene.upstream.received();
    let accepted = received.iter().map(|it| it.header("accept-encoding"));
    let expected = ["gzip, deflate, br", "identity", "br"].map(Some);
    assert_eq!(accepted.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn connections_are_kept_for_a_workspace_and_not_for_another() {
    let scene = Scene::new();
    let egress = scene.egress();
    for url in [
        scene.upstream.https("echo.test", "/echo"),
        scene.upstream.https1("echo.test", "/echo"),
        scene.upstream.http("echo.test", "/echo"),
    ] {
        let before = scene.upstream.connections();
        for _ in 0..10 {
            scene.outlet_of(&egress, "one").get(&url).await.unwrap();
        }
        let kept = scene.upstream.connections();
        // The next request may come before the last one has given its connection back.
        assert!(kept < before + 5, "{url}: {}", kept - before);
        scene.outlet_of(&egress, "two").get(&url).await.unwrap();
        assert!(scene.upstream.connections() > kept, "{url}");
    }
}

#[tokio::test]
async fn who_explains_a_request_resolves_its_name_once() {
    let scene = Scene::new();
    let ask = async |method, url| {
        let question = Question {
            rules: &scene.rules,
            method,
            url,
            sealing: None,
        };
        scene.egress().explain(question).await.refusal
    };
    assert_eq!(ask("GET", "https://a.test/").await, None);
    assert_eq!(scene.names.asked(), ["a.test"]);
    let unknown = ask("GET", "https://unknown.example/").await.unwrap();
    assert!(unknown.contains("cannot be resolved"), "{unknown}");
    assert_eq!(scene.names.asked().len(), 2);
    let connect = ask("CONNECT", "https://a.test/").await.unwrap();
    assert!(connect.contains("the method CONNECT"), "{connect}");
}

#[tokio::test]
async fn a_wildcard_of_a_sealed_credential_does_not_reach_hosts_that_anybody_can_have() {
    let scene = Scene::new();
    for host in ["bucket.s3.amazonaws.com", "sqs.eu-central-1.amazonaws.com"] {
        scene.names.tell(host, &[&["8.8.8.8"]]);
    }
    let sealing = Sealing::new(["*.amazonaws.com".parse().unwrap()], []).unwrap();
    let ask = async |url| {
        let question = Question {
            rules: &scene.rules,
            method: "GET",
            url,
            sealing: Some(&sealing),
        };
        scene.egress().explain(question).await.refusal
    };
    let refusal = ask("https://bucket.s3.amazonaws.com/").await.unwrap();
    assert!(
        refusal.contains("anybody can have a host such as this, and `*.amazonaws.com`"),
        "{refusal}"
    );
    assert_eq!(ask("https://sqs.eu-central-1.amazonaws.com/").await, None);
}
