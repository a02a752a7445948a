//! What a guest can make the host do or hold.

use serde_json::{Value, json};

use lockstep_e2e::Ran;
use lockstep_step::{Limits, OutcomeKind};

use super::{Scene, until, wanted};

async fn limited(scene: &Scene, request: Value, change: impl FnOnce(&mut Limits)) -> Ran {
    let wanted = wanted(&json!({"send": request})).limits(change);
    scene.host.run(wanted).await
}

async fn held(scene: &Scene, hoard: Value) -> u64 {
    let ran = scene.run(json!({"hoard": hoard})).await;
    ran.output()["held"].as_u64().unwrap()
}

#[tokio::test]
async fn a_run_makes_as_many_requests_as_it_may() {
    let scene = Scene::new().await;
    let request = json!({"url": scene.upstream.https("api.test", "/echo")});
    let all = wanted(&json!({"send_all": vec![request; 3]}));
    let ran = scene
        .host
        .run(all.limits(|limits| limits.requests = 2))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::EgressDenied, "{}", ran.message());
    assert!(
        ran.message().contains("2 requests, the limit `requests`"),
        "{}",
        ran.message()
    );
    assert_eq!(scene.upstream.received().len(), 2);
}

#[tokio::test]
async fn heads_and_bodies_are_as_long_as_they_may_be() {
    let scene = Scene::new().await;
    let url = scene.upstream.https1("api.test", "/broken/endless");
    let endless = json!({"url": url, "read": "length"});
    let ran = limited(&scene, endless, |limits| {
        limits.response_body_bytes = 1 << 20;
    })
    .await;
    assert!(
        ran.message().contains("the limit `response_body_bytes`"),
        "{}",
        ran.message()
    );

    let url = scene.upstream.https1("api.test", "/count");
    let long = json!({"method": "POST", "url": url, "body": {"pieces": [300, 10_000]}});
    let ran = limited(&scene, long, |limits| limits.request_body_bytes = 1 << 20).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    let upstream = &scene.upstream;
    until("both are closed", || upstream.open_connections() == 0).await;
    assert!(!upstream.received()[1].is_complete);

    let head = json!({"url": url, "headers": [["x-long", "x".repeat(70_000)]]});
    let ran = limited(&scene, head, |_| {}).await;
    assert_eq!(ran.kind(), OutcomeKind::EgressDenied, "{}", ran.message());
    assert!(
        ran.message().contains("`request_header_bytes`"),
        "{}",
        ran.message()
    );
}

#[tokio::test]
async fn what_a_step_keeps_with_the_host_is_limited() {
    let scene = Scene::new().await;
    assert_eq!(
        held(&scene, json!({"fields": [400, 100_000]})).await,
        40_000_000
    );
    for what in ["fields", "answers"] {
        let many = scene.run(json!({"hoard": {what: [3_000, 100_000]}})).await;
        assert_eq!(many.kind(), OutcomeKind::Trap, "{what}");
        assert!(many.message().contains("size"), "{}", many.message());
        // Many small ones are fine.
        assert_eq!(held(&scene, json!({what: [3_000, 1_000]})).await, 3_000_000);
    }

    let few = held(&scene, json!({"bodies": 10})).await;
    assert_eq!(few, 10 * 2 * (64 << 10));
    let many = held(&scene, json!({"bodies": 2_500})).await;
    assert!(many < 128 << 20, "{many}");

    for (what, length) in [("method", 64), ("authority", 1_024)] {
        assert_eq!(held(&scene, json!({what: length})).await, length);
        assert_eq!(held(&scene, json!({what: length + 1})).await, 0);
        assert_eq!(held(&scene, json!({what: 20_000_000})).await, 0);
    }
}

#[tokio::test]
async fn a_step_has_a_thousand_requests_open_and_no_more() {
    let scene = Scene::new().await;
    let authority = format!("api.test:{}", scene.upstream.https_port());
    assert_eq!(
        held(&scene, json!({"open": [1_010, 10, authority]})).await,
        10
    );
}

#[tokio::test]
async fn a_step_that_reads_none_of_its_answers_is_told_so_when_there_is_no_place_for_one_more() {
    let scene = Scene::new().await;
    let authority = format!("api.test:{}", scene.upstream.https_port());
    assert_eq!(held(&scene, json!({"unread": [64, authority]})).await, 64);
    let ran = scene
        .run(json!({"hoard": {"unread": [65, authority]}}))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::EgressDenied, "{}", ran.message());
    let told = "holds 64 answers that it does not read, the limit `concurrent_requests`";
    assert!(ran.message().contains(told), "{}", ran.message());
    // Long before its time is over.
    assert!(ran.report.receipt.run_us < 10_000_000);
    assert_eq!(ran.report.receipt.outbound.len(), 65);
    assert_eq!(ran.report.receipt.requests, 64);
}
