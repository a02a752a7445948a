//! Scripts that mean harm, or behave as if: each has its outcome, and the host serves the next run.

use std::time::Duration;

use serde_json::json;

use lockstep_e2e::{Ran, TestHost, Wanted};
use lockstep_step::OutcomeKind;

const VALUE: &str = "canary-of-a-hostile-script-81c3";

async fn host() -> TestHost {
    let host = TestHost::new().await;
    host.set("KEY", VALUE).await;
    host
}

/// Runs a script, expects it to end so, and the next run to be served.
async fn check(host: &TestHost, source: &str, kind: OutcomeKind) -> Ran {
    let mut wanted = Wanted::script("step.js", source);
    if kind == OutcomeKind::Timeout {
        wanted = wanted.limits(|limits| limits.timeout = Duration::from_millis(200));
    }
    let ran = host.run(wanted).await;
    assert_eq!(ran.kind(), kind, "{source}: {:?}", ran.report.outcome);
    let next = host
        .run(Wanted::script("next.js", "return [1].concat(2)"))
        .await;
    assert_eq!(next.output(), json!([1, 2]), "the run after `{source}`");
    ran
}

async fn check_completes(host: &TestHost, source: &str, output: serde_json::Value) {
    let ran = check(host, source, OutcomeKind::Completed).await;
    assert_eq!(ran.output(), output, "{source}");
}

async fn check_fails(host: &TestHost, source: &str, part: &str) {
    let ran = check(host, source, OutcomeKind::StepFailed).await;
    let outcome = ran.report.outcome;
    let message = outcome.failure().unwrap().message.as_str();
    assert!(
        message.contains(part),
        "{source}: `{message}` does not say `{part}`"
    );
}

#[tokio::test]
async fn what_goes_on_for_ever_ends_at_its_timeout() {
    let host = host().await;
    for source in [
        "for (;;);",
        "const again = () => Promise.resolve().then(again); await again()",
        "const again = () => queueMicrotask(again); again(); await new Promise(() => {})",
        "setInterval(() => {}, 0); await new Promise(() => {})",
        "/^(a+)+$/.test('a'.repeat(50) + 'b')",
        "new Proxy({}, { get() { for (;;); } }).x",
    ] {
        check(&host, source, OutcomeKind::Timeout).await;
    }
}

#[tokio::test]
async fn recursion_is_an_error_that_can_be_caught() {
    let host = host().await;
    let caught = |body: &str| format!("try {{ {body} }} catch (error) {{ return error.name }}");
    for body in [
        "(function deep() { return deep() + 1 })()",
        "const deep = { toString() { return `${deep}` } }; String(deep)",
        "const deep = new Proxy({}, { get: (_, key) => deep[key] }); deep.x",
        "JSON.parse('['.repeat(1e6))",
        "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; JSON.stringify(deep)",
        "new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('')",
    ] {
        let ran = check(&host, &caught(body), OutcomeKind::Completed).await;
        let name = ran.output();
        assert!(
            ["RangeError", "SyntaxError", "InternalError"].contains(&name.as_str().unwrap()),
            "{body}: {name}"
        );
    }
    check_fails(
        &host,
        "(function deep() { return deep() + 1 })()",
        "RangeError",
    )
    .await;
}

/// Code that is nested so deep that no parser may follow.
const NESTED: [&str; 21] = [
    "'('.repeat(1e5) + '1' + ')'.repeat(1e5)",
    "'['.repeat(1e5) + ']'.repeat(1e5)",
    "'[...'.repeat(1e5) + 'a' + ']'.repeat(1e5)",
    "'{'.repeat(1e5) + '}'.repeat(1e5)",
    "'({a:'.repeat(1e5) + '1' + '})'.repeat(1e5)",
    "'f('.repeat(1e5) + ')'.repeat(1e5)",
    "'a' + '[a'.repeat(1e5) + ']'.repeat(1e5)",
    "'(a=('.repeat(1e5) + '1'",
    "'!'.repeat(1e5) + '1'",
    "'1**'.repeat(1e5) + '1'",
    "'a='.repeat(1e5) + '1'",
    "'1?'.repeat(1e5) + '1' + ':1'.repeat(1e5)",
    "'1?1:'.repeat(1e5) + '1'",
    "'new '.repeat(1e5) + 'a'",
    "'`${'.repeat(1e5) + '1' + '}`'.repeat(1e5)",
    "'(class{a='.repeat(1e5) + '1' + '})'.repeat(1e5)",
    "'(' + '{a:'.repeat(1e5) + 'a' + '}'.repeat(1e5) + ')=>1'",
    "'function*g(){' + 'yield '.repeat(1e5) + '1}'",
    "'async function g(){' + 'await '.repeat(1e5) + '1}'",
    "'if(1)'.repeat(1e5) + ';'",
    "'try{'.repeat(1e5)",
];

#[tokio::test]
async fn code_that_is_nested_deep_is_an_error_that_can_be_caught() {
    let host = host().await;
    for nested in NESTED {
        let source = format!(
            "const names = []; const code = {nested};
            for (const parse of [eval, Function]) try {{ parse(code) }} catch (error) {{ names.push(error.name) }}
            return names"
        );
        let output = json!(["RangeError", "RangeError"]);
        check_completes(&host, &source, output).await;
    }
}

/// The parser looks ahead for an arrow. Where it goes too deep in doing so, it misses the arrow, and says that.
#[tokio::test]
async fn so_are_arrows_that_are_nested_deep() {
    let host = host().await;
    for nested in ["'()=>'.repeat(1e5) + '1'", "'async()=>'.repeat(1e5) + '1'"] {
        let source = format!(
            "const known = []; const code = {nested};
            for (const parse of [eval, Function]) try {{ parse(code) }} catch (error) {{
                known.push(error instanceof RangeError || error instanceof SyntaxError)
            }}
            return known"
        );
        check_completes(&host, &source, json!([true, true])).await;
    }
}

#[tokio::test]
async fn so_are_expressions_and_json_that_are_nested_deep() {
    let host = host().await;
    for (body, name) in [
        (
            "new RegExp('(?:'.repeat(1e5) + ')'.repeat(1e5))",
            "SyntaxError",
        ),
        (
            "new RegExp('(?:a'.repeat(1e5) + ')*'.repeat(1e5))",
            "SyntaxError",
        ),
        (
            "new RegExp('(?='.repeat(1e5) + ')'.repeat(1e5), 'u')",
            "SyntaxError",
        ),
        (
            "new RegExp('(?<='.repeat(1e5) + ')'.repeat(1e5), 'v')",
            "SyntaxError",
        ),
        (
            "new RegExp('(?i:'.repeat(1e5) + ')'.repeat(1e5))",
            "SyntaxError",
        ),
        (
            "new RegExp('['.repeat(1e5) + ']'.repeat(1e5), 'v')",
            "SyntaxError",
        ),
        (
            "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))",
            "SyntaxError",
        ),
        (
            "eval('/' + '(?:'.repeat(1e5) + ')'.repeat(1e5) + '/')",
            "SyntaxError",
        ),
        (
            "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))",
            "RangeError",
        ),
        (
            "JSON.parse('{\"a\":'.repeat(1e5) + '1' + '}'.repeat(1e5))",
            "RangeError",
        ),
        (
            "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5), (key, value) => value)",
            "RangeError",
        ),
    ] {
        let source = format!("try {{ {body} }} catch (error) {{ return error.name }}");
        check_completes(&host, &source, json!(name)).await;
    }
}

#[tokio::test]
async fn what_is_nested_as_people_do_is_no_error() {
    let host = host().await;
    let source = "return [
        eval('('.repeat(500) + '1' + ')'.repeat(500)),
        eval('[' .repeat(500) + ']'.repeat(500)).length,
        eval('1?1:'.repeat(5_000) + '1'),
        Function('return ' + '1+'.repeat(1e5) + '1')(),
        new RegExp('(?:'.repeat(2_000) + 'a' + ')'.repeat(2_000)).test('a'),
        JSON.parse('['.repeat(1_000) + ']'.repeat(1_000)).length,
    ]";
    check_completes(&host, source, json!([1, 1, 1, 100_001, true, 1])).await;
}

#[tokio::test]
async fn what_grows_without_end_ends_at_the_limit_of_memory() {
    let host = host().await;
    for source in [
        "const all = []; for (;;) all.push(new Uint8Array(1e6))",
        "let text = 'x'; for (;;) text += text + Math.max(1)",
        "const all = {}; for (let i = 0; ; i++) all[`key${i}`] = [i]",
        "'x'.repeat(1e9)",
    ] {
        let ran = host.run(Wanted::script("step.js", source)).await;
        let kind = ran.kind();
        let ends = [OutcomeKind::MemoryExceeded, OutcomeKind::StepFailed];
        assert!(ends.contains(&kind), "{source}: {:?}", ran.report.outcome);
        assert!(
            ran.report.receipt.peak_memory_bytes <= 128 << 20,
            "{source}"
        );
    }
    check_completes(&host, "return 1", json!(1)).await;
}

#[tokio::test]
async fn a_million_log_lines_are_cut_at_the_limit_of_the_log() {
    let host = host().await;
    let source = "for (let i = 0; i < 1e6; i++) console.log('a line'); return 'done'";
    // A busy machine takes longer than the default of 30 s.
    let wanted = Wanted::script("step.js", source)
        .limits(|limits| limits.timeout = Duration::from_secs(120));
    let ran = host.run(wanted).await;
    assert_eq!(ran.output(), json!("done"));
    assert_eq!(ran.log.matches("the log is cut here").count(), 1);
    assert!(ran.log.len() < (1 << 20) + 200, "{}", ran.log.len());
    assert_eq!(ran.report.receipt.log_bytes, 7_000_000);
}

#[tokio::test]
async fn what_a_run_does_to_globals_and_prototypes_is_gone_in_the_next() {
    let host = host().await;
    let harm = "Object.prototype.polluted = 'yes';
        Array.prototype.concat = () => 'no'; Promise.prototype.then = undefined;
        JSON.stringify = () => { throw 1 }; globalThis.credential = () => 'mine';
        for (const name of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[name] } catch {}
        return null";
    let ran = host.run(Wanted::script("step.js", harm)).await;
    let kind = ran.kind();
    assert!(
        [OutcomeKind::Completed, OutcomeKind::StepFailed].contains(&kind),
        "{:?}",
        ran.report.outcome
    );
    let source = "return [({}).polluted ?? 'clean', [1].concat(2), typeof credential, typeof Promise.prototype.then]";
    check_completes(
        &host,
        source,
        json!(["clean", [1, 2], "function", "function"]),
    )
    .await;
}

#[tokio::test]
async fn an_output_with_traps_in_it_fails_the_step_alone() {
    let host = host().await;
    check_fails(
        &host,
        "return { get x() { throw new Error('trap') } }",
        "trap",
    )
    .await;
    check_fails(
        &host,
        "return { toJSON() { throw new Error('trap') } }",
        "trap",
    )
    .await;
    check_fails(
        &host,
        "return new Proxy({}, { ownKeys() { throw new Error('trap') } })",
        "trap",
    )
    .await;
    check_fails(
        &host,
        "const a = {}; a.items = [{ a }]; return a",
        "output.items[0].a",
    )
    .await;
    check_fails(&host, "return { items: [1, 2, 3n] }", "output.items[2]").await;
    check_fails(&host, "return { f() {} }", "output.f").await;
    check_completes(
        &host,
        "return { toJSON: () => ({ fine: true }) }",
        json!({"fine": true}),
    )
    .await;
    check(
        &host,
        "return new Proxy([], { get() { for (;;); } })",
        OutcomeKind::Timeout,
    )
    .await;
}

#[tokio::test]
async fn an_error_with_traps_in_it_is_told_all_the_same() {
    let host = host().await;
    for source in [
        "throw { get message() { throw 1 }, get stack() { throw 2 }, get name() { throw 3 } }",
        "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw e } }); throw e",
        "const e = new Error('x'); e.cause = e; throw e",
        "throw null",
        "throw Symbol('x')",
        "throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })",
        "throw new Error('x'.repeat(1e6))",
    ] {
        let ran = check(&host, source, OutcomeKind::StepFailed).await;
        let outcome = ran.report.outcome;
        let length = outcome.failure().unwrap().message.as_str().len();
        assert!((1..=9_000).contains(&length), "{source}: {length}");
    }
    let endless = "throw { get message() { for (;;); } }";
    check(&host, endless, OutcomeKind::Timeout).await;
}

#[tokio::test]
async fn a_value_does_not_get_out_by_errors_stacks_keys_and_tables() {
    let host = host().await;
    for source in [
        "throw new Error(`token ${credential('KEY')}`)",
        "const e = new Error('x'); e.stack = credential('KEY'); throw e",
        "throw new Error('x', { cause: credential('KEY') })",
        "const f = { [credential('KEY')]() { throw new Error('in it') } }; f[credential('KEY')]()",
        "throw credential('KEY')",
        "return { get [credential('KEY')]() { throw new Error('trap') } }",
        "return { [credential('KEY')]: 1n }",
    ] {
        check(&host, source, OutcomeKind::StepFailed).await;
    }
    for source in [
        "return { [credential('KEY')]: credential('KEY') }",
        "console.table([{ a: credential('KEY') }]); console.error({ a: [credential('KEY')] }); return 1",
        "console.log('%s %o %j', credential('KEY'), [credential('KEY')], 1); return [...credential('KEY')].join('')",
        "console.log(btoa(credential('KEY')), encodeURIComponent(`\"${credential('KEY')}`)); return 1",
    ] {
        check(&host, source, OutcomeKind::Completed).await;
    }
}

#[tokio::test]
async fn the_global_object_may_be_emptied_by_the_step_itself() {
    let host = host().await;
    let source = "for (const key of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[key] } catch {}
        return 'still here'";
    check_completes(&host, source, json!("still here")).await;
}
