//! How much is held back: never without bound, and what exceeds the bound is redacted, not released (M8).

use lockstep_secret::{Masker, MaskerConfig, Secret};

use super::cuts::Cut;

const VALUE: &str = "Marmot-Quill-7731";

fn mask(input: &[u8], cut: Cut) -> Vec<u8> {
    let mut stream = masker().stream();
    let mut out = Vec::new();
    for piece in cut.pieces(input) {
        out.extend(stream.write(piece).into_inner());
    }
    out.extend(stream.finish().into_inner());
    out
}

fn masker() -> Masker {
    let masker = Masker::new(MaskerConfig::default());
    masker.register(&Secret::new(VALUE.to_owned())).unwrap();
    masker
}

#[test]
fn a_begin_that_is_stretched_beyond_the_cap_is_redacted() {
    for dropped in ["\n", "'"] {
        let input = format!("a Marmot-Q{} behind it", dropped.repeat(100_000));
        let whole = mask(input.as_bytes(), Cut::Whole);
        let text = String::from_utf8(whole.clone()).unwrap();
        assert!(text.starts_with("a ***"), "{}", &text[..20]);
        assert!(text.ends_with(" behind it"));
        assert!(!text.contains("Marmot"));
        for seed in 1..4 {
            let cut = Cut::RandomLong(seed);
            assert!(mask(input.as_bytes(), cut) == whole, "{dropped:?}, {cut:?}");
        }
    }
}

#[test]
fn a_begin_that_is_stretched_less_is_released() {
    for dropped in ["\n", "'"] {
        let input = format!("a Marmot-Q{} behind it", dropped.repeat(60_000));
        assert!(
            mask(input.as_bytes(), Cut::Whole) == input.as_bytes(),
            "{dropped:?}"
        );
    }
}

#[test]
fn nothing_is_held_without_bound() {
    const BYTES: usize = 300_000;
    for (begun, goes_on) in [
        ("Marmot-Q", "\n"),
        ("Marmot-Q", "'"),
        ("Marmot-Q", "\\n"),
        ("Marmot-Q", "\x1b[0m"),
        ("Marmot-Q\x1b]0;", "a"),
        ("Marmot-Q\x1b[", "1;"),
        ("Marmot-Q\\u{", "0"),
        ("Marmot-Q&#", "0"),
        ("Marmot-Q&#x", "0"),
        ("Marmot&", "amp;"),
        ("Marmot%", "25"),
        ("Marmot", "\\"),
        ("", "Marmot-Quill-773"),
        ("-----BEGIN ", "A"),
        ("-----BEGIN PRIVATE KEY-----\n", "\n"),
        ("-----BEGIN PRIVATE KEY-----\n", "A"),
        ("eyJhbGciOi", "A"),
        ("ghp_", "A"),
        ("sk-", "a"),
    ] {
        let masker = masker();
        let mut stream = masker.stream();
        let (begun, rest) = (begun.as_bytes(), goes_on.repeat(BYTES / goes_on.len()));
        let mut shown = stream.write(begun).as_bytes().len();
        for piece in rest.as_bytes().chunks(1_000) {
            shown += stream.write(piece).as_bytes().len();
        }
        assert!(
            shown > 0,
            "{BYTES} bytes are held: {} {goes_on:?}",
            begun.escape_ascii()
        );
    }
}
