//! Scripts in a real sandbox: that what is prepared once is what each run sees, and nothing more.

use lockstep_step::{Outcome, OutcomeKind, Phase};

use crate::load::LoadedCode;
use crate::tests::Run;
use crate::{Sandbox, SandboxConfig, StepFile};

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::for_runs(2)).unwrap()
}

async fn output(sandbox: &Sandbox, run: Run) -> String {
    let (ended, log) = run.end_in(sandbox).await;
    match ended.outcome.unwrap() {
        Outcome::Completed(output) => output.as_str().to_owned(),
        other => panic!("{other:?}, with the log {log}"),
    }
}

async fn failure(sandbox: &Sandbox, run: Run) -> (OutcomeKind, Phase, String) {
    let (ended, _) = run.end_in(sandbox).await;
    let outcome = ended.outcome.unwrap();
    let failure = outcome.failure().unwrap();
    let message = failure.message.as_str().to_owned();
    (failure.kind, failure.phase, message)
}

#[tokio::test]
async fn a_module_and_a_plain_script_return_their_output() {
    let sandbox = sandbox();
    for source in [
        "export default (input) => ({ n: input.n + 1 })",
        "export default async (input) => { await null; return { n: input.n + 1 } }",
        "return { n: input.n + 1 }",
        "await null; return { n: input.n + 1 }",
    ] {
        let mut run = Run::file("step.js", source);
        run.input = r#"{"n":1}"#.to_owned();
        assert_eq!(output(&sandbox, run).await, r#"{"n":2}"#, "{source}");
    }
}

#[tokio::test]
async fn a_credential_is_given_and_masked_in_output_and_log() {
    let mut run = Run::file(
        "step.js",
        "export default () => { console.log(credential('KEY')); return credential('KEY') }",
    );
    run.held.0.insert("KEY", "canary-value-1");
    let (ended, log) = run.end().await;
    assert_eq!(
        ended.outcome.unwrap().output().unwrap().as_str(),
        r#""***""#
    );
    assert_eq!(log, "***\n");
    assert_eq!(ended.usage.credentials.len(), 1);
}

#[tokio::test]
async fn a_missing_credential_is_the_outcome_unless_it_is_caught() {
    let sandbox = sandbox();
    let run = Run::file("step.js", "export default () => credential('NONE')");
    let (kind, phase, message) = failure(&sandbox, run).await;
    assert_eq!((kind, phase), (OutcomeKind::MissingCredential, Phase::Run));
    assert!(message.contains("NONE"), "{message}");
    let caught = "try { credential('NONE') } catch (error) { return [error.code, error.key] }";
    let output = output(&sandbox, Run::file("step.js", caught)).await;
    assert_eq!(output, r#"["missing_credential","NONE"]"#);
}

#[tokio::test]
async fn runs_share_no_state() {
    let sandbox = sandbox();
    let source = "let n = 0; Array.prototype.seen ??= 0;
        export default () => [++n, ++Array.prototype.seen, (globalThis.left ??= []).push(1)]";
    for _ in 0..3 {
        let run = Run::file("step.js", source);
        assert_eq!(output(&sandbox, run).await, "[1,1,1]");
    }
}

#[tokio::test]
async fn a_step_that_writes_all_over_its_memory_gets_bridges_and_each_run_still_starts_anew() {
    let sandbox = sandbox();
    let broad = "const parts = Array.from({ length: 64 }, () => new Uint8Array(8_000).fill(1));
        export default () => {
            for (const part of parts) part[0] += 1;
            return parts.reduce((sum, part) => sum + part[0], 0) + (globalThis.left ??= []).push(1);
        }";
    let narrow = "export default () => (globalThis.left ??= []).push(1)";
    for (source, expected, is_bridged) in [(broad, "129", true), (narrow, "1", false)] {
        // The second run is looked at, and the fourth.
        for _ in 0..6 {
            assert_eq!(
                output(&sandbox, Run::file("step.js", source)).await,
                expected
            );
        }
        let artifact = crate::prepare(&StepFile::named("step.js", source.into())).unwrap();
        let loaded = sandbox.load("test", artifact.digest, async {
            unreachable!("it is loaded")
        });
        let loaded = loaded.await.unwrap();
        let LoadedCode::Script(script) = &loaded.code else {
            panic!("a script is loaded as one");
        };
        // Where the kernel does not tell which pages were written to, no step has any.
        if let Some(pages) = script.bridges().pages() {
            assert_eq!(pages > 0, is_bridged, "{pages} pages");
        }
    }
}

#[tokio::test]
async fn what_a_run_does_to_things_of_its_snapshot_is_seen_by_it_and_its_garbage_is_collected() {
    // References to things of the snapshot are not counted. Shapes with one owner are changed in place, text is appended to in
    // place, and garbage is found by counting.
    let source = "
        const shared = { list: [], nested: { a: 1, b: 2, c: 3 }, text: 'abc'.repeat(2) };
        delete shared.nested.a;
        const byName = new Map([['shared', shared]]);
        const weak = new WeakRef(shared);
        const kept = new FinalizationRegistry(() => { throw new Error('it is still used') });
        kept.register(shared, 1);
        class Node { constructor(value) { this.value = value; this.shared = shared; } }
        Object.freeze(Node);
        function* numbers() { for (let n = 0; ; n++) yield n; }
        const number = numbers();
        number.next();
        const first = new Node(0);
        first.self = first;
        export default async () => {
            const { nested } = shared;
            nested.d = 4; nested.a = 5; delete nested.b; nested.e = 6;
            first.late = 1; delete first.self; first.later = 2;
            Node.prototype.twice = function () { return 2 * this.value };
            shared.text += 'd'; const before = shared.text; shared.text += 'e';
            Object.defineProperty(Array.prototype, 'last', { get() { return this[this.length - 1] }, configurable: true });
            for (let i = 0; i < 200_000; i++) {
                const [one, other] = [new Node(i), new Node(i)];
                one.other = other; other.other = one;
                if (i % 1_000 === 0) { shared.list.push(one.twice()); byName.set(`n${i % 7_000}`, other); await null; }
            }
            globalThis.extra = Object.keys(globalThis).length >= 0;
            return [Object.keys(nested), Object.keys(first), before, shared.text, shared.list.last, byName.size,
                weak.deref() === shared, number.next().value, byName.get('shared').list.length, extra];
        }";
    let mut run = Run::file("step.js", source);
    // The garbage alone has several times as much.
    run.limits.memory_bytes = 16 << 20;
    assert_eq!(
        output(&sandbox(), run).await,
        r#"[["c","d","a","e"],["value","shared","late","later"],"abcabcd","abcabcde",398000,8,true,1,200,true]"#
    );
}

#[tokio::test]
async fn what_is_impure_at_the_top_level_happens_in_each_run() {
    let sandbox = sandbox();
    let source =
        "console.log('top'); const key = credential('KEY'); export default () => key.length";
    for value in ["canary-value-1", "canary-value-22"] {
        let mut run = Run::file("step.js", source);
        run.held.0.insert("KEY", value);
        let (ended, log) = run.end_in(&sandbox).await;
        assert_eq!(
            ended.outcome.unwrap().output().unwrap().as_str(),
            value.len().to_string()
        );
        assert_eq!(log, "top\n");
    }
}

#[tokio::test]
async fn a_top_level_that_throws_or_never_ends_fails_the_run_and_not_the_host() {
    let sandbox = sandbox();
    let run = Run::file(
        "step.js",
        "throw new TypeError('at the top'); export default () => 1",
    );
    let (kind, _, message) = failure(&sandbox, run).await;
    assert_eq!(kind, OutcomeKind::StepFailed);
    assert!(message.contains("TypeError: at the top"), "{message}");

    let mut run = Run::file("step.js", "for (;;); export default () => 1");
    run.limits.timeout = std::time::Duration::from_millis(50);
    let (kind, ..) = failure(&sandbox, run).await;
    assert_eq!(kind, OutcomeKind::Timeout);

    let hungry = "const all = []; for (;;) all.push(new Uint8Array(1e6)); export default () => 1";
    let (kind, ..) = failure(&sandbox, Run::file("step.js", hungry)).await;
    assert_eq!(kind, OutcomeKind::MemoryExceeded);
}

/// Runs a plain script with the credential `KEY`.
async fn signed(sandbox: &Sandbox, key: &'static str, source: &str) -> String {
    let mut run = Run::file("step.js", source);
    run.held.0.insert("KEY", key);
    output(sandbox, run).await
}

#[tokio::test]
async fn a_script_signs_and_verifies_by_ctx_and_by_import() {
    let sandbox = sandbox();
    let code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let source = "const data = new TextEncoder().encode('what do ya want for nothing?');
        const code = ctx.sign.hmac('KEY', data);
        const padded = new Uint8Array([1, ...data, 2]).subarray(1, -1);
        return [code, ctx.verify.hmac('KEY', padded, `sha256=${code}`), ctx.verify.hmac('KEY', 'other', code),
            ctx.sign.hmac('KEY', data.buffer, { hash: 'SHA-512', encoding: 'base64' }).length]";
    assert_eq!(
        signed(&sandbox, "Jefe", source).await,
        format!(r#"["{code}",true,false,88]"#)
    );
    let source = "import { sign, verify } from '@lockstep/step';
        export default (input, ctx) => [sign === ctx.sign, verify === ctx.verify,
            sign.jwt('KEY', { sub: 'ada' }, { header: { kid: 'k1' } }).split('.').slice(0, 2).map((part) => atob(part))]";
    assert_eq!(
        signed(&sandbox, "secret", source).await,
        r#"[true,true,["{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}","{\"sub\":\"ada\"}"]]"#
    );
}

#[tokio::test]
async fn a_script_signs_for_aws_and_by_basic_and_verifies_webhooks() {
    let sandbox = sandbox();
    let aws = "const request = { url: 'https://examplebucket.s3.amazonaws.com/test.txt', headers: new Headers({ Range: 'bytes=0-9' }) };
        const options = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', region: 'us-east-1', service: 's3', date: new Date('2013-05-24T00:00:00Z') };
        const headers = ctx.sign.awsV4('KEY', request, options);
        const url = ctx.sign.awsV4Url('KEY', { url: request.url }, { ...options, expires: 86400 });
        return [Object.keys(headers), headers.authorization.slice(-64), url.slice(-64)]";
    assert_eq!(
        signed(&sandbox, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", aws).await,
        r#"[["x-amz-date","x-amz-content-sha256","authorization"],"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41","aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"]"#
    );
    let webhooks = "const now = Math.floor(Date.now() / 1000);
        const slack = (time) => ctx.verify.slack('KEY', '{}', { 'X-Slack-Request-Timestamp': time, 'x-slack-signature': `v0=${ctx.sign.hmac('KEY', `v0:${time}:{}`)}` });
        const stripe = (body) => ctx.verify.stripe('KEY', body, { 'Stripe-Signature': `t=${now},v1=${ctx.sign.hmac('KEY', `${now}.{}`)}` });
        return [ctx.verify.github('KEY', 'Hello, World!', { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' }),
            slack(now), slack(now - 301), stripe('{}'), stripe('[]'), atob(ctx.sign.basic('ada', 'KEY').slice(6)).length]";
    assert_eq!(
        signed(&sandbox, "It's a Secret to Everybody", webhooks).await,
        "[true,true,false,true,false,30]"
    );
}

#[tokio::test]
async fn a_script_that_cannot_sign_is_told_why() {
    let sandbox = sandbox();
    let caught = |call: &str| {
        format!("try {{ {call} }} catch (error) {{ return [error.name, error.code, error.key] }}")
    };
    let cases = [
        (
            "ctx.sign.jwt('KEY', {}, { algorithm: 'ES256' })",
            r#"["SigningError","invalid_key","KEY"]"#,
        ),
        (
            "ctx.sign.jwt('KEY', {}, { header: { alg: 'none' } })",
            r#"["SigningError","invalid_argument","KEY"]"#,
        ),
        (
            "ctx.sign.hmac('KEY', new Uint8Array(8 * 2 ** 20 + 1))",
            r#"["SigningError","too_large","KEY"]"#,
        ),
        (
            "ctx.sign.hmac('NONE', '')",
            r#"["MissingCredentialError","missing_credential","NONE"]"#,
        ),
        (
            "ctx.sign.awsV4('KEY', { url: 'https://a.test' }, { accessKeyId: 'A', sessionToken: 'NONE', region: 'r', service: 's' })",
            r#"["MissingCredentialError","missing_credential","NONE"]"#,
        ),
        (
            "ctx.sign.hmac('KEY', '', { hash: 'MD5' })",
            r#"["TypeError",null,null]"#,
        ),
        (
            "ctx.sign.jwt('KEY', { a: 'x'.repeat(2 ** 22) })",
            r#"["SigningError","too_large",""]"#,
        ),
        (
            "ctx.sign.jwt('KEY', { a: 'x'.repeat(2 ** 16) })",
            r#"["SigningError","too_large","KEY"]"#,
        ),
        ("ctx.sign.hmac('KEY', 1)", r#"["TypeError",null,null]"#),
        ("ctx.sign.hmac(1, '')", r#"["TypeError",null,null]"#),
        ("ctx.sign.jwt('KEY', [])", r#"["TypeError",null,null]"#),
    ];
    for (call, expected) in cases {
        let told = signed(&sandbox, "canary-value-1", &caught(call)).await;
        assert_eq!(told, expected, "{call}");
    }
    let run = Run::file("step.js", "return ctx.sign.hmac('NONE', '')");
    let (kind, ..) = failure(&sandbox, run).await;
    assert_eq!(kind, OutcomeKind::MissingCredential);
}

#[tokio::test]
async fn a_top_level_that_signs_is_impure_and_signs_in_each_run() {
    let sandbox = sandbox();
    let source = "import { sign } from '@lockstep/step';
        const code = sign.hmac('KEY', 'data'); export default () => code";
    let first = signed(&sandbox, "canary-value-1", source).await;
    let second = signed(&sandbox, "canary-value-2", source).await;
    assert_ne!(first, second);
    assert_eq!(first, signed(&sandbox, "canary-value-1", source).await);
}
