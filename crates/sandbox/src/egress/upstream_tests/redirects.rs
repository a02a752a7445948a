//! Where an answer points, and whether that is followed.

use http::Method;

use lockstep_step::RequestFault;

use super::{Outgoing, Redirects, Scene, check, post, request, with_header};

/// The URL of a redirect with this status.
fn pointing(scene: &Scene, status: u16, to: &str) -> String {
    let query: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
    let path = format!("/redirect/{status}?to={query}");
    scene.upstream.https("from.test", &path)
}

#[tokio::test]
async fn each_hop_is_held_against_the_policy() {
    let scene = Scene::new();
    let outside = "http://169.254.169.254/latest/meta-data/";
    let named = "http://inside.example/";
    scene.names.tell("inside.example", &[&["10.0.0.1"]]);
    for (to, part) in [
        (outside, "169.254.169.254"),
        (named, "no address that requests may go to"),
        ("http://[::1]/", "`::1`"),
        ("file:///etc/passwd", "`file`"),
        ("https://me:word@echo.test/", "user name"),
    ] {
        let url = pointing(&scene, 302, to);
        scene.fails(&url, RequestFault::EgressDenied, part).await;
    }
    let received = scene.upstream.received();
    assert!(received.iter().all(|it| it.host.starts_with("from.test")));
    let allowed = scene.upstream.https("to.test", "/echo");
    let (status, _) = scene.get(&pointing(&scene, 302, &allowed)).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn each_hop_is_held_against_the_rules_of_the_workflow() {
    let mut scene = Scene::new();
    let port = scene.upstream.https_port();
    let rules = [format!("from.test:{port}"), format!("to.test:{port}/echo")];
    scene.rules = Scene::ruled(&rules.each_ref().map(String::as_str)).rules;
    let allowed = scene.upstream.https("to.test", "/echo");
    scene.get(&pointing(&scene, 307, &allowed)).await.unwrap();
    for denied in [
        scene.upstream.https("to.test", "/count"),
        scene.upstream.https("other.test", "/echo"),
        scene.upstream.http("to.test", "/echo"),
    ] {
        let url = pointing(&scene, 307, &denied);
        scene
            .fails(&url, RequestFault::EgressDenied, "no rule")
            .await;
    }
}

#[tokio::test]
async fn a_redirect_without_an_end_ends() {
    let scene = Scene::new();
    let url = scene.upstream.https("loop.test", "/loop/0");
    scene
        .fails(&url, RequestFault::Redirect, "20 redirects")
        .await;
    assert_eq!(scene.upstream.received().len(), 21);
}

#[tokio::test]
async fn each_hop_counts_as_a_request() {
    let scene = Scene::limited(|limits| limits.requests = 5);
    let url = scene.upstream.https("loop.test", "/loop/0");
    scene
        .fails(&url, RequestFault::EgressDenied, "`requests`")
        .await;
    assert_eq!(scene.upstream.received().len(), 5);
}

fn with_secrets(outgoing: Outgoing) -> Outgoing {
    let outgoing = with_header(outgoing, "authorization", "Bearer t");
    with_header(with_header(outgoing, "cookie", "a=b"), "x-mine", "kept")
}

#[tokio::test]
async fn another_origin_gets_neither_authorization_nor_cookies() {
    let scene = Scene::new();
    let same = scene.upstream.https("from.test", "/echo");
    let others = [
        scene.upstream.https("to.test", "/echo"),
        scene.upstream.https1("from.test", "/echo"),
        scene.upstream.http("from.test", "/echo"),
    ];
    let outlet = scene.outlet();
    for (to, is_same) in [(&same, true)]
        .into_iter()
        .chain(others.iter().map(|it| (it, false)))
    {
        let outgoing = request(Method::GET, &pointing(&scene, 302, to));
        outlet.fetch(with_secrets(outgoing)).await.unwrap();
        let received = scene.upstream.received().pop().unwrap();
        assert_eq!(received.header("authorization").is_some(), is_same, "{to}");
        assert_eq!(received.header("cookie").is_some(), is_same, "{to}");
        assert_eq!(received.header("x-mine"), Some("kept"), "{to}");
    }
}

#[tokio::test]
async fn what_was_dropped_on_the_way_does_not_come_back() {
    let scene = Scene::new();
    let home = scene.upstream.https("from.test", "/echo");
    let query: String = url::form_urlencoded::byte_serialize(home.as_bytes()).collect();
    let abroad = scene
        .upstream
        .https("to.test", &format!("/redirect/302?to={query}"));
    let outgoing = request(Method::GET, &pointing(&scene, 302, &abroad));
    scene.outlet().fetch(with_secrets(outgoing)).await.unwrap();
    let received = scene.upstream.received().pop().unwrap();
    assert!(received.host.starts_with("from.test"));
    assert_eq!(received.header("authorization"), None);
}

#[tokio::test]
async fn a_body_goes_along_or_is_dropped_as_the_status_says() {
    let scene = Scene::new();
    let to = scene.upstream.https("to.test", "/echo");
    let outlet = scene.outlet();
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "words"),
        (308, "POST", "words"),
    ] {
        let outgoing = post(&pointing(&scene, status, &to), "words");
        outlet.fetch(outgoing).await.unwrap();
        let received = scene.upstream.received().pop().unwrap();
        assert_eq!((received.method.as_str(), received.text()), (method, body));
    }
}

#[tokio::test]
async fn who_asks_for_no_redirects_gets_none() {
    let scene = Scene::new();
    let url = pointing(&scene, 302, &scene.upstream.https("to.test", "/echo"));
    let manual = Outgoing {
        redirects: Redirects::Manual,
        ..request(Method::GET, &url)
    };
    let incoming = scene.outlet().send(manual).await.unwrap();
    assert_eq!(incoming.status, 302);
    assert!(incoming.headers.contains_key("location") && !incoming.redirected);
    let none = Outgoing {
        redirects: Redirects::Error,
        ..request(Method::GET, &url)
    };
    let error = scene.outlet().fetch(none).await.unwrap_err();
    check(&url, &error, RequestFault::Redirect, "asks for none");
    assert_eq!(scene.upstream.received().len(), 2);
}
