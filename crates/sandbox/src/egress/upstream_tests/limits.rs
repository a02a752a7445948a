//! Each limit, at it and over it.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use http::Method;

use lockstep_step::{Decision, RequestFault};

use super::super::outlet::Outlet;
use super::{Scene, check, post, request, with_header};

#[tokio::test]
async fn a_run_makes_so_many_requests() {
    let scene = Scene::limited(|limits| limits.requests = 3);
    let url = scene.upstream.https("echo.test", "/echo");
    let outlet = scene.outlet();
    for _ in 0..3 {
        outlet.get(&url).await.unwrap();
    }
    let error = outlet.get(&url).await.unwrap_err();
    check(
        &url,
        &error,
        RequestFault::EgressDenied,
        "the limit `requests`",
    );
    assert_eq!(scene.upstream.received().len(), 3);
    assert_eq!(outlet.requests(), 3);
    // Another run has its own.
    scene.arrives(&url).await;
}

#[tokio::test]
async fn so_many_requests_go_on_at_the_same_time() {
    let scene = Scene::limited(|limits| limits.concurrent_requests = 2);
    // Without an end: each keeps its place for as long as its body is read.
    let url = scene.upstream.http("echo.test", "/broken/endless");
    let outlet = scene.outlet();
    let first = outlet.send(request(Method::GET, &url)).await.unwrap();
    let _second = outlet.send(request(Method::GET, &url)).await.unwrap();
    let echo = scene.upstream.http("echo.test", "/echo");
    let mut third = std::pin::pin!(outlet.get(&echo));
    let waited = tokio::time::timeout(Duration::from_millis(100), &mut third);
    waited.await.unwrap_err();
    assert_eq!(scene.upstream.received().len(), 2);
    drop(first);
    third.await.unwrap();
}

#[tokio::test]
async fn a_request_that_waits_for_a_place_which_only_the_step_can_free_is_given_up() {
    let scene = Scene::limited(|limits| limits.concurrent_requests = 2);
    let endless = scene.upstream.http("echo.test", "/broken/endless");
    let echo = scene.upstream.http("echo.test", "/echo");
    let outlet = scene.outlet();
    let waiting = async || {
        tokio::select! {
            biased;
            got = outlet.get(&echo) => got.map(|(status, _)| status),
            never = outlet.give_up(Duration::ZERO) => match never {},
        }
    };
    let first = outlet.send(request(Method::GET, &endless)).await.unwrap();
    // There is a place.
    assert_eq!(waiting().await.unwrap(), 200);
    let second = outlet.send(request(Method::GET, &endless)).await.unwrap();
    let error = waiting().await.unwrap_err();
    check(
        &echo,
        &error,
        RequestFault::EgressDenied,
        "holds 2 answers that it does not read, the limit `concurrent_requests`",
    );
    assert_eq!(outlet.told().last().unwrap().decision, Decision::Denied);
    // One that somebody reads makes room some time.
    drop(first);
    let slow = scene.upstream.http("echo.test", "/slow/pieces/2/60000");
    let mut slow = outlet.send(request(Method::GET, &slow)).await.unwrap();
    let third = async {
        let soon = tokio::time::timeout(Duration::from_millis(300), waiting());
        soon.await.unwrap_err();
        drop(second);
        waiting().await.unwrap()
    };
    tokio::select! {
        biased;
        _ = slow.body.next() => panic!("nothing of it comes so soon"),
        status = third => assert_eq!(status, 200),
    }
}

#[tokio::test]
async fn who_has_something_else_to_wait_for_has_a_second_before_a_request_is_given_up() {
    let scene = Scene::limited(|limits| limits.concurrent_requests = 1);
    let endless = scene.upstream.http("echo.test", "/broken/endless");
    let outlet = scene.outlet();
    let _first = outlet.send(request(Method::GET, &endless)).await.unwrap();
    let began = std::time::Instant::now();
    for at_least in [Outlet::PATIENCE, Duration::ZERO] {
        let error = tokio::select! {
            biased;
            got = outlet.get(&endless) => got.unwrap_err(),
            never = outlet.give_up(Outlet::PATIENCE) => match never {},
        };
        let fault = RequestFault::EgressDenied;
        check(&endless, &error, fault, "the limit `concurrent_requests`");
        // For the next one the time has passed already.
        assert!(began.elapsed() >= at_least);
        assert!(began.elapsed() < 2 * Outlet::PATIENCE);
    }
}

#[tokio::test]
async fn as_many_requests_as_may_go_side_by_side() {
    let scene = Scene::new();
    for url in [
        scene.upstream.https("echo.test", "/slow/head/50"),
        scene.upstream.http("echo.test", "/slow/head/50"),
    ] {
        let outlet = scene.outlet();
        let began = std::time::Instant::now();
        let all = join_all((0..50).map(|_| outlet.get(&url))).await;
        assert!(all.into_iter().all(|it| it.is_ok()));
        let took = began.elapsed();
        // One after the other they would take two and a half seconds.
        assert!(took < Duration::from_secs(2), "{url}: {took:?}");
    }
}

#[tokio::test]
async fn an_answer_begins_in_time() {
    let scene = Scene::limited(|limits| limits.first_byte_timeout = Duration::from_secs(1));
    for url in [
        scene.upstream.https("slow.test", "/slow/never"),
        scene.upstream.http("slow.test", "/slow/head/60000"),
    ] {
        let fault = RequestFault::Timeout;
        scene
            .fails(&url, fault, "the limit `first_byte_timeout`")
            .await;
    }
    // Once it has begun it may take longer.
    scene
        .arrives(&scene.upstream.http("slow.test", "/slow/pieces/3/500"))
        .await;
}

#[tokio::test]
async fn a_connection_is_made_in_time() {
    let mut scene = Scene::new();
    scene.config.connect_timeout = Duration::from_secs(1);
    // It takes connections and never says a word of TLS.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://silent.test:{}/",
        silent.local_addr().unwrap().port()
    );
    scene
        .fails(&url, RequestFault::Timeout, "the limit `connect_timeout`")
        .await;
    scene
        .arrives(&scene.upstream.https("echo.test", "/echo"))
        .await;
}

#[tokio::test]
async fn url_and_headers_are_so_long() {
    let scene = Scene::limited(|limits| limits.request_header_bytes = 1_000);
    let outlet = scene.outlet();
    let url = scene.upstream.https("echo.test", "/echo");
    let of = |length: usize| {
        let outgoing = request(Method::GET, &url);
        // As HTTP/2 counts: name, value and 32 bytes.
        let used = url.len() + "x-long".len() + 32;
        with_header(outgoing, "x-long", &"x".repeat(length - used))
    };
    outlet.fetch(of(1_000)).await.unwrap();
    let error = outlet.fetch(of(1_001)).await.unwrap_err();
    let fault = RequestFault::EgressDenied;
    check(&url, &error, fault, "`request_header_bytes` of 1000");
    let long = format!("{url}?{}", "q".repeat(1_000));
    let error = outlet.get(&long).await.unwrap_err();
    check(&url, &error, fault, "`request_header_bytes` of 1000");
    assert_eq!(scene.upstream.received().len(), 1);
}

#[tokio::test]
async fn the_body_of_a_request_is_so_long() {
    let scene = Scene::limited(|limits| limits.request_body_bytes = 100_000);
    let url = scene.upstream.https("echo.test", "/count");
    let outlet = scene.outlet();
    let (_, told) = outlet.fetch(post(&url, vec![b'x'; 100_000])).await.unwrap();
    assert_eq!(told, br#"{"bytes":100000}"#);
    let error = outlet
        .fetch(post(&url, vec![b'x'; 100_001]))
        .await
        .unwrap_err();
    check(
        &url,
        &error,
        RequestFault::Body,
        "the limit `request_body_bytes`",
    );
}

#[tokio::test]
async fn the_body_of_an_answer_is_so_long() {
    let scene = Scene::limited(|limits| limits.response_body_bytes = 1_000_000);
    let upstream = &scene.upstream;
    let (_, body) = scene
        .get(&upstream.http("big.test", "/bytes/1000000"))
        .await
        .unwrap();
    assert_eq!(body.len(), 1_000_000);
    for url in [
        upstream.http("big.test", "/bytes/1000001"),
        upstream.https("big.test", "/broken/endless"),
        // A megabyte on the wire, a gigabyte out of the decoder.
        upstream.https("big.test", "/broken/bomb"),
    ] {
        let fault = RequestFault::Body;
        scene
            .fails(&url, fault, "the limit `response_body_bytes`")
            .await;
    }
}

#[tokio::test]
async fn all_bodies_of_a_run_are_so_long_together() {
    let scene = Scene::limited(|limits| limits.transfer_bytes = 1_000_000);
    let outlet = scene.outlet();
    let url = scene.upstream.https("big.test", "/bytes/400000");
    outlet.get(&url).await.unwrap();
    let count = scene.upstream.https("big.test", "/count");
    outlet
        .fetch(post(&count, vec![b'x'; 400_000]))
        .await
        .unwrap();
    let error = outlet.get(&url).await.unwrap_err();
    check(
        &url,
        &error,
        RequestFault::Body,
        "the limit `transfer_bytes`",
    );
    let error = outlet
        .fetch(post(&count, vec![b'x'; 10]))
        .await
        .unwrap_err();
    check(
        &url,
        &error,
        RequestFault::Body,
        "the limit `transfer_bytes`",
    );
}
