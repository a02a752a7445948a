//! Connections that are slow, large, many, or lie: none of them keeps the server from the others.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

use super::{CREDENTIALS, INLINE, JSON, RUNS, VALUE, get, put_value};

/// Everything that comes until the other side is done. A reset is an end, too.
fn rest(connection: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    drop(connection.read_to_end(&mut heard));
    String::from_utf8(heard).unwrap()
}

/// Says this at once, and gives all that is answered.
fn told(server: &Served<'_>, said: &str) -> String {
    let mut connection = server.connect();
    connection.write_all(said.as_bytes()).unwrap();
    rest(&mut connection)
}

fn statuses(heard: &str) -> Vec<&str> {
    let heads = heard.split("HTTP/1.1 ").skip(1);
    heads.map(|head| &head[..3]).collect()
}

/// Sends a piece now and then until the other side has had enough.
fn trickle(connection: &mut TcpStream, piece: &[u8]) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if connection.write_all(piece).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
        connection.set_nonblocking(true).unwrap();
        let seen = connection.peek(&mut [0]);
        connection.set_nonblocking(false).unwrap();
        if seen.is_ok() {
            return;
        }
    }
    panic!("it was waited for");
}

#[tokio::test]
async fn a_head_that_trickles_is_not_waited_for() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &["--client-timeout", "500ms"]).await;
    let mut connection = server.connect();
    connection.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    trickle(&mut connection, b"X-Slow: 1\r\n");
    assert_eq!(rest(&mut connection), "");
    let mut silent = server.connect();
    assert_eq!(rest(&mut silent), "");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_and_one_with_a_run_is_not() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let times = ["--client-timeout", "300ms", "--idle-timeout", "300ms"];
    let server = Served::start(&host, &times).await;
    let mut kept = server.connect();
    let begun = Instant::now();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    assert_eq!(statuses(&rest(&mut kept)), ["200"]);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let slow = "const end = Date.now() + 1500; while (Date.now() < end); return 'done'";
    let ran = super::run(&server, &runner, slow, &json!(null));
    assert_eq!(ran["output"], "done");
}

#[tokio::test]
async fn a_body_that_stops_or_trickles_is_refused() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &["--client-timeout", "500ms"]).await;
    let path = format!("{CREDENTIALS}/SLOW");
    let head = format!("Content-Type: {VALUE}\r\nContent-Length: 5000\r\n");
    let mut stops = server.say("PUT", &path, Some(&admin), &head, b"half");
    let refused = server.hear(&mut stops);
    assert_eq!(refused.header("connection"), Some("close"));
    refused.is_problem(408, "body_too_slow");
    let mut trickles = server.say("PUT", &path, Some(&admin), &head, b"half");
    trickle(&mut trickles, b"x");
    server.hear(&mut trickles).is_problem(408, "body_too_slow");
    get(&server, &path, &admin).is_problem(404, "credential_not_found");
}

#[tokio::test]
async fn a_client_that_has_said_its_last_word_has_hung_up() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let body = json!({"source": "for (;;);"}).to_string();
    let head = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
    let mut connection = server.say("POST", INLINE, Some(&runner), &head, body.as_bytes());
    let status = |status| {
        let runs = get(&server, &format!("{RUNS}?status={status}"), &runner).json();
        runs["runs"].as_array().unwrap().len()
    };
    while status("open") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    connection.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut connection), "");
    while status("open") == 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(status("cancelled"), 1);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let ask = |headers: &str| told(&server, &format!("GET /healthz HTTP/1.1\r\n{headers}\r\n"));
    let large = format!("X-Large: {}\r\n", "x".repeat(40_000));
    assert_eq!(statuses(&ask(&large)), ["431"]);
    assert_eq!(statuses(&ask(&"X-Many: 1\r\n".repeat(200))), ["431"]);
    let path = "a".repeat(40_000);
    let long = told(&server, &format!("GET /{path} HTTP/1.1\r\n\r\n"));
    assert_eq!(statuses(&long), ["431"]);
    let usual = format!("X-Usual: {}\r\nConnection: close\r\n", "x".repeat(8_000));
    assert_eq!(statuses(&ask(&usual)), ["200"]);
}

#[tokio::test]
async fn a_length_that_is_not_true_sets_nothing_else() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let put = |key: &str, length: &str, body: &[u8]| {
        let head = format!("Content-Type: {VALUE}\r\nContent-Length: {length}\r\n");
        let path = format!("{CREDENTIALS}/{key}");
        server.say("PUT", &path, Some(&admin), &head, body)
    };
    // Longer than what comes.
    let mut connection = put("LONGER", "500", b"half of it");
    connection.shutdown(Shutdown::Write).unwrap();
    assert_eq!(statuses(&rest(&mut connection)), ["400"]);
    let path = format!("{CREDENTIALS}/LONGER");
    get(&server, &path, &admin).is_problem(404, "credential_not_found");
    // Shorter: the rest is no request.
    let mut connection = put(
        "SHORTER",
        "10",
        b"0123456789 and GET /healthz HTTP/1.1\r\n\r\n",
    );
    assert_eq!(statuses(&rest(&mut connection)), ["201"]);
    // Far over the limit, and refused before any of it comes.
    for length in ["1000000", "999999999999999999"] {
        let mut connection = put("FAR_OVER", length, b"");
        server
            .hear(&mut connection)
            .is_problem(413, "value_too_large");
    }
    for length in ["-1", "+5", "0x5", "99999999999999999999999", "5, 6"] {
        let mut connection = put("NONE", length, b"01234");
        assert_eq!(statuses(&rest(&mut connection)), ["400"], "{length}");
    }
    put_value(&server, "LATER", &admin, "a value that comes later").is(201);
}

#[tokio::test]
async fn more_connections_than_there_may_be_are_refused_with_a_word() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &["--connections", "4"]).await;
    let health = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let open = || {
        let mut connection = server.connect();
        connection.write_all(health).unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).unwrap();
        (answer == *b"HTTP/1.1 200").then_some(connection)
    };
    let mut held: Vec<_> = (0..4).map(|_| open().unwrap()).collect();
    let refused = server.ask("GET", "/healthz", None, super::NOTHING);
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.is_problem(503, "too_many_connections");
    held.pop();
    let begun = Instant::now();
    while open().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn requests_that_are_sent_at_once_are_answered_in_their_order() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let heard = told(
        &server,
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing-here HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    // Whoever asks for what there is not is not spoken with any more.
    assert_eq!(statuses(&heard), ["200", "404"]);
    let heard = told(
        &server,
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(statuses(&heard), ["200", "200"]);
    assert!(heard.find("ok\n").unwrap() < heard.find("ready\n").unwrap());
}

#[tokio::test]
async fn what_two_servers_could_read_in_two_ways_hides_no_request() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let hidden = "GET /readyz HTTP/1.1\r\nHost: hidden\r\n\r\n";
    let ask = |headers: &str, body: &str| {
        let head = format!("POST {INLINE} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        told(&server, &format!("{head}{body}{hidden}"))
    };
    let (length, chunked) = ("Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n");
    // Both: at most the first is answered, and the connection is closed behind it (RFC 9112, section 6.3).
    for headers in [format!("{length}{chunked}"), format!("{chunked}{length}")] {
        let heard = ask(&headers, "0\r\n\r\n");
        assert_eq!(statuses(&heard), ["401"], "{heard}");
        assert!(!heard.contains("ready"));
    }
    for headers in [
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length : 4\r\n",
        "Content-Length: 4\r\n and: folded\r\n",
        "Content\0-Length: 4\r\n",
    ] {
        let heard = ask(headers, "0\r\n\r\n");
        assert_eq!(statuses(&heard), ["400"], "{headers} {heard}");
    }
    let old = format!("POST {INLINE} HTTP/1.0\r\n{chunked}\r\n0\r\n\r\n{hidden}");
    assert_eq!(statuses(&told(&server, &old)), ["400"]);
}

#[tokio::test]
async fn without_file_descriptors_it_waits_for_one_and_does_not_spin() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    // The maximum is that of this process, as the server has not changed it.
    let allow = |files| {
        let limit = Rlimit {
            current: files,
            maximum: getrlimit(Resource::Nofile).maximum,
        };
        prlimit(Some(server.pid()), Resource::Nofile, limit).unwrap()
    };
    let before = allow(Some(1));
    let mut connection = server.say("GET", "/healthz", None, "", b"");
    std::thread::sleep(Duration::from_secs(1));
    let log = server.log();
    let tried = log.matches("a connection cannot be taken").count();
    assert!((1..=15).contains(&tried), "{tried}");
    assert_eq!(log.matches("no connections can be taken").count(), 1);
    allow(before.current);
    server.hear(&mut connection).is(200);
}
