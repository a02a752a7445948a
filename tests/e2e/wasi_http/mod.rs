//! Requests of components, which leave by `wasi:http` alone: against a real server.
//!
//! The step is `tests/guests/rust/requests`, which makes them with the crate `wstd`.

mod bodies;
mod broken_host;
mod denials;
mod endings;
mod limits;
mod memory;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use lockstep_e2e::{Ran, TestHost, Upstream, Wanted, guest, sandbox_to};

/// An answer whose body is cut off.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";

/// A server, and a host whose steps may make requests to it.
struct Scene {
    upstream: Upstream,
    host: TestHost,
}

impl Scene {
    async fn new() -> Self {
        let upstream = Upstream::start();
        let host = TestHost::with(sandbox_to(&upstream)).await;
        Self { upstream, host }
    }

    /// Runs the step.
    async fn run(&self, input: Value) -> Ran {
        self.host.run(wanted(&input)).await
    }

    /// The answer to a request.
    async fn send(&self, request: Value) -> Value {
        let ran = self.run(json!({"send": request})).await;
        ran.output()["answer"].clone()
    }
}

fn wanted(input: &Value) -> Wanted {
    Wanted::of(guest("requests")).input(input.to_string())
}

/// Waits until `is_so`, as what a server sees comes a moment later.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not so: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_step_of_each_target_makes_a_request() {
    let scene = Scene::new().await;
    let url = scene.upstream.https("api.test", "/echo?a=b");
    let input = json!({"send": {"url": url, "headers": [["x-mine", "1"]]}}).to_string();
    for target in ["wasip1", "wasip2", "unknown"] {
        let step = Wanted::of(guest(&format!("requests.{target}")));
        let ran = scene.host.run(step.input(input.as_str())).await;
        let answer = &ran.output()["answer"];
        assert_eq!(answer["status"], 200);
        let echo: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(echo["query"], "a=b");
        assert_eq!(echo["protocol"], "HTTP/2.0");
        let receipt = &ran.report.receipt.outbound[0];
        assert_eq!(receipt.method.as_str(), "GET");
        assert_eq!(receipt.host.as_str(), "api.test");
        assert_eq!(receipt.status, Some(200));
    }
    for received in scene.upstream.received() {
        assert_eq!(received.header("x-mine"), Some("1"));
        assert!(received.is_complete);
    }
}

#[tokio::test]
async fn requests_of_one_step_go_side_by_side() {
    let scene = Scene::new().await;
    let request = json!({"url": scene.upstream.https("api.test", "/slow/head/400")});
    let ran = scene.run(json!({"send_all": vec![request; 30]})).await;
    let answers = ran.output();
    assert_eq!(answers["answers"].as_array().unwrap().len(), 30);
    // One after the other they take twelve seconds.
    let took = Duration::from_micros(ran.report.receipt.run_us);
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let scene = Scene::new().await;
    let url = scene.upstream.https("api.test", "/redirect/302?to=/echo");
    let answer = scene.send(json!({"url": url})).await;
    assert_eq!(answer["status"], 302);
    assert_eq!(scene.upstream.only().path, "/redirect/302");
}

#[tokio::test]
async fn a_sealed_credential_is_put_in_and_comes_back_from_no_echo() {
    let scene = Scene::new().await;
    let to = format!("api.test:{}", scene.upstream.https_port());
    scene
        .host
        .set_sealed("TOKEN", "sealed-canary-of-wasi-http", &to)
        .await;
    for path in ["/echo", "/echo/gzip", "/echo/br"] {
        let url = scene.upstream.https("api.test", path);
        let headers = json!([["authorization", "Bearer @TOKEN@"]]);
        let answer = scene.send(json!({"url": url, "headers": headers})).await;
        let received = scene.upstream.received().pop().unwrap();
        let sent = received.header("authorization").unwrap();
        assert_eq!(sent, "Bearer sealed-canary-of-wasi-http");
        // It comes decoded, as nobody could look into it otherwise.
        let body = answer["body"].as_str().unwrap();
        assert!(body.contains("Bearer ***"), "{body}");
        let headers = answer["headers"].to_string();
        assert!(!headers.contains("content-encoding"), "{headers}");
    }
}

#[tokio::test]
async fn an_answer_comes_as_it_is_when_nothing_sealed_was_sent() {
    let scene = Scene::new().await;
    let url = scene.upstream.https("api.test", "/echo/gzip");
    let answer = scene.send(json!({"url": url})).await;
    let headers = answer["headers"].to_string();
    assert!(
        headers.contains(r#"["content-encoding","gzip"]"#),
        "{headers}"
    );
    assert!(!answer["body"].as_str().unwrap().starts_with('{'));
}
