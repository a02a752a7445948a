//! Requests of steps, as a real server sees them, and what a run tells of them.

use std::time::Duration;

use serde_json::json;

use lockstep_e2e::{Ran, TestHost, Upstream, Wanted, sandbox_to};
use lockstep_step::OutcomeKind;

use super::failure;

async fn run(upstream: &Upstream, source: &str) -> Ran {
    let host = TestHost::with(sandbox_to(upstream)).await;
    run_in(&host, upstream, source).await
}

/// Runs the body of a step that has `HTTP`, `HTTPS` and `never`, which is asked in vain.
async fn run_in(host: &TestHost, upstream: &Upstream, source: &str) -> Ran {
    let input = json!([upstream.http("a.test", ""), upstream.https("a.test", "")]);
    let source = format!("const [HTTP, HTTPS] = input; {source}");
    let wanted = Wanted::script("step.js", &source);
    host.run(wanted.input(input.to_string())).await
}

async fn check_failure(source: &str, kind: OutcomeKind, retryable: bool, requests: u32) {
    let upstream = Upstream::start();
    let ran = run(&upstream, source).await;
    let (found, message) = failure(&ran);
    assert_eq!(found, kind, "{source}: {message}");
    let failure = ran.report.outcome.failure().unwrap();
    assert_eq!(
        (failure.retryable, failure.requests_sent),
        (retryable, requests),
        "{source}: {message}"
    );
}

#[tokio::test]
async fn a_step_asks_a_server_and_returns_its_answer() {
    let upstream = Upstream::start();
    let source = "const response = await fetch(`${HTTPS}/echo`, { method: 'POST', body: JSON.stringify({ n: 1 }) });
        return (await response.json()).body";
    assert_eq!(run(&upstream, source).await.output(), json!("{\"n\":1}"));
    let received = upstream.only();
    assert_eq!(received.method, "POST");
    assert!(received.is_complete);
}

#[tokio::test]
async fn a_request_that_is_denied_is_the_outcome_unless_it_is_caught() {
    check_failure(
        "await fetch('http://10.255.255.1/')",
        OutcomeKind::EgressDenied,
        false,
        0,
    )
    .await;
    let upstream = Upstream::start();
    let source = "try { await fetch('http://169.254.169.254/') } catch ({ code, host }) { return [code, host] }";
    assert_eq!(
        run(&upstream, source).await.output(),
        json!(["egress_denied", "169.254.169.254"])
    );
}

#[tokio::test]
async fn what_only_looks_like_a_denial_is_a_failure_of_the_step() {
    for source in [
        "throw Object.assign(new TypeError('fetch: no'), { code: 'egress_denied', host: 'a.test' })",
        "await fetch('http://10.255.255.1/').catch(() => {}); throw Object.assign(new TypeError('no'), { code: 'egress_denied' })",
        "await fetch('http://10.255.255.1/').catch(() => {}); throw new Error('another')",
    ] {
        check_failure(source, OutcomeKind::StepFailed, false, 0).await;
    }
}

#[tokio::test]
async fn what_may_pass_is_retryable_and_requests_that_left_are_counted() {
    check_failure(
        "await fetch('http://unknown.invalid/')",
        OutcomeKind::StepFailed,
        true,
        0,
    )
    .await;
    check_failure(
        "await fetch('http://a.test:1/')",
        OutcomeKind::StepFailed,
        true,
        0,
    )
    .await;
    check_failure(
        "await fetch(`${HTTP}/echo`); await fetch(`${HTTP}/slow/never`, { signal: AbortSignal.timeout(50) })",
        OutcomeKind::StepFailed,
        false,
        2,
    )
    .await;
}

#[tokio::test]
async fn an_error_names_the_place_of_the_call() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let source = "export default async function step() {\n  await null;\n  return await fetch('http://10.255.255.1/');\n}";
    let ran = host.run(Wanted::script("step.js", source)).await;
    let message = ran.message();
    assert!(message.starts_with("TypeError: fetch: "), "{message}");
    assert!(message.contains("step.js:3:"), "{message}");
    assert!(!message.contains("lockstep:"), "{message}");
}

#[tokio::test]
async fn a_promise_that_nothing_can_settle_is_still_found() {
    let upstream = Upstream::start();
    for source in [
        "await fetch(`${HTTP}/broken/endless`); await new Promise(() => {})",
        "await (await fetch(`${HTTP}/echo`)).text(); await new Promise(() => {})",
    ] {
        let (kind, message) = failure(&run(&upstream, source).await);
        assert_eq!(kind, OutcomeKind::StepFailed);
        assert!(
            message.contains("the step waits for a promise that nothing can settle"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_step_that_reads_none_of_its_answers_is_told_so_at_once_when_there_is_no_place_for_one_more()
 {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let all = |count: u32| {
        format!(
            "const large = () => fetch(`${{HTTP}}/bytes/1000000`); const asked = Array.from({{ length: {count} }}, large);"
        )
    };
    let ran = run_in(
        &host,
        &upstream,
        &format!("{} await Promise.all(asked)", all(65)),
    )
    .await;
    let (kind, message) = failure(&ran);
    assert_eq!(kind, OutcomeKind::EgressDenied);
    let told =
        "holds 64 answers that it does not read, the limit `concurrent_requests`; read each answer";
    assert!(message.contains(told), "{message}");
    // It had half a minute.
    assert!(ran.report.receipt.run_us < 10_000_000);

    // What is told a step can act on: it reads what it has, and has the places of these.
    let source = format!(
        "{} const settled = await Promise.allSettled(asked);
        const lengths = settled.map(async ({{ value, reason }}) => value ? (await value.arrayBuffer()).byteLength : reason.code);
        return [await Promise.all(lengths), (await large()).status]",
        all(67)
    );
    let output = run_in(&host, &upstream, &source).await.output();
    let lengths = output[0].as_array().unwrap();
    let of = |wanted: serde_json::Value| lengths.iter().filter(|it| **it == wanted).count();
    assert_eq!((of(json!(1_000_000)), of(json!("egress_denied"))), (64, 3));
    assert_eq!(output[1], 200);

    // Who reads or cancels has room for any number.
    for end in ["it.arrayBuffer()", "it.body.cancel()"] {
        let source = format!(
            "{} return (await Promise.all(asked.map(async (it) => {{ it = await it; await {end}; return it.status }}))).length",
            all(90)
        );
        assert_eq!(run_in(&host, &upstream, &source).await.output(), 90);
    }
}

#[tokio::test]
async fn a_module_that_fetches_at_its_top_level_does_so_in_each_run() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let url = upstream.http("a.test", "/answer?body=x");
    let source =
        format!("const text = await (await fetch('{url}')).text(); export default () => text");
    for count in 1..=2 {
        let ran = host.run(Wanted::script("step.js", &source)).await;
        assert_eq!(ran.output(), json!("x"));
        assert_eq!(upstream.received().len(), count);
    }
}

#[tokio::test]
async fn what_is_left_of_a_run_is_closed_with_it() {
    let upstream = Upstream::start();
    let source = "await fetch(`${HTTP}/broken/endless`); fetch(`${HTTP}/slow/never`);
        await new Promise((done) => setTimeout(done, 50)); return 1";
    assert_eq!(run(&upstream, source).await.output(), json!(1));
    for _ in 0..500 {
        if upstream.open_connections() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} connections are open", upstream.open_connections());
}

#[tokio::test]
async fn a_body_that_is_let_go_of_never_looks_complete() {
    let upstream = Upstream::start();
    let source = "const stop = new AbortController();
        let sent = 0;
        const body = new ReadableStream({
            async pull(controller) {
                controller.enqueue(new Uint8Array(1000));
                if (++sent === 5) { await new Promise((done) => setTimeout(done, 30)); stop.abort() }
            },
        });
        const options = { method: 'POST', body, duplex: 'half', signal: stop.signal };
        return fetch(`${HTTP}/count`, options).catch((error) => error.name)";
    for _ in 0..5 {
        assert_eq!(run(&upstream, source).await.output(), json!("AbortError"));
    }
    for received in upstream.received() {
        assert!(!received.is_complete, "{} bytes", received.body_bytes);
    }
}

#[tokio::test]
async fn headers_of_the_connection_are_not_the_step_s() {
    let upstream = Upstream::start();
    let source = "const headers = { Host: 'evil.test', 'Content-Length': '500', 'Transfer-Encoding': 'chunked', Connection: 'close', Cookie: 'a=b' };
        return (await fetch(`${HTTP}/echo`, { headers })).status";
    assert_eq!(run(&upstream, source).await.output(), json!(200));
    let received = upstream.only();
    assert!(received.host.starts_with("a.test:"), "{}", received.host);
    for name in ["content-length", "transfer-encoding", "connection"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert_eq!(received.header("cookie"), Some("a=b"));
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_and_run() {
    let upstream = Upstream::start();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    let source =
        "for (let at = 0; at < 5; at++) await (await fetch(`${HTTP}/echo`)).text(); return 1";
    for _ in 0..2 {
        assert_eq!(run_in(&host, &upstream, source).await.output(), json!(1));
    }
    assert_eq!((upstream.received().len(), upstream.connections()), (10, 1));
}

#[tokio::test]
async fn over_a_thousand_requests_at_once_are_an_error_that_says_what_to_do() {
    let upstream = Upstream::start();
    let source = "const all = Array.from({ length: 1001 }, () => fetch(`${HTTP}/slow/never`));
        return all[1000].catch(({ code, message }) => [code, message])";
    let output = run(&upstream, source).await.output();
    assert_eq!(output[0], "egress_denied");
    let message = output[1].as_str().unwrap();
    assert!(
        message.contains("1,000 requests are open already"),
        "{message}"
    );
}
