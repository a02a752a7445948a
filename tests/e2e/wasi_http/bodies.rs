//! Bodies, both ways.

use serde_json::json;

use lockstep_step::OutcomeKind;

use super::{Scene, until, wanted};

#[tokio::test]
async fn a_request_without_a_body_says_nothing_of_one() {
    let scene = Scene::new().await;
    let url = scene.upstream.https1("api.test", "/echo");
    scene.send(json!({"url": url})).await;
    let received = scene.upstream.only();
    assert_eq!(received.protocol, "HTTP/1.1");
    assert_eq!(received.header("transfer-encoding"), None);
    assert_eq!(received.body_bytes, 0);
}

#[tokio::test]
async fn a_short_body_is_sent_with_its_length_and_a_long_one_as_it_comes() {
    let scene = Scene::new().await;
    let url = scene.upstream.https1("api.test", "/count");
    let post = |body| json!({"method": "POST", "url": url, "body": body});
    scene.send(post(json!({"text": "hello"}))).await;
    let short = scene.upstream.only();
    assert_eq!(short.text(), "hello");
    assert_eq!(short.header("content-length"), Some("5"));

    let answer = scene.send(post(json!({"pieces": [300, 10_000]}))).await;
    assert_eq!(answer["body"], r#"{"bytes":3000000}"#);
    let long = scene.upstream.received().pop().unwrap();
    assert_eq!(long.header("content-length"), None);
    assert!(long.is_complete);
}

#[tokio::test]
async fn a_body_of_a_length_that_the_step_has_told_is_sent_with_it() {
    let scene = Scene::new().await;
    let answer = scene
        .send(json!({
            "method": "PUT",
            "url": scene.upstream.https1("api.test", "/count"),
            "headers": [["content-length", "1000000"]],
            "body": {"pieces": [100, 10_000]},
        }))
        .await;
    assert_eq!(answer["body"], r#"{"bytes":1000000}"#);
    let received = scene.upstream.only();
    assert_eq!(received.header("content-length"), Some("1000000"));
}

#[tokio::test]
async fn an_answer_is_longer_than_the_memory_of_the_step() {
    let scene = Scene::new().await;
    let request =
        json!({"url": scene.upstream.https("api.test", "/bytes/40000000"), "read": "length"});
    let wanted = wanted(&json!({"send": request})).limits(|limits| limits.memory_bytes = 8 << 20);
    let ran = scene.host.run(wanted).await;
    assert_eq!(ran.output()["answer"]["length"], 40_000_000);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let scene = Scene::new().await;
    let url = scene.upstream.raw("api.test", super::HALF);
    let ran = scene.run(json!({"send": {"url": url}})).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    assert!(ran.message().contains("broke off"), "{}", ran.message());
}

#[tokio::test]
async fn a_body_that_the_step_lets_go_of_does_not_look_complete() {
    let scene = Scene::new().await;
    let upstream = &scene.upstream;
    let authority = format!("api.test:{}", upstream.https1_port());
    for (ending, kind) in [
        ("dropped", OutcomeKind::Completed),
        ("returned", OutcomeKind::Completed),
        ("trapped", OutcomeKind::Trap),
    ] {
        let before = upstream.received().len();
        let request = json!({"authority": authority, "path": "/count", "ending": ending});
        let ran = scene.run(json!({"unfinished": request})).await;
        assert_eq!(ran.kind(), kind, "{ending}");
        if ending == "dropped" {
            let error = ran.output()["error"].to_string();
            assert!(error.contains("let go of the request"), "{error}");
        }
        until("the connection is closed", || {
            upstream.open_connections() == 0
        })
        .await;
        let received = upstream.received().split_off(before);
        assert!(received[0].body_bytes > 0, "{ending}");
        assert!(!received[0].is_complete, "{ending}");
    }
}
