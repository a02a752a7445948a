//! Values that are registered while a stream is open, against the reference model: they are masked in every byte that has
//! not been emitted by then.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "fuzzing asks the model for more")]
mod model;
#[expect(dead_code, reason = "long texts are for the tests inside of the crate")]
#[path = "model/strategies.rs"]
mod strategies;

use lockstep_secret::{MaskStream, Masker, MaskerConfig, Secret};
use model::spell::{self, Piece, VALUES, write};
use proptest::prelude::*;
use strategies::{pieces, values};

fn masker(values: &[&str]) -> Masker {
    let masker = Masker::new(MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    });
    register(&masker, values);
    masker
}

fn register(masker: &Masker, values: &[&str]) {
    for value in values {
        masker.register(&Secret::new((*value).to_owned())).unwrap();
    }
}

fn hidden(values: &[&str], input: &[u8]) -> Vec<bool> {
    model::hidden(&model::forms_of(values), input)
}

/// How many bytes of `input` a stream emits, if that can be seen: nothing of what it holds is redacted.
fn emitted(masker: &Masker, input: &[u8]) -> Option<usize> {
    let mut stream = masker.stream();
    drop(stream.write(input));
    let held = stream.finish().into_inner();
    (!held.contains(&b'*')).then_some(input.len() - held.len())
}

fn write_bytes(stream: &mut MaskStream, input: &[u8]) -> Vec<u8> {
    let pieces = input.chunks(7);
    pieces
        .flat_map(|piece| stream.write(piece).into_inner())
        .collect()
}

fn check(pieces: &[Piece], first: &[&str], later: &[&str], cut: usize) {
    let all = [first, later].concat();
    let input = write(pieces, &all);
    let (before, after) = input.split_at(cut % (input.len() + 1));
    let Some(emitted) = emitted(&masker(first), before) else {
        return;
    };
    let known = hidden(first, &input);
    let ever = hidden(&all, &input);
    let since = hidden(&all, &input[emitted..]);
    let expected: Vec<bool> = (0..input.len())
        .map(|at| known[at] || (at >= emitted && since[at - emitted]))
        .collect();
    // A value that stands on both sides was already shown in part.
    if ever[emitted..] != expected[emitted..] {
        return;
    }
    let masker = masker(first);
    let mut stream = masker.stream();
    let mut masked = stream.write(before).into_inner();
    register(&masker, later);
    masked.extend(write_bytes(&mut stream, after));
    masked.extend(stream.finish().into_inner());
    assert_eq!(
        masked.escape_ascii().to_string(),
        model::redact(&input, &expected).escape_ascii().to_string(),
        "{first:?} then {later:?} after {} in {}",
        before.len(),
        input.escape_ascii()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_late_value_is_masked_in_all_that_was_not_emitted(
        pieces in pieces(), first in prop::collection::vec(prop::sample::select(VALUES.to_vec()), 0..3),
        later in values(), cut in any::<usize>()
    ) {
        check(&pieces, &first, &later, cut);
    }
}
