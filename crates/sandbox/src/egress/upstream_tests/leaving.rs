//! When a request leaves.

use std::pin::pin;
use std::thread::sleep;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::Method;

use super::{Outlet, Scene, post, request, whole};
use crate::egress::outgoing::Outgoing;

/// How long what has left is on its way at most.
const ARRIVES: Duration = Duration::from_secs(20);

/// Makes a request of which nothing is polled after the first time, while this thread, which is the only one of the runtime,
/// is busy. Then hears the answer.
async fn leaves_at_once(scene: &Scene, outlet: &Outlet, outgoing: Outgoing) {
    // The task of the connection has nothing left to do, of which it would have been woken before.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = scene.upstream.received().len();
    let url = outgoing.url.clone();
    let mut sending = pin!(outlet.send(outgoing));
    assert!(sending.as_mut().now_or_never().is_none(), "{url}");
    let began = Instant::now();
    while scene.upstream.received().len() == before {
        assert!(began.elapsed() < ARRIVES, "{url}");
        sleep(Duration::from_millis(1));
    }
    let (status, _) = whole(sending.await.unwrap()).await.unwrap();
    assert_eq!(status, 200, "{url}");
}

#[tokio::test]
async fn a_request_leaves_before_its_run_waits_where_there_is_a_connection() {
    let scene = Scene::new();
    let outlet = scene.outlet();
    for url in [
        scene.upstream.http("a.test", "/echo"),
        scene.upstream.https1("tls.test", "/echo"),
        scene.upstream.https("two.test", "/echo"),
    ] {
        outlet.get(&url).await.unwrap();
        for _ in 0..3 {
            leaves_at_once(&scene, &outlet, request(Method::GET, &url)).await;
            leaves_at_once(&scene, &outlet, post(&url, "a body")).await;
        }
    }
}
