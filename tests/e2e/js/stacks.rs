//! The places in stacks are those of the author's source: lines and columns from 1, columns in units of UTF-16, as editors
//! and Node.js count them.

use lockstep_e2e::{TestHost, Wanted};
use lockstep_step::OutcomeKind;

use super::failure;

/// Where a text is in a source, as `line:column`.
fn place(source: &str, text: &str) -> String {
    let mut found = source.match_indices(text);
    let (at, _) = found.next().unwrap_or_else(|| panic!("no `{text}`"));
    assert!(found.next().is_none(), "two of `{text}`");
    let before = &source[..at];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].encode_utf16().count() + 1;
    format!("{}:{column}", before.matches('\n').count() + 1)
}

/// Runs a step that fails, and expects the places of its stack, and of the stacks of its causes, to be where these texts
/// begin.
async fn check(name: &str, source: &str, message: &str, texts: &[&str]) {
    let host = TestHost::new().await;
    let (kind, told) = failure(&host.run(Wanted::script(name, source)).await);
    assert_eq!(kind, OutcomeKind::StepFailed, "{told}");
    assert!(told.starts_with(message), "{told}");
    let places: Vec<&str> = told
        .lines()
        .filter_map(|line| {
            line.strip_prefix("    at ")?
                .split_once(&format!("{name}:"))
        })
        .map(|(_, place)| place.trim_end_matches(')'))
        .collect();
    let expected: Vec<String> = texts.iter().map(|text| place(source, text)).collect();
    assert_eq!(places, expected, "{told}");
}

#[tokio::test]
async fn columns_after_letters_with_accents_and_beyond_the_first_plane_are_those_of_editors() {
    let plain = "const é = 'ü'; /* 😀 */ function f() { return Error('z') } const 变量 = 1
        /* 😀😀 'ä' */ throw f('é')";
    check("plain.js", plain, "Error: z", &["Error('z')", "f('é')"]).await;
    let module = "/* é😀 */ export default () => { '𝒳'; throw Error('x') }";
    check("module.js", module, "Error: x", &["Error('x')"]).await;
    let typed = "/* é😀 */ export default (input: 'ö😀' | number): never => { const a: string = '𝒳'; throw Error(`${a}`) }";
    check("module.ts", typed, "Error: 𝒳", &["a}`"]).await;
    let typed = "const a: 'ö😀' = 'ö😀' as 'ö😀';
        const f = (b: string): Error => { type 变 = '𝒳'; return Error('x') }; /* 😀 */ throw f('ö')";
    check("plain.ts", typed, "Error: x", &["Error('x')", "f('ö')"]).await;
}

#[tokio::test]
async fn lines_end_as_in_editors() {
    let source = "const a = 'é'\r\n/* ä\n😀 */ const f = () => Error('x'); `\nö\n`; 'ü'; throw f()";
    check("step.js", source, "Error: x", &["Error('x')", "f()"]).await;
    let source = "'é'; export default () => {\r\n 'ü'; throw Error('x') }";
    check("step.mjs", source, "Error: x", &["Error('x')"]).await;
}

/// What TypeScript makes code of, before what fails.
const SHAPES: &str = "interface Shape { readonly name: string; área(): number }
enum Kind { Rund = 'rund', Eckig = 'eckig' }
namespace Units { export const mm = 1; export type Length = number }
abstract class Base<T extends Shape> {
  constructor(protected readonly shape: T, private kind: Kind = Kind.Rund) {}
  abstract check(): asserts this is Base<T>;
  fail(): never {
    throw new /* 😀 */ RangeError(`${this.kind} ${this.shape.name}`);
  }
}
class Circle extends Base<Shape> {
  declare extra: string;
  override check(): void {
    if (Units.mm as number > 0) this.fail();
  }
}
";

#[tokio::test]
async fn a_stack_of_typescript_is_that_of_the_author() {
    let source = format!(
        "{SHAPES}export default function run(input: unknown): void {{
  const shape = {{ name: 'Kreis', área: (): number => 1 }} satisfies Shape;
  new Circle(shape).check();
}}
"
    );
    let places = ["RangeError(", "fail();", "check();"];
    check("shapes.ts", &source, "RangeError: rund Kreis\n", &places).await;
}

#[tokio::test]
async fn so_are_the_stacks_of_its_causes() {
    let source = format!(
        "{SHAPES}
try {{
  new Circle({{ name: 'Kreis', área: () => 1 }}).check();
}} catch (cause: unknown) {{
  const wrap = (): Error => new /* outer */ Error('außen', {{ cause: [cause][0] }});
  throw wrap();
}}
"
    );
    let places = [
        "cause][0]",
        "wrap();",
        "RangeError(",
        "fail();",
        "check();\n}",
    ];
    check("shapes.mts", &source, "Error: außen\n", &places).await;
}

#[tokio::test]
async fn what_is_thrown_later_has_its_place_too() {
    let source =
        "const wait = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));
async function later(): Promise<never> {
  await wait(1);
  /* 😀 */ throw new TypeError('später');
}
export default async (): Promise<void> => { await later(); };
";
    check(
        "later.ts",
        source,
        "TypeError: später\n",
        &["TypeError('später')"],
    )
    .await;
}

#[tokio::test]
async fn a_syntax_error_is_told_with_its_line_and_a_caret() {
    let host = TestHost::new().await;
    for (name, source, told) in [
        (
            "plain.js",
            "const a = 1;\nconst b = 'é😀' +* 2;\nreturn b",
            "plain.js:2:18: unexpected token\n  2 | const b = 'é😀' +* 2;\n    |                 ^",
        ),
        (
            "module.mjs",
            "export default () => {\n\treturn 'ä' 1;\n}",
            "module.mjs:2:12: ",
        ),
        (
            "typed.ts",
            "enum A { X }\nclass B { constructor(private x: ) {} }",
            "typed.ts:2:34: unexpected token\n  2 | class B { constructor(private x: ) {} }\n    |                                  ^",
        ),
    ] {
        let (kind, message) = failure(&host.run(Wanted::script(name, source)).await);
        assert_eq!(kind, OutcomeKind::InvalidStep, "{source}");
        assert!(message.contains(told), "{source}: {message}");
    }
}
