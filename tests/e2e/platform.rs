//! The web platform of a step: `tests/js/platform/` is run in a step, and the page that tells what is there is held
//! against it.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use serde::Deserialize;

use lockstep_e2e::{Ran, TestHost, Upstream, Wanted, repository, sandbox_to};
use lockstep_step::OutcomeKind;

/// What a file of tests returns.
#[derive(Deserialize)]
struct Checked {
    tests: usize,
    failed: Vec<String>,
}

fn tests() -> PathBuf {
    repository().join("tests/js/platform")
}

async fn run(source: &str) -> Ran {
    run_on(&TestHost::new().await, source, "null").await
}

async fn run_on(host: &TestHost, source: &str, input: &str) -> Ran {
    host.run(Wanted::script("platform.js", source).input(input))
        .await
}

async fn check(file: &str) {
    check_on(&TestHost::new().await, file, "").await;
}

/// Runs a file of tests with some text before it.
async fn check_on(host: &TestHost, file: &str, before: &str) {
    let harness = fs::read_to_string(tests().join("harness.js")).unwrap();
    let text = fs::read_to_string(tests().join(file)).unwrap();
    let wanted = Wanted::script("platform.js", &(harness + before + &text));
    let ran = host
        .run(wanted.limits(|limits| limits.requests = 1_000))
        .await;
    let checked: Checked = serde_json::from_value(ran.output()).unwrap();
    assert!(checked.tests > 0, "{file} has no tests");
    assert!(
        checked.failed.is_empty(),
        "{file}: {}",
        checked.failed.join("\n")
    );
}

#[tokio::test]
async fn interfaces_have_the_shape_of_their_idl() {
    check("interfaces.js").await;
}

#[tokio::test]
async fn events_and_signals_behave() {
    check("events.js").await;
}

#[tokio::test]
async fn timers_messages_and_clones_behave() {
    check("tasks.js").await;
}

#[tokio::test]
async fn urls_behave() {
    check("url.js").await;
}

#[tokio::test]
async fn encodings_behave() {
    check("encoding.js").await;
}

#[tokio::test]
async fn bodies_streams_and_compression_behave() {
    check("fetch.js").await;
}

#[tokio::test]
async fn fetch_behaves() {
    let upstream = Upstream::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let places = [
        ("CUT", upstream.raw("a.test", cut)),
        ("HTTP", upstream.http("a.test", "")),
        ("HTTPS", upstream.https("a.test", "")),
        (
            "NO_HTTP",
            upstream.raw("a.test", b"220 mail.test ESMTP\r\n"),
        ),
        (
            "CLOSED",
            format!("http://a.test:{}/", closed.unwrap().port()),
        ),
    ];
    let places: String = places
        .iter()
        .map(|(name, url)| format!("const {name} = {url:?};"))
        .collect();
    let host = TestHost::with(sandbox_to(&upstream)).await;
    check_on(&host, "network.js", &places).await;
}

#[tokio::test]
async fn crypto_behaves() {
    check("crypto.js").await;
}

#[tokio::test]
async fn console_shows_values_as_node_does() {
    let read = |name| fs::read_to_string(repository().join("tests/js").join(name)).unwrap();
    let ran = run(&read("console.js")).await;
    assert_eq!(ran.kind(), OutcomeKind::Completed);
    assert_eq!(ran.log, read("console.log"));
}

fn message(ran: &Ran) -> &str {
    ran.report.outcome.failure().unwrap().message.as_str()
}

#[tokio::test]
async fn a_name_of_node_is_explained_when_the_run_fails_with_it() {
    let host = TestHost::new().await;
    for (source, hint) in [
        (
            "export default () => Buffer.from('x')",
            "`Buffer` is not there in a step: use `Uint8Array`",
        ),
        (
            "export default () => require('fs')",
            "`lockstep-step build`",
        ),
    ] {
        let ran = run_on(&host, source, "null").await;
        assert!(
            message(&ran).contains("ReferenceError"),
            "{}",
            message(&ran)
        );
        assert!(message(&ran).contains(hint), "{}", message(&ran));
    }
}

#[tokio::test]
async fn an_error_that_nobody_catches_fails_the_run() {
    let host = TestHost::new().await;
    for source in [
        "export default () => new Promise(() => setTimeout(() => { throw new RangeError('nobody') }, 1))",
        "export default async () => { reportError(new RangeError('nobody')); await null; return 1 }",
        "export default async () => {
            Promise.reject(new RangeError('nobody'));
            await new Promise((done) => setTimeout(done, 1));
            return 1;
        }",
    ] {
        let ran = run_on(&host, source, "null").await;
        assert_eq!(ran.kind(), OutcomeKind::StepFailed, "{source}");
        let message = message(&ran);
        assert!(message.starts_with("RangeError: nobody"), "{message}");
        assert!(!message.contains("lockstep:"), "{message}");
    }
}

#[tokio::test]
async fn what_is_random_or_timed_is_new_in_each_run() {
    let host = TestHost::new().await;
    let source = "const made = new File(['x'], 'n');
        export default () => [crypto.randomUUID(), made.lastModified > 1e12, performance.now() < 1e6]";
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let output = run_on(&host, source, "null").await.output();
        let (id, made, now): (String, bool, bool) = serde_json::from_value(output).unwrap();
        assert!(made && now);
        assert!(seen.insert(id), "a UUID came twice");
    }
}

/// `[name, whether it is there]` of every row of the page's tables with names.
fn page() -> Vec<(String, bool)> {
    let page = fs::read_to_string(repository().join("guest-sdk/js/PLATFORM.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        match cells.next()? {
            "yes" => Some((name, true)),
            "no" => Some((name, false)),
            _ => None,
        }
    });
    rows.collect()
}

#[tokio::test]
async fn the_page_tells_what_is_there() {
    let page = page();
    assert!(page.len() > 70, "the tables of the page were not found");
    let names: Vec<&String> = page.iter().map(|(name, _)| name).collect();
    let source = "export default (names) => names.map((name) => name in globalThis)";
    let input = serde_json::to_string(&names).unwrap();
    let output = run_on(&TestHost::new().await, source, &input)
        .await
        .output();
    let there: Vec<bool> = serde_json::from_value(output).unwrap();
    for ((name, told), there) in page.iter().zip(there) {
        assert_eq!(*told, there, "whether `{name}` is there");
    }
}

/// Globals of ECMAScript and of Lockstep itself, which the page leaves to their own documents.
const OTHERS: &str = "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date \
    DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array \
    Int32Array Int8Array InternalError Iterator JSON Map Math MissingCredentialError NaN Number Object Promise Proxy RangeError \
    ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array \
    Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet credential decodeURI decodeURIComponent encodeURI \
    encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt requireCredentials undefined unescape";

#[tokio::test]
async fn nothing_is_there_that_the_page_leaves_out() {
    let source = "export default () => Object.getOwnPropertyNames(globalThis)";
    let output = run(source).await.output();
    let names: BTreeSet<String> = serde_json::from_value(output).unwrap();
    let told: BTreeSet<String> = page().into_iter().map(|(name, _)| name).collect();
    let others: BTreeSet<&str> = OTHERS.split_whitespace().collect();
    let untold: Vec<&String> = names
        .iter()
        .filter(|name| !told.contains(*name) && !others.contains(name.as_str()))
        .collect();
    assert!(untold.is_empty(), "PLATFORM.md does not tell of {untold:?}");
}

/// The names of `guest-sdk/js/src/absent.js`, from which the SDK and the platform tell what a step lacks.
fn absent() -> Vec<String> {
    let list = fs::read_to_string(repository().join("guest-sdk/js/src/absent.js")).unwrap();
    let (globals, _) = list.split_once("export const NODE_MODULES").unwrap();
    let names = globals
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    let names = names.map(|(name, _)| name.to_owned());
    names.filter(|name| !name.starts_with(' ')).collect()
}

#[tokio::test]
async fn what_is_absent_is_not_there_and_an_error_says_what_to_do() {
    let host = TestHost::new().await;
    let absent = absent();
    assert!(absent.len() > 20, "{absent:?}");
    let source = "export default (names) => names.filter((name) => name in globalThis)";
    let there = run_on(&host, source, &serde_json::to_string(&absent).unwrap()).await;
    assert_eq!(there.output(), serde_json::json!(["process"]));
    for name in absent.iter().filter(|name| *name != "process") {
        let ran = run_on(&host, &format!("return {name}.something"), "null").await;
        let told = format!("\n`{name}` is not there in a step: ");
        assert!(ran.message().contains(&told), "{}", ran.message());
    }
}

#[test]
fn every_file_of_tests_is_run() {
    let this = include_str!("platform.rs");
    for entry in fs::read_dir(tests()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "harness.js" || this.contains(&format!("\"{name}\"")),
            "no test runs {name}"
        );
    }
}
