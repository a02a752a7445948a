//! What is written down of requests.

use http::Method;

use lockstep_step::{Decision, RequestFault, Scheme};

use super::{Scene, check, post, request, with_header};

#[tokio::test]
async fn a_receipt_has_names_and_numbers_and_nothing_else() {
    let scene = Scene::new();
    let outlet = scene.outlet();
    let url = scene.upstream.https("echo.test", "/count?secret=query");
    let outgoing = with_header(post(&url, "secret body"), "x-key", "secret header");
    outlet.fetch(outgoing).await.unwrap();
    let told = outlet.told();
    let [receipt] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(receipt.method.as_str(), "POST");
    assert_eq!(receipt.scheme, Scheme::Https);
    assert_eq!(receipt.host.as_str(), "echo.test");
    assert_eq!(receipt.port, scene.upstream.https_port());
    assert_eq!(receipt.decision, Decision::Allowed { rule: None });
    assert_eq!((receipt.status, receipt.fault), (Some(200), None));
    assert_eq!((receipt.sent_bytes, receipt.received_bytes), (11, 12));
    let (first, total) = (receipt.first_byte_us.unwrap(), receipt.total_us.unwrap());
    assert!(
        0 < first && first <= total && total < 30_000_000,
        "{receipt:?}"
    );
    let json = serde_json::to_string(receipt).unwrap();
    assert!(
        !json.contains("secret") && !json.contains("count"),
        "{json}"
    );
}

#[tokio::test]
async fn a_request_that_no_rule_ever_sees_has_a_line_too() {
    let scene = Scene::new();
    let outlet = scene.outlet();
    let url = scene.upstream.https("echo.test", "/echo");
    for method in ["CONNECT", "TRACE", "TRACK"] {
        let outgoing = request(method.parse().unwrap(), &url);
        let error = outlet.fetch(outgoing).await.unwrap_err();
        check(&url, &error, RequestFault::EgressDenied, method);
    }
    outlet.get("https://me@a.test:8443/").await.unwrap_err();
    outlet.get("http://a.test:0/").await.unwrap_err();
    let to = "https://me:pass@b.test/";
    let redirect = format!("/redirect/302?to={to}");
    let from = scene.upstream.https("from.test", &redirect);
    outlet.get(&from).await.unwrap_err();
    let told: Vec<_> = outlet
        .told()
        .into_iter()
        .filter(|it| it.decision == Decision::Denied)
        .map(|it| (it.method.as_str().to_owned(), it.host.as_str().to_owned()))
        .collect();
    let line = |method: &str, host: &str| (method.to_owned(), host.to_owned());
    assert_eq!(
        told,
        [
            line("CONNECT", "echo.test"),
            line("TRACE", "echo.test"),
            line("TRACK", "echo.test"),
            line("GET", "a.test"),
            line("GET", "a.test"),
            line("GET", "b.test"),
        ]
    );
    assert!(outlet.has_denied());
    let options = request(Method::OPTIONS, &url);
    assert_eq!(outlet.fetch(options).await.unwrap().0, 200);
}

#[tokio::test]
async fn each_hop_and_each_refusal_has_a_line() {
    let scene = Scene::new();
    let outlet = scene.outlet();
    let to = "http://169.254.169.254/";
    let url = scene
        .upstream
        .https("from.test", &format!("/redirect/302?to={to}"));
    outlet.get(&url).await.unwrap_err();
    outlet.get("https://unknown.example/").await.unwrap_err();
    let told: Vec<_> = outlet
        .told()
        .into_iter()
        .map(|it| (it.host.as_str().to_owned(), it.status, it.fault))
        .collect();
    assert_eq!(
        told,
        [
            ("from.test".to_owned(), Some(302), None),
            (
                "169.254.169.254".to_owned(),
                None,
                Some(RequestFault::EgressDenied)
            ),
            ("unknown.example".to_owned(), None, Some(RequestFault::Dns)),
        ]
    );
    assert_eq!(outlet.requests(), 1);
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_aborted() {
    let scene = Scene::new();
    let outlet = scene.outlet();
    let url = scene.upstream.https("echo.test", "/broken/endless");
    let incoming = outlet.send(request(Method::GET, &url)).await.unwrap();
    drop(incoming);
    let slow = scene.upstream.https("echo.test", "/slow/never");
    let never = outlet.get(&slow);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(200), never);
    waited.await.unwrap_err();
    let faults: Vec<_> = outlet.told().iter().map(|it| it.fault).collect();
    assert_eq!(faults, [Some(RequestFault::Aborted); 2]);
}

#[tokio::test]
async fn a_step_that_asks_in_a_loop_fills_no_record() {
    let scene = Scene::ruled(&[]);
    let outlet = scene.outlet();
    for _ in 0..150 {
        outlet.get("https://echo.test/").await.unwrap_err();
    }
    assert_eq!(outlet.told().len(), 100);
    assert_eq!(outlet.requests(), 0);
}
