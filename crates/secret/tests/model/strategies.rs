//! What proptest makes pieces and values of.

use proptest::prelude::*;

use super::spell::{KINDS, PLAIN_KINDS, Piece, VALUES};

pub(crate) fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (0..KINDS, 0..8_usize, any::<u64>()).prop_map(|(kind, value, seed)| Piece {
        kind,
        value,
        seed,
    });
    prop::collection::vec(piece, 1..8)
}

/// Long enough that most of the input is skimmed.
pub(crate) fn long_pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (0..KINDS + PLAIN_KINDS, 0..8_usize, any::<u64>())
        .prop_map(|(kind, value, seed)| Piece { kind, value, seed });
    prop::collection::vec(piece, 1..40)
}

pub(crate) fn values() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(VALUES.to_vec()), 1..4)
}
