//! What a step returns.

use serde_json::json;

use lockstep_step::OutcomeKind;

use super::{check_failures, check_outputs};

#[tokio::test]
async fn an_output_is_what_json_makes_of_it() {
    check_outputs(&[
        ("return undefined", json!(null)),
        ("", json!(null)),
        (
            "return [undefined, NaN, -0, {u: undefined}]",
            json!([null, null, 0, {}]),
        ),
        ("return new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("return {toJSON: (key) => [key, 1]}", json!(["", 1])),
        (
            "return [Object('a'), Object(1), new Map([[1, 2]])]",
            json!(["a", 1, {}]),
        ),
        (
            "const a = {n: 1}; return [a, a]",
            json!([{"n": 1}, {"n": 1}]),
        ),
        ("return new Proxy({a: 1}, {})", json!({"a": 1})),
        ("return '\\ud800'.length", json!(1)),
        (
            "return JSON.parse('{\"__proto__\": 1}')",
            json!({"__proto__": 1}),
        ),
        ("return {then: (resolve) => resolve(7)}", json!(7)),
    ])
    .await;
}

#[tokio::test]
async fn what_json_cannot_say_is_an_error_that_names_the_place() {
    check_failures(
        OutcomeKind::StepFailed,
        &[
            (
                "return {items: [0, {id: 1n}]}",
                "output.items[1].id is a BigInt;",
            ),
            (
                "return {items: [() => 1]}",
                "output.items[0] is a function;",
            ),
            (
                "return {'a b': {f() {}}}",
                "output[\"a b\"].f is a function;",
            ),
            ("return {a: Symbol('s')}", "output.a is a symbol;"),
            ("return () => 1", "output is a function;"),
            (
                "const a = {x: [{}]}; a.x[0].y = a.x; return a",
                "output.x[0].y is output.x again;",
            ),
            (
                "const a = []; a[0] = a; return a",
                "output[0] is output again;",
            ),
            ("return [{toJSON: () => 1n}]", "output[0] is a BigInt;"),
        ],
    )
    .await;
}

#[tokio::test]
async fn code_that_throws_while_the_output_is_written_fails_the_run() {
    let beginning = "the output cannot be written as JSON: Error: no\n    at ";
    check_failures(
        OutcomeKind::StepFailed,
        &[
            ("return {get a() { throw new Error('no') }}", beginning),
            ("return {toJSON() { throw new Error('no') }}", beginning),
            ("return new Proxy({}, {ownKeys() { throw new Error('no') }})", beginning),
            (
                "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a",
                "the output cannot be written as JSON: RangeError: Maximum call stack size exceeded",
            ),
        ],
    )
    .await;
}
