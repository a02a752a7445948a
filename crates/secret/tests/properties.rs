//! The masker against the reference model, over random values, spellings and cuts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "fuzzing asks the model for more")]
mod model;
#[expect(dead_code, reason = "long texts are for the tests inside of the crate")]
#[path = "model/strategies.rs"]
mod strategies;

use lockstep_secret::{Masker, MaskerConfig, Secret};
use model::spell::{self, Piece, Random, write};
use proptest::prelude::*;
use strategies::{pieces, values};

fn masker(values: &[&str]) -> Masker {
    let masker = Masker::new(MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    });
    for value in values {
        masker.register(&Secret::new((*value).to_owned())).unwrap();
    }
    masker
}

fn mask_in_pieces<'a>(masker: &Masker, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = masker.stream();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(stream.write(piece).into_inner());
    }
    out.extend(stream.finish().into_inner());
    out
}

/// `input` cut at random places.
fn cut(input: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut random = Random(seed);
    let longest = [1, 3, 10, 100][random.below(4)];
    let mut rest = input;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(random.below(longest) + 1));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn check(pieces: &[Piece], values: &[&str], seed: u64) {
    let input = write(pieces, values);
    let expected = model::mask(values, &input);
    let masker = masker(values);
    let whole = masker.mask_bytes(&input).into_inner();
    assert_eq!(
        show(&whole),
        show(&expected),
        "whole: {values:?} in {}",
        show(&input)
    );
    let bytes = mask_in_pieces(&masker, input.chunks(1));
    assert_eq!(
        show(&bytes),
        show(&expected),
        "by bytes: {values:?} in {}",
        show(&input)
    );
    let random = mask_in_pieces(&masker, cut(&input, seed).into_iter());
    assert_eq!(
        show(&random),
        show(&expected),
        "cut with {seed}: {values:?} in {}",
        show(&input)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_masker_does_what_the_model_does_however_the_input_is_cut(
        pieces in pieces(), values in values(), seed in any::<u64>()
    ) {
        check(&pieces, &values, seed);
    }
}
