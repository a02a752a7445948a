//! The page of the API, and what every answer says to browsers and caches.

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{CREDENTIALS, NOTHING, RUNS, get};

fn page(server: &Served<'_>, path: &str) -> Answer {
    server.ask("GET", path, None, NOTHING).is(200)
}

#[tokio::test]
async fn the_page_loads_what_the_server_has_and_nothing_else() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let docs = page(&server, "/docs");
    assert_eq!(
        docs.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = docs.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe"));
    let html = String::from_utf8(docs.body).unwrap();
    // All that is loaded is named in an attribute.
    let loaded: Vec<&str> = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(loaded.len() >= 4, "{loaded:?}");
    for path in loaded {
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
        page(&server, path);
    }
    for inline in ["<style", " style=", "<script>", " onclick"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let script = page(&server, "/docs/script.js");
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let script = String::from_utf8(script.body).unwrap();
    for unsafe_way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "http",
    ] {
        let found = script.replace("location.origin", "").contains(unsafe_way);
        assert!(!found, "{unsafe_way}");
    }
}

#[tokio::test]
async fn no_answer_is_kept_and_none_is_taken_for_what_it_is_not() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let answers = [
        get(&server, CREDENTIALS, &admin).is(200),
        get(&server, RUNS, &admin).is(200),
        get(&server, RUNS, "none").is(401),
        server.ask("GET", "/nothing", None, NOTHING).is(404),
        server.ask("GET", "/healthz", None, NOTHING).is(200),
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
    }
    assert_eq!(
        page(&server, "/docs").header("x-content-type-options"),
        Some("nosniff")
    );
}
