//! Scripts of all kinds, good, wrong and hostile.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn language(name: &str) -> Language {
    match name.ends_with("ts") {
        true => Language::TypeScript,
        false => Language::JavaScript,
    }
}

fn taken(name: &str, code: &str) -> Script {
    parse(name, language(name), code.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(name: &str, code: &str) -> String {
    match parse(name, language(name), code.as_bytes()) {
        Ok(script) => panic!("`{}` is taken", &script.code[..script.code.len().min(80)]),
        Err(error) => error.message,
    }
}

#[track_caller]
fn check_refused(name: &str, code: &str, start: &str) {
    let said = refused(name, code);
    assert!(said.starts_with(start), "{said}");
}

// JavaScript.

#[test]
fn javascript_is_handed_on_byte_for_byte() {
    let code = "\u{feff}/* ä */ \t const a = 1\r\n\r\nreturn a // \u{1f600}\n";
    let script = taken("a.js", code);
    assert_eq!(script.code, code.trim_start_matches('\u{feff}'));
    assert_eq!((script.form, script.map.len()), (Form::Plain, 0));
    let module = "export default (input, ctx) => { return input }\n";
    let script = taken("a.mjs", module);
    assert_eq!((script.code.as_str(), script.form), (module, Form::Module));
}

#[test]
fn a_plain_script_is_the_body_of_an_async_function() {
    for code in [
        "",
        "return input",
        "await ctx.sleep(1); return 1",
        "for await (const a of input) return a",
        "return arguments.length + new.target",
        "with (input) { return 010 }",
        "\"use strict\"; return 1",
        "if (input) return 1\nreturn 2 // the end",
        "return 1 /* the end */",
        "const await_ = 1; return await_",
        "var input = 1, ctx = 2",
        "x = 1\n--> a comment of old",
        "#!/usr/bin/env node\nreturn 1",
        "const { a, ...b } = input ?? {}; return a?.b ** 2",
    ] {
        assert_eq!(taken("a.js", code).form, Form::Plain, "{code}");
    }
}

#[test]
fn what_the_function_would_refuse_is_refused() {
    check_refused(
        "a.js",
        "let input = 1",
        "a.js:1:5: a plain script has `input` and `ctx` already",
    );
    check_refused("a.js", "const await = 1", "a.js:1:7: ");
    check_refused("a.js", "\"use strict\"; with (a) {}", "a.js:1:15: ");
    check_refused("a.js", "yield 1", "a.js:1:1: ");
    check_refused("a.js", "return import.meta.url", "a.js:1:8: ");
    check_refused("a.js", "break", "a.js:1:1: ");
}

#[test]
fn a_plain_script_cannot_end_its_function() {
    check_refused(
        "a.js",
        "return 1\n}); (async function () {",
        "a.js:2:1: this bracket closes nothing",
    );
    check_refused(
        "a.js",
        "}, function () {",
        "a.js:1:1: this bracket closes nothing",
    );
    check_refused(
        "a.js",
        "}) + (() => {",
        "a.js:1:1: this bracket closes nothing",
    );
    check_refused(
        "a.js",
        "}).call(function () {",
        "a.js:1:1: this bracket closes nothing",
    );
    check_refused("a.js", "/* ", "a.js:1:1: ");
    check_refused("a.js", "return `", "a.js:1:8: ");
}

/// Those that a grammar does not tell: each has a place here, and is not left to the engine.
#[test]
fn early_errors_are_told_where_they_are() {
    for (code, column) in [
        ("let a; let a", 12),
        ("let a; { var a }", 14),
        ("try {} catch (e) { let e }", 24),
        ("switch (1) { case 1: let a; case 2: let a }", 41),
        ("for (let a of []) { var a }", 25),
        ("((a, a) => 1)", 6),
        ("function f() { await 1 }", 16),
        ("class A { static { await 1 } }", 20),
        ("function f() { for await (const a of []) ; }", 20),
        ("a: a: 1", 4),
        ("a: { break b }", 12),
        ("a: { continue a }", 1),
        ("break", 1),
        ("class A { #a; #a }", 15),
        ("class A { b() { this.#a } }", 22),
        ("class A { #a; b() { delete this.#a } }", 28),
        ("class A { constructor() {} constructor() {} }", 11),
        ("class A { constructor() { super() } }", 27),
        ("class A { a = arguments }", 15),
        ("function f() { super.b }", 16),
        ("({ __proto__: 1, __proto__: 2 })", 18),
        ("[a?.b] = []", 2),
        ("a ?? b || c", 1),
        ("function* a(b = yield) {}", 17),
        ("/(?<a>.)(?<a>.)/", 5),
        ("const a", 7),
    ] {
        for (name, before) in [
            ("a.js", ""),
            ("a.js", "export default 0;\n"),
            ("a.ts", "export default 0;\n"),
        ] {
            let said = refused(name, &format!("{before}{code}"));
            let line = 1 + before.lines().count();
            let start = format!("{name}:{line}:{column}: ");
            let caret = format!("\n    | {}^", " ".repeat(column - 1));
            assert!(said.starts_with(&start) && said.contains(&caret), "{said}");
        }
    }
}

#[test]
fn a_module_is_strict_and_has_no_return() {
    check_refused(
        "a.js",
        "export default () => 1; return 1",
        "a.js:1:25: a 'return' statement",
    );
    check_refused("a.js", "export default () => 1; with (a) {}", "a.js:1:25: ");
    taken("a.js", "const a = await 1; export default () => a");
    taken("a.js", "export default () => import.meta.url");
}

#[test]
fn syntax_errors_tell_place_line_and_what_was_expected() {
    let said = refused(
        "hello.ts",
        "import a;\nexport default () => {\n\tconst a = { b: 1;\n}",
    );
    assert!(said.starts_with("hello.ts:1:9: "), "{said}");
    let said = refused("hello.ts", "export default () => {\n\tconst a = { b: 1;\n}");
    assert_eq!(
        said,
        "hello.ts:2:18: expected `,` or `}` but found `;`\n  2 | \tconst a = { b: 1;\n    | \t                ^"
    );
}

#[test]
fn errors_in_the_first_line_of_a_plain_script_have_the_columns_of_the_author() {
    check_refused("a.js", "a b", "a.js:1:2: expected a semicolon");
    check_refused("a.js", "ä = \u{1f600}", "a.js:1:5: ");
    check_refused(
        "a.js",
        "const a = 1; const a = 2",
        "a.js:1:20: identifier `a` has already been declared",
    );
}

#[test]
fn brackets_that_do_not_match_are_told_where_they_are() {
    check_refused("a.js", "if (a) {\n  b(\n}", "a.js:3:1: ");
    check_refused(
        "a.js",
        "if (a) {\n  b()\n",
        "a.js:1:8: this bracket is never closed",
    );
    check_refused(
        "a.js",
        "export default () => {\n  b()\n",
        "a.js:1:22: this bracket is never closed",
    );
    check_refused("a.js", "return a)", "a.js:1:9: this bracket closes nothing");
}

#[test]
fn at_most_five_errors_are_told() {
    let mut code = String::new();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        writeln!(code, "let {name}; let {name};").unwrap();
    }
    let said = refused("a.js", &code);
    assert!(
        said.contains("a.js:5:12: ") && !said.contains("a.js:6:") && said.ends_with("and 2 more"),
        "{said}"
    );
}

#[test]
fn wrong_regular_expressions_are_refused_where_they_stand() {
    check_refused(
        "a.js",
        "return [/a/, /(/]",
        "a.js:1:15: invalid regular expression",
    );
    taken(
        "a.js",
        "return [/]{/, /\\8\\c/, /(?<a>.)|(?<a>..)/, /[\\p{L}--[a-z]]/v, /(?i:a)/]",
    );
}

#[test]
fn decorators_and_jsx_are_refused_clearly() {
    check_refused(
        "a.js",
        "@a class A {}",
        "a.js:1:1: decorators are not supported",
    );
    check_refused(
        "a.ts",
        "class A { @a b() {} }",
        "a.ts:1:11: decorators are not supported",
    );
    let said = refused("a.js", "return <div>{a}</div>");
    assert!(said.contains("JSX is not supported"), "{said}");
    let said = refused("a.ts", "return <div>{a}</div>");
    assert!(said.contains("a.ts:1:"), "{said}");
}

// TypeScript.

#[track_caller]
fn check_stripped(code: &str, expected: &str) {
    let script = taken("a.ts", code);
    let stripped: Vec<_> = script.code.split_whitespace().collect();
    let expected: Vec<_> = expected.split_whitespace().collect();
    assert_eq!(stripped, expected);
}

#[test]
fn types_go() {
    check_stripped(
        "const a: number = <number>b as unknown as number satisfies number; let c!: string; return d!",
        "const a = b; let c; return d;",
    );
    check_stripped(
        "interface A { b: string } type C = A; declare const d: C; return d",
        "return d;",
    );
    check_stripped(
        "function a(b: string): void; function a(b: any) { return b } return a<string>(1)",
        "function a(b) { return b; } return a(1);",
    );
    check_stripped(
        "abstract class A<T> implements B { abstract c(): T; d?: T; declare e: T; private static f = 1 }",
        "class A { d; static f = 1; }",
    );
    check_stripped(
        "const a = async <T,>(this_: T, b?: T): Promise<T> => b!",
        "const a = async (this_, b) => b;",
    );
    check_stripped(
        "try {} catch (e: unknown) {} return a?.b!.c",
        "try {} catch (e) {} return a?.b.c;",
    );
}

#[test]
fn enums_namespaces_and_parameter_properties_become_code() {
    check_stripped(
        "enum A { B, C = \"c\", D = 1 << 2 } return A.B",
        "var A = function(A) { A[A[\"B\"] = 0] = \"B\"; A[\"C\"] = \"c\"; A[A[\"D\"] = 4] = \"D\"; return A; }(A || {}); return A.B;",
    );
    assert!(
        taken("a.ts", "const enum A { B = 7 } return A.B")
            .code
            .contains('7')
    );
    check_stripped(
        "namespace A { export const b = 1 } return A.b",
        "let A; (function(_A) { const b = _A.b = 1; })(A || (A = {})); return A.b;",
    );
    check_stripped(
        "class A { constructor(private a: string, readonly b = 1) {} }",
        "class A { a; b; constructor(a, b = 1) { this.a = a; this.b = b; } }",
    );
}

#[test]
fn what_is_newer_than_the_engine_would_need_stays() {
    check_stripped(
        "class A { #a = 1; static { a ??= b ** 2 } }",
        "class A { #a = 1; static { a ??= b ** 2; } }",
    );
    check_stripped(
        "for await (const a of b) c?.(...a)",
        "for await (const a of b) c?.(...a);",
    );
}

#[test]
fn a_plain_script_in_typescript_returns_and_awaits() {
    let script = taken("a.ts", "const a: string = await input.b; return { a }");
    assert_eq!((script.form, script.map.is_empty()), (Form::Plain, false));
    for code in [
        "let ctx = 1",
        "class ctx {}",
        "namespace ctx { export const a = 1 }",
    ] {
        let said = refused("a.ts", code);
        assert!(
            said.contains("a plain script has `input` and `ctx` already"),
            "{said}"
        );
    }
    taken("a.ts", "namespace ctx { export type A = 1 } return 1");
}

/// Where the author wrote what is at a place of the code: (line, column), both from 0.
fn original(script: &Script, line: usize, column: usize) -> (i64, i64) {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut source, mut found) = ((0, 0), (0, 0));
    for (number, segments) in std::str::from_utf8(&script.map)
        .unwrap()
        .split(';')
        .enumerate()
    {
        let mut generated = 0;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let (mut fields, mut value, mut shift) = (Vec::new(), 0_i64, 0);
            for digit in segment.bytes() {
                let digit = i64::try_from(DIGITS.iter().position(|known| *known == digit).unwrap())
                    .unwrap();
                value |= (digit & 31) << shift;
                shift += 5;
                if digit & 32 == 0 {
                    fields.push(if value & 1 == 1 {
                        -(value >> 1)
                    } else {
                        value >> 1
                    });
                    (value, shift) = (0, 0);
                }
            }
            generated += fields[0];
            source = (source.0 + fields[2], source.1 + fields[3]);
            let column = i64::try_from(column).unwrap();
            if number < line || number == line && generated <= column {
                found = source;
            }
        }
    }
    found
}

#[test]
fn the_map_leads_back_to_the_author() {
    for code in [
        "type A = {\n  b: string,\n};\n\nenum C { D }\nexport default (input: A) => {\n  const é: A = input; throw new Error(\"here\");\n}\n",
        "interface A {}\r\n\r\nlet b: A = 1;\r\n  throw new Error(\"here\")\r\n",
    ] {
        let script = taken("a.ts", code);
        let place = |code: &str| {
            let at = code.find("new Error").unwrap();
            let line = code[..at].matches('\n').count();
            (
                line,
                code[..at]
                    .rsplit('\n')
                    .next()
                    .unwrap()
                    .encode_utf16()
                    .count(),
            )
        };
        let (line, column) = place(&script.code);
        let (original_line, original_column) = place(code);
        let found = original(&script, line, column);
        assert_eq!(
            found,
            (
                i64::try_from(original_line).unwrap(),
                i64::try_from(original_column).unwrap()
            ),
            "{}",
            script.code
        );
    }
}

// Hostile scripts.

/// Parts that nest: what opens, what is inside, what closes.
const NESTED: [(&str, &str, &str); 48] = [
    ("(", "1", ")"),
    ("[", "", "]"),
    ("x = {a:", "1", "}"),
    ("{", "", "}"),
    ("x = function(){ return ", "1", "}"),
    ("a => ", "1", ""),
    ("a => {", "", "}"),
    ("(a) => ", "1", ""),
    ("async (a) => ", "1", ""),
    ("(a = ", "1", ") => 1"),
    ("`${", "1", "}`"),
    ("a`${", "1", "}`"),
    ("a ? b : ", "c", ""),
    ("a ? ", "b", " : c"),
    ("a ? (b) : ", "c", ""),
    ("!", "1", ""),
    ("- ", "1", ""),
    ("typeof ", "1", ""),
    ("await ", "1", ""),
    ("new ", "a", ""),
    ("a = ", "1", ""),
    ("a ** ", "1", ""),
    ("if (a) ", ";", ""),
    ("if (a) b, c; else ", ";", ""),
    ("if (a) {} else ", ";", ""),
    ("for (;;) ", ";", ""),
    ("do ", ";", " while (a);"),
    ("while (a) ", ";", ""),
    ("class extends ", "a", " {}"),
    ("x = class { a = ", "1", "}"),
    ("[...", "1", "]"),
    ("import(", "1", ")"),
    ("switch (a) { case 1: ", "", "}"),
    ("try {", "", "} finally {}"),
    ("a(", "", ")"),
    ("a[", "1", "]"),
    ("a?.[", "1", "]"),
    ("<a>", "1", "</a>"),
    ("<a>;", "1", "</a>"),
    ("x = <a>{", "1", "}</a>"),
    ("a < ", "1", " > b"),
    ("f<a>(", "1", ")"),
    ("<T>(a: T) => ", "1", ""),
    ("namespace a { ", "", "}"),
    ("a, (", "b", ")"),
    ("{ a: b, c: (", "d", ") }"),
    ("a => b, [", "c", "]"),
    ("x = a ? (b) : (c) => (", "d", ")"),
];

/// Parts that follow each other, and nest to the left in the tree.
const CHAINED: [&str; 13] = [
    " + 1",
    ".b",
    "()",
    "[0]",
    "?.b",
    "`c`",
    "!",
    " as b",
    " satisfies b",
    " && b",
    " ?? b",
    ", b",
    " instanceof b",
];

const TYPES: [(&str, &str, &str); 13] = [
    ("Array<", "a", ">"),
    ("A<b, ", "a", ">"),
    ("(", "a", ")"),
    ("[", "a", "]"),
    ("{ a: ", "b", "}"),
    ("keyof ", "a", ""),
    ("a extends b ? c : ", "d", ""),
    ("(a: b) => ", "c", ""),
    ("a | ", "b", ""),
    ("a[", "b", "]"),
    ("`${", "a", "}`"),
    ("new () => ", "a", ""),
    ("typeof a.", "b", ""),
];

fn nested(part: (&str, &str, &str), times: usize) -> String {
    format!("{}{}{}", part.0.repeat(times), part.1, part.2.repeat(times))
}

/// It ends, and tells what is wrong in few words.
fn survives(code: &str) {
    for name in ["a.js", "a.ts"] {
        if let Err(error) = parse(name, language(name), code.as_bytes()) {
            assert!(error.message.len() < 5_000, "{}", error.message.len());
        }
    }
}

#[test]
fn what_nests_a_hundred_thousand_times_is_refused() {
    for part in NESTED {
        let code = nested(part, 100_000);
        for name in ["a.js", "a.ts"] {
            let said = refused(name, &code);
            assert!(said.starts_with(name), "{said}");
        }
        survives(&format!("export default () => 1; {code}"));
        survives(&part.0.repeat(100_000));
    }
    for part in TYPES {
        survives(&format!("let a: {}", nested(part, 100_000)));
        survives(&format!("let a: {}", part.0.repeat(100_000)));
    }
    for part in CHAINED {
        survives(&format!("return a{}", part.repeat(100_000)));
    }
}

/// The deepest of its kind that is not refused before it is parsed.
fn deepest(name: &str, code: impl Fn(usize) -> String) -> String {
    let fits = |times: usize| {
        let code = code(times);
        outline::of(&Text::read(name, code.as_bytes()).unwrap(), language(name)).is_ok()
    };
    let (mut most, mut too_many) = (1, MAX_OPEN + 1);
    while too_many - most > 1 {
        let times = usize::midpoint(most, too_many);
        if fits(times) {
            most = times;
        } else {
            too_many = times;
        }
    }
    code(most)
}

#[test]
fn what_nests_as_deep_as_the_limits_allow_is_survived() {
    for name in ["a.js", "a.ts"] {
        let check = |code: &dyn Fn(usize) -> String| {
            let code = deepest(name, code);
            drop(parse(name, language(name), code.as_bytes()));
        };
        for part in NESTED {
            check(&|times| nested(part, times));
        }
        for part in TYPES {
            check(&|times| format!("let a: {}", nested(part, times)));
        }
        for part in CHAINED {
            check(&|times| format!("return a{}", part.repeat(times.min(walk::MAX_DEPTH - 10))));
        }
        for (opening, closing, flag) in [("(", ")", ""), ("[", "]", "v")] {
            check(&|times| format!("return /{}/{flag}", nested((opening, "", closing), times)));
        }
    }
}

#[test]
fn long_sums_and_chains_are_taken() {
    taken("a.js", &format!("return \"a\"{}", " + \"b\"".repeat(2_000)));
    taken("a.ts", &format!("return a{}", ".then(b)".repeat(2_000)));
    let said = refused("a.js", &format!("return a{}", ".b".repeat(20_000)));
    assert!(said.contains("over 5000 levels deep"), "{said}");
    taken(
        "a.js",
        &format!("if (a) b(); {}", "else if (a) b();\n".repeat(1_000)),
    );
}

#[test]
fn groups_of_regular_expressions_are_counted() {
    let deep = "(".repeat(100_000);
    check_refused(
        "a.js",
        &format!("return /{deep}/"),
        "a.js:1:9: more than 4000",
    );
    check_refused(
        "a.js",
        &format!("return /[)]{deep}/"),
        "a.js:1:9: more than 4000",
    );
    check_refused(
        "a.js",
        &format!("return /[[]{deep}/"),
        "a.js:1:9: more than 4000",
    );
    check_refused(
        "a.js",
        &format!("return /{}{}/v", "[".repeat(100_000), "]".repeat(100_000)),
        "a.js:1:9: more than 4000",
    );
}

#[test]
fn long_names_texts_and_lines_are_taken() {
    let name = "a".repeat(1 << 20);
    taken("a.js", &format!("const {name} = 1; return {name}"));
    taken(
        "a.ts",
        &format!("const a: {name} = \"{name}\"; return `{name}`"),
    );
    let said = refused("a.js", &format!("const {name} = 1, {name} = 2"));
    assert!(said.len() < 1_000, "{}", said.len());
    taken("a.js", &"a;".repeat(500_000));
}

#[test]
fn code_that_is_nested_deep_does_not_grow_when_it_is_printed() {
    let code = format!(
        "{}{}",
        "{".repeat(2_000),
        "a;".repeat(10_000) + &"}".repeat(2_000)
    );
    assert!(taken("a.ts", &code).code.len() < 2 * code.len());
}

#[test]
fn a_script_of_nothing_but_errors_is_refused() {
    for part in [
        "\"", "`", "/*", "/", "\\", "#", "@", "${", "}", ")", "]", "\u{2028}", "\u{0}", "<!--",
        "-->", "0x", "'\n",
    ] {
        survives(part);
        survives(&part.repeat(1_000));
    }
}

/// Parted by blanks.
const WORDS: &str = "( ) [ ] { } < > ; , . ?. ? : => = + - / * ! ` ${ \" ' ... @ # \\ if else for of in while do class \
    extends function async await yield return new typeof import export default from let const var enum namespace interface \
    type as satisfies abstract declare credential ctx requireCredentials \"@lockstep/step\" a 1 /a/ `b` case switch";

fn words() -> impl Strategy<Value = String> {
    let mut words: Vec<_> = WORDS.split(' ').collect();
    words.push("\n");
    proptest::collection::vec(proptest::sample::select(words), 0..60)
        .prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(code in ".{0,200}") {
        survives(&code);
    }

    #[test]
    fn any_words_are_survived(code in words()) {
        survives(&code);
        survives(&code.replace(' ', ""));
    }

    #[test]
    fn what_is_taken_is_taken_again(code in words()) {
        if let Ok(script) = parse("a.ts", Language::TypeScript, code.as_bytes()) {
            let again = parse("a.js", Language::JavaScript, script.code.as_bytes());
            prop_assert!(again.is_ok() || script.form == Form::Module, "{code}\n{}\n{}", script.code, again.unwrap_err());
        }
    }
}
