//! What is counted: for tokens of the workspace `default`, and without anybody's names.

use std::thread;
use std::time::Duration;

use serde_json::json;

use lockstep_e2e::{Served, TestHost, crash};
use lockstep_step::Role;

use super::once::ask;
use super::{CREDENTIALS, get, put_value, run, until};

/// The value of a metric, with its labels as they are told.
fn told(server: &Served<'_>, token: &str, metric: &str) -> f64 {
    let text = String::from_utf8(get(server, "/metrics", token).is(200).body).unwrap();
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{metric}` in {text}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let is = |metric: &str, expected: f64| {
        let found = told(&server, &admin, metric);
        assert!((found - expected).abs() < 1e-9, "{metric}: {found}");
    };
    is("lockstep_runs_total{outcome=\"completed\"}", 0.0);
    run(&server, &admin, "return 1", &json!(null));
    run(&server, &admin, "return 2", &json!(null));
    run(&server, &admin, "throw new Error('no')", &json!(null));
    is("lockstep_runs_total{outcome=\"completed\"}", 2.0);
    is("lockstep_runs_total{outcome=\"step_failed\"}", 1.0);
    is("lockstep_run_seconds_count", 3.0);
    is("lockstep_run_queue_seconds_count", 3.0);
    is("lockstep_runs_open", 0.0);
    is("lockstep_runs_running", 0.0);
    is("lockstep_runs_waiting", 0.0);
    // Scripts run in an engine that was compiled before.
    is("lockstep_compilation_seconds_count", 0.0);
    let step = "/v1/workspaces/default/workflows/default/steps/compiled";
    let put = server.ask(
        "PUT",
        step,
        Some(&admin),
        ("application/wasm", &crash::step(0)),
    );
    put.is(201);
    is("lockstep_compilation_seconds_count", 1.0);
    // The one that asks: those before it are let go of a moment after their answers.
    until(|| {
        let open = told(&server, &admin, "lockstep_connections");
        ((open - 1.0).abs() < 1e-9).then_some(())
    });
    is("lockstep_connections_refused_total", 0.0);
    is("lockstep_failed_authentications_total", 0.0);
    get(&server, CREDENTIALS, &format!("lsk_{}", "x".repeat(43))).is(401);
    is("lockstep_failed_authentications_total", 1.0);
    let inline = "method=\"POST\",route=\"/v1/workspaces/{workspace}/workflows/{workflow}/runs\"";
    is(
        &format!("lockstep_http_requests_total{{{inline},status=\"200\"}}"),
        3.0,
    );
    is(
        &format!("lockstep_http_request_seconds_count{{{inline}}}"),
        3.0,
    );
    // Each run is opened and closed.
    assert!(told(&server, &admin, "lockstep_store_write_seconds_count") >= 6.0);
}

#[tokio::test]
async fn a_run_that_is_asked_for_once_waits_for_the_disk_and_others_do_not() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let later = || told(&server, &admin, "lockstep_store_sync_seconds_count");
    ask(&server, &admin, "once", "return 1").is(200);
    // Ten times as long as what was not waited for may take.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(later() < 0.5, "nothing is left to be done");
    // On a busy machine another write may take it along, and then it is not counted.
    until(|| {
        run(&server, &admin, "return 1", &json!(null));
        thread::sleep(Duration::from_millis(50));
        (later() > 0.5).then_some(())
    });
}

#[tokio::test]
async fn no_name_and_no_path_of_a_request_is_a_label() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    put_value(&server, "NAME_OF_A_KEY", &admin, "a value that is counted").is(201);
    for path in ["/path-of-nobody", "/v1/workspaces/name-of-nobody/runs"] {
        get(&server, path, &admin).is(404);
    }
    server
        .ask("PURGE", "/healthz", None, super::NOTHING)
        .is(405);
    let text = String::from_utf8(get(&server, "/metrics", &admin).body).unwrap();
    for name in ["NAME_OF_A_KEY", "of-nobody", "PURGE", "admin"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert!(
        text.contains(
            "lockstep_http_requests_total{method=\"none\",route=\"none\",status=\"404\"} 1"
        )
    );
    assert!(text.ends_with("# EOF\n"));
}
