//! What the rules of a workflow let out.

use http::Method;

use lockstep_step::{Decision, RequestFault};

use super::{Scene, check, post, request};

#[tokio::test]
async fn a_request_leaves_by_the_first_rule_that_allows_it() {
    let mut scene = Scene::new();
    let port = scene.upstream.https_port();
    let rules = [
        format!("GET api.test:{port}/echo"),
        format!("POST api.test:{port}~/(count|mirror)"),
        format!("*.wide.test:{port}"),
    ];
    scene.rules = Scene::ruled(&rules.each_ref().map(String::as_str)).rules;
    let outlet = scene.outlet();
    let url = |host: &str, path: &str| scene.upstream.https(host, path);
    let allowed = [
        (request(Method::GET, &url("api.test", "/echo?q=1")), 0),
        (request(Method::GET, &url("api.test", "/echo/gzip")), 0),
        (post(&url("api.test", "/count"), "x"), 1),
        (request(Method::PUT, &url("a.b.wide.test", "/echo")), 2),
    ];
    for (outgoing, rule) in allowed {
        outlet.fetch(outgoing).await.unwrap();
        let told = outlet.told().pop().unwrap();
        assert_eq!(told.decision, Decision::Allowed { rule: Some(rule) });
    }
    let arrived = scene.upstream.received().len();
    for outgoing in [
        post(&url("api.test", "/echo"), "x"),
        request(Method::GET, &url("api.test", "/echoes")),
        request(Method::GET, &url("api.test", "/count")),
        post(&url("api.test", "/count/x"), "x"),
        request(Method::GET, &url("api.test", "/echo%2f..%2fcount")),
        request(Method::GET, &url("api.test", "/echo/../count")),
        request(Method::GET, &url("wide.test", "/echo")),
        request(Method::GET, &scene.upstream.https1("api.test", "/echo")),
        request(Method::GET, &scene.upstream.http("api.test", "/echo")),
    ] {
        let what = format!("{} {}", outgoing.method, outgoing.url);
        let error = outlet.fetch(outgoing).await.unwrap_err();
        check(
            &what,
            &error,
            RequestFault::EgressDenied,
            "no rule of this workflow",
        );
        assert_eq!(outlet.told().pop().unwrap().decision, Decision::Denied);
    }
    assert_eq!(scene.upstream.received().len(), arrived);
}

#[tokio::test]
async fn a_workflow_that_may_reach_nothing_asks_for_no_name() {
    let scene = Scene::ruled(&[]);
    let url = scene.upstream.https("echo.test", "/echo");
    scene.denied(&url, "no rule of this workflow").await;
    assert_eq!(scene.names.asked().len(), 0);
}

#[tokio::test]
async fn rules_allow_no_more_than_the_operator() {
    let mut scene = Scene::unlisted();
    let port = scene.upstream.http_port();
    let rule = format!("http://127.0.0.1:{port}");
    scene.rules = Scene::ruled(&[&rule]).rules;
    let url = scene.upstream.http("127.0.0.1", "/echo");
    scene.denied(&url, "the operator has to list").await;
    scene.config.networks = vec!["127.0.0.1/32".parse().unwrap()];
    scene.arrives(&url).await;
}
