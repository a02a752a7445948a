//! What the masker promises, each with the way in which other maskers broke it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lockstep_secret::{Masker, MaskerConfig, RegisterError, Registered, Secret};
use proptest::prelude::*;

const VALUE: &str = "Marmot-Quill-7731";

fn masker(values: &[&str]) -> Masker {
    let masker = Masker::new(MaskerConfig::default());
    for value in values {
        masker.register(&secret(value)).unwrap();
    }
    masker
}

fn secret(value: &str) -> Secret {
    Secret::new(value.to_owned())
}

fn check(values: &[&str], text: &str, expected: &str) {
    let masker = masker(values);
    assert_eq!(masker.mask(text).as_str(), expected, "whole: {text}");
    let mut stream = masker.stream();
    let mut masked: Vec<u8> = text
        .bytes()
        .flat_map(|byte| stream.write(&[byte]).into_inner())
        .collect();
    masked.extend(stream.finish().into_inner());
    assert_eq!(
        String::from_utf8_lossy(&masked),
        expected,
        "by bytes: {text}"
    );
}

/// What is emitted after each write.
fn emitted(masker: &Masker, writes: &[&str]) -> Vec<String> {
    let mut stream = masker.stream();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let mut emitted: Vec<_> = writes
        .iter()
        .map(|write| text(stream.write(write.as_bytes()).into_inner()))
        .collect();
    emitted.push(text(stream.finish().into_inner()));
    emitted
}

#[test]
fn the_union_of_overlapping_values_is_one_token() {
    check(
        &["abcdX", "Xlong-tail-of-it"],
        "abcdXlong-tail-of-it!",
        "***!",
    );
    check(&["abab"], "ababab.", "***.");
    check(
        &["first-value", "second-value"],
        "first-valuesecond-value",
        "***",
    );
    check(
        &["first-value", "second-value"],
        "first-value second-value",
        "*** ***",
    );
}

#[test]
fn a_restart_after_a_failed_match_loses_nothing() {
    check(&["aabaaab"], "aabaabaaab.", "aab***.");
}

#[test]
fn usual_spellings_are_masked() {
    for text in [
        "Marmot-Quill-7731",
        "TWFybW90LVF1aWxsLTc3MzE=",
        "4d61726d6f742d5175696c6c2d37373331",
        "4D61726D6F742D5175696C6C2D37373331",
        "Marmot%2DQuill%2d7731",
        "Marmot%252DQuill%252D7731",
        "Marmot\\u002dQuill\\x2d7731",
        "Marmot\\\\u002dQuill-7731",
        "&#77;armot&#x2D;Quill-7731",
        "Marmot-Qu\x1b[31mill-7731",
        "Marmot-Quill-\n  7731",
        "Marmot'-'Quill-7731",
    ] {
        check(&[VALUE], &format!("<{text}>"), "<***>");
    }
}

#[test]
fn base64_at_any_offset_keeps_only_characters_that_it_shares() {
    check(&[VALUE], "TWFybW90LVF1aWxsLTc3MzE.", "***E.");
    check(&[VALUE], "VFdGeWJXOTBMVkYxYVd4c0xUYzNNekU9", "***kU9");
    // `user:value` and a line end around it, as in Basic authorization and `echo value | base64`.
    check(
        &[VALUE],
        "dXNlcjpNYXJtb3QtUXVpbGwtNzczMQo=",
        "dXNlcjp***Qo=",
    );
}

#[test]
fn what_is_near_a_value_is_not_masked() {
    for text in [
        "Marmot- Quill-7731",
        "marmot-quill-7731",
        "Marmot-Quill-773",
        "armot-Quill-7731",
        "50% of %zz &am",
    ] {
        check(&[VALUE], text, text);
    }
}

#[test]
fn bytes_that_are_no_text_pass() {
    let bytes = b"\xff\xfe\0 \x1b[31mred\x1b[0m \r\xc3";
    assert_eq!(masker(&[VALUE]).mask_bytes(bytes).as_bytes(), bytes);
}

#[test]
fn a_value_is_registered_trimmed_once_and_only_if_it_is_long_enough() {
    let masker = Masker::new(MaskerConfig::default());
    for (value, expected) in [
        ("abc", Registered::TooShort),
        (" ab \n", Registered::TooShort),
        (" \n", Registered::Blank),
        ("abcd", Registered::Masked),
        (" abcd\n", Registered::Masked),
    ] {
        assert_eq!(
            masker.register(&secret(value)).unwrap(),
            expected,
            "{value:?}"
        );
        assert_eq!(Masker::classify(&secret(value)), expected, "{value:?}");
    }
    assert_eq!(masker.mask("abc abcd").as_str(), "abc ***");
    // Four bytes are masked raw, and not in base64: there they would hit too much.
    assert_eq!(masker.mask("YWJjZA==").as_str(), "YWJjZA==");
}

#[test]
fn a_value_over_the_limit_is_an_error_that_does_not_repeat_it() {
    let masker = Masker::new(MaskerConfig::default());
    assert!(masker.register(&secret(&"v".repeat(1 << 20))).is_ok());
    let error = masker
        .register(&secret(&"v".repeat((1 << 20) + 1)))
        .unwrap_err();
    assert!(matches!(error, RegisterError::ValueTooLong { .. }));
    assert!(!error.to_string().contains("vvv"));
}

#[test]
fn each_line_of_a_value_is_masked_but_not_its_armor() {
    let value = "-----BEGIN KEY-----\nfirst-line-of-it\n{\nsecond-line-of-it\n-----END KEY-----";
    check(
        &[value],
        "x first-line-of-it y second-line-of-it",
        "x *** y ***",
    );
    check(&[value], "-----BEGIN KEY----- {", "-----BEGIN KEY----- {");
}

#[test]
fn lines_that_join_to_less_than_four_bytes_are_no_form() {
    check(&["a\r\tb"], "a\tb a\r\tb 123", "a\tb *** 123");
    check(&["a\n\nbc"], "abc a\r\n\r\nbc", "abc ***");
}

#[test]
fn parts_that_are_secrets_of_their_own_are_masked() {
    check(
        &[r#"{"user":"somebody","password":"pass-of-somebody"}"#],
        "somebody pass-of-somebody",
        "somebody ***",
    );
    check(
        &["postgres://me:p%40ssw0rd-x@db/app"],
        "p@ssw0rd-x p%40ssw0rd-x",
        "*** ***",
    );
}

#[test]
fn text_that_cannot_be_a_value_is_emitted_at_once() {
    let masker = masker(&[VALUE]);
    assert_eq!(
        emitted(&masker, &["Password: ", "....", "Mar", "tin\n"]),
        ["Password: ", "....", "", "Martin\n", ""]
    );
}

#[test]
fn an_unfinished_escape_is_a_weak_hold_and_an_open_match_is_not() {
    let masker = masker(&[VALUE]);
    let mut stream = masker.stream();
    assert_eq!(stream.write(b"50%").as_bytes(), b"50");
    assert!(stream.has_weak_hold());
    assert_eq!(stream.release_weak().as_bytes(), b"%");
    assert!(!stream.has_weak_hold());
    assert_eq!(stream.write(b"Marmot-Qu").as_bytes(), b"");
    assert!(!stream.has_weak_hold());
    assert_eq!(stream.release_weak().as_bytes(), b"");
    assert_eq!(stream.finish().as_bytes(), b"Marmot-Qu");
}

#[test]
fn a_value_registered_during_the_stream_is_masked_from_then_on() {
    let masker = masker(&[]);
    let mut stream = masker.stream();
    assert_eq!(stream.write(b"before ").as_bytes(), b"before ");
    masker.register(&secret(VALUE)).unwrap();
    assert_eq!(
        stream.write(b"Marmot-Quill-7731 Marmot").as_bytes(),
        b"*** "
    );
    // The open match survives the next registration.
    masker.register(&secret("another-value")).unwrap();
    assert_eq!(
        stream.write(b"-Quill-7731 another-value").as_bytes(),
        b"*** ***"
    );
    assert_eq!(stream.finish().as_bytes(), b"");
}

#[test]
fn an_open_match_that_drops_too_much_is_redacted_and_not_held_for_ever() {
    let masker = masker(&[VALUE]);
    for (inside, cap) in [("\n", 64 * 1024), ("\"", 64 * 1024)] {
        let mut stream = masker.stream();
        let mut masked = stream.write(b"x Marmot-Qu").into_inner();
        assert_eq!(masked, b"x ");
        for _ in 0..cap + 1 {
            masked.extend(stream.write(inside.as_bytes()).into_inner());
        }
        masked.extend(stream.write(b"ill-7731 y").into_inner());
        masked.extend(stream.finish().into_inner());
        assert_eq!(String::from_utf8_lossy(&masked), "x ***ill-7731 y");
        let text = format!("x Marmot-Qu{}ill-7731 y", inside.repeat(cap + 1));
        assert_eq!(masker.mask(&text).as_str(), "x ***ill-7731 y");
        let text = format!("x Marmot-Qu{}ill-7731 y", inside.repeat(cap));
        assert_eq!(masker.mask(&text).as_str(), "x *** y");
    }
}

#[test]
fn long_near_misses_and_long_gaps_pass_byte_for_byte() {
    let masker = masker(&[&format!("{}b", "a".repeat(20_000))]);
    for text in [
        format!("{}c", "a".repeat(15_000)).repeat(5),
        format!("x{}\\e[m", "\x1b[\\".repeat(3_000)).repeat(2),
        "\\e[m".repeat(5_000),
        format!("x{}y", " ".repeat(20_000)),
    ] {
        assert_eq!(masker.mask(&text).as_str(), text);
    }
}

#[test]
fn quotes_in_a_row_within_a_value_are_dropped_wherever_they_stand_in_a_long_text() {
    let masker = masker(&["Marmot-Quill-7731"]);
    for count in [1, 2, 3, 63, 64, 65, 200] {
        let quotes: String = "'\"\\`^$".chars().cycle().take(count).collect();
        for before in 0..70 {
            let before = ". ".repeat(600) + &".".repeat(before);
            let behind = " and\"so\\on ".repeat(120);
            let text = format!("{before}Mar{quotes}mot-Quill-7731{behind}");
            let masked = masker.mask_bytes(text.as_bytes()).into_inner();
            let expected = format!("{before}***{behind}");
            assert_eq!(String::from_utf8_lossy(&masked), expected, "{count} quotes");
        }
    }
}

#[test]
fn masked_json_is_json() {
    let masker = masker(&[VALUE, "12345678", "a\",\"b\",\"c"]);
    for (json, expected) in [
        (r#"{"k":"x Marmot-Quill-7731"}"#, r#"{"k":"x ***"}"#),
        (r#"{"Marmot-Quill-7731": 1.50}"#, r#"{"***": 1.50}"#),
        (
            r#"[12345678, 1.0e5, 123456789012345678901234567890]"#,
            r#"["***", 1.0e5, "***"]"#,
        ),
        (r#"["Marmot\u002dQuill-7731"]"#, r#"["***"]"#),
        (r#"["a","b","c"]"#, r#"["***"]"#),
        (r#"["x","a","b","c!"]"#, r#"["x","***!"]"#),
        (r#"[ null, true ]"#, r#"[ null, true ]"#),
        // Half of a surrogate pair is JSON. Where nothing is masked it stays.
        (
            r#"["half \ud800", "\udc00"]"#,
            r#"["half \ud800", "\udc00"]"#,
        ),
        (r#"["\ud800Marmot-Quill-7731"]"#, r#"["\ud800***"]"#),
    ] {
        assert_eq!(masker.mask_json(json).as_str(), expected, "{json}");
    }
}

#[test]
fn what_stands_for_a_value_in_json_is_not_matched_again() {
    let masker = masker(&["SECRET-AAA", "x***y-is-one"]);
    for (json, expected) in [
        (r#"["xSECRET-AAAy-is-one"]"#, r#"["x***y-is-one"]"#),
        (r#"["xSECRET\u002dAAAy-is-one"]"#, r#"["x***y-is-one"]"#),
        (r#"["x***y-is-one"]"#, r#"["***"]"#),
    ] {
        assert_eq!(masker.mask_json(json).as_str(), expected, "{json}");
    }
}

#[test]
fn tokens_are_masked_by_their_shape_and_prefixes_alone_are_not() {
    let token = format!("ghp_{}", "aB3".repeat(12));
    check(&[], &format!("{token} x"), "*** x");
    check(&[], "ghp_ and ghp_short", "ghp_ and ghp_short");
    let off = Masker::new(MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    });
    assert_eq!(off.mask(&token).as_str(), token);
}

/// Text with parts of values, of escapes and of tokens in it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("Marmot-Quill-7731".to_owned()),
        Just("Marmot-Qu".to_owned()),
        Just("TWFybW90LVF1aWxsLTc3MzE=".to_owned()),
        Just("%4d%61rmot".to_owned()),
        Just("\\u004darmot-Quill-7731".to_owned()),
        Just(format!("ghp_{}", "aB3".repeat(12))),
        Just("ghp_aB3aB3".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".to_owned()),
        Just("-----END PRIVATE KEY-----\n".to_owned()),
        Just("xoxb-1234567890-ab".to_owned()),
        Just("two lines\\nof a value".to_owned()),
        Just("two lines\r\n  of a value".to_owned()),
        Just("with 'quotes' &amp; \\\"more\\\"".to_owned()),
        Just("with quotes & more".to_owned()),
        Just("with+%27quotes%27+%26+%22more%22".to_owned()),
        "[ -~\\n\\r\\t\\x1b]{0,20}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Log lines of several kinds, some of them longer than what the masker looks at in one go.
fn filler() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just(
            "2026-11-24T01:02:03Z INFO request served in 12 ms path=/v1/runs status=200\n"
                .to_owned()
        ),
        Just(
            r#"{"level":"info","msg":"it said \"hello\"\n","path":"C:\\temp\\x","n":12}"#
                .to_owned()
                + "\n"
        ),
        Just("GET /a%20b/c%2Fd?q=1%262&r=a+b HTTP/1.1\r\n".to_owned()),
        Just("\x1b[32mok\x1b[0m &lt;b&gt; &amp; 'quoted' \"text\" $HOME `x`\n".to_owned()),
        Just("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=".to_owned()),
        "[ -~]{0,40}",
    ];
    (prop::collection::vec(line, 1..6), 1..40_usize)
        .prop_map(|(lines, times)| lines.concat().repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_same_bytes(text in text(), cuts in prop::collection::vec(1_usize..20, 1..40)) {
        let masker = masker(&[VALUE]);
        let whole = masker.mask_bytes(text.as_bytes()).into_inner();
        let (mut stream, mut masked, mut rest) = (masker.stream(), Vec::new(), text.as_bytes());
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            masked.extend(stream.write(piece).into_inner());
            rest = after;
        }
        masked.extend(stream.finish().into_inner());
        prop_assert_eq!(masked.escape_ascii().to_string(), whole.escape_ascii().to_string());
    }

    #[test]
    fn text_without_values_passes_byte_for_byte(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let masked = masker(&["a value that random bytes do not hold"]).mask_bytes(&bytes);
        prop_assert_eq!(masked.as_bytes(), &bytes[..]);
    }
}

proptest! {
    // Each is some 100 KiB.
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_long_text_gives_the_same_bytes_whole_and_byte_by_byte(
        texts in prop::collection::vec(text(), 1..8),
        fillers in prop::collection::vec(filler(), 1..8),
    ) {
        let masker = masker(&[VALUE, "two lines\nof a value", "with 'quotes' & \"more\"", "short"]);
        let long: String = texts.iter().zip(fillers.iter().cycle()).map(|(text, filler)| filler.clone() + text).collect();
        let whole = masker.mask_bytes(long.as_bytes()).into_inner();
        let mut stream = masker.stream();
        let mut masked: Vec<u8> = long.bytes().flat_map(|byte| stream.write(&[byte]).into_inner()).collect();
        masked.extend(stream.finish().into_inner());
        prop_assert_eq!(masked.escape_ascii().to_string(), whole.escape_ascii().to_string());
    }
}
