//! Requests that take too long, and runs that end while one is under way.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::Upstream;
use lockstep_sandbox::EgressConfig;
use lockstep_step::OutcomeKind;

use super::{Scene, until, wanted};

#[tokio::test]
async fn a_step_waits_for_as_long_as_it_wants() {
    let scene = Scene::new().await;
    let never = scene.upstream.https1("api.test", "/slow/never");
    let slow = scene.upstream.https1("api.test", "/slow/pieces/2/30000");
    for (request, part) in [
        (
            json!({"url": never, "first_byte_ms": 50}),
            "HttpResponseTimeout",
        ),
        (
            json!({"url": never, "connect_ms": 20, "first_byte_ms": 30}),
            "HttpResponseTimeout",
        ),
        (json!({"url": slow, "between_bytes_ms": 50}), "timeout"),
        (json!({"url": never, "abort_ms": 50}), "aborted"),
    ] {
        let ran = scene.run(json!({"send": request})).await;
        let message = ran.message();
        assert_eq!(ran.kind(), OutcomeKind::StepFailed, "{message}");
        assert!(message.contains(part), "`{part}` is not in {message}");
    }
    let upstream = &scene.upstream;
    until("all is let go of", || upstream.open_connections() == 0).await;
    // Who is content with a little more waits.
    let pieces = upstream.https1("api.test", "/slow/pieces/3/20");
    let answer = scene
        .send(json!({"url": pieces, "first_byte_ms": 20_000, "between_bytes_ms": 20_000}))
        .await;
    assert_eq!(answer["length"], 3072);
}

#[tokio::test]
async fn a_step_waits_for_a_connection_as_long_as_it_wants() {
    let scene = Scene::new().await;
    // It takes the connection, and never says a word of TLS.
    let silent = std::net::TcpListener::bind((Upstream::ADDRESS, 0)).unwrap();
    let url = format!("https://api.test:{}/", silent.local_addr().unwrap().port());
    let ran = scene
        .run(json!({"send": {"url": url, "connect_ms": 50}}))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    assert!(ran.message().contains("Timeout"), "{}", ran.message());
    let limit = EgressConfig::default().connect_timeout;
    // The time of the run: what compiling the step takes is not in it.
    let took = Duration::from_micros(ran.report.receipt.run_us);
    assert!(took < limit, "{took:?}");
}

#[tokio::test]
async fn the_host_waits_no_longer_than_its_own_limit() {
    let scene = Scene::new().await;
    let url = scene.upstream.https1("api.test", "/slow/never");
    let request = json!({"send": {"url": url, "first_byte_ms": 25_000}});
    let wanted = wanted(&request).limits(|limits| {
        limits.first_byte_timeout = Duration::from_millis(50);
    });
    let ran = scene.host.run(wanted).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    assert!(
        ran.message().contains("HttpResponseTimeout"),
        "{}",
        ran.message()
    );
}

#[tokio::test]
async fn a_run_that_is_cancelled_closes_its_connection() {
    let scene = Scene::new().await;
    let upstream = &scene.upstream;
    for path in ["/slow/never", "/slow/pieces/1000/50"] {
        let before = upstream.received().len();
        let cancel = CancellationToken::new();
        let request = json!({"send": {"url": upstream.https1("api.test", path)}});
        let running = scene.host.run(wanted(&request).cancelled_by(&cancel));
        let cancelling = async {
            until("the request is there", || {
                upstream.received().len() > before
            })
            .await;
            cancel.cancel();
        };
        let (ran, ()) = tokio::join!(running, cancelling);
        assert_eq!(ran.kind(), OutcomeKind::Cancelled);
        let failure = ran.report.outcome.failure().unwrap();
        assert_eq!(failure.requests_sent, 1);
        until("it is closed", || upstream.open_connections() == 0).await;
    }
}
