//! The ways in which an input is cut into writes.

use lockstep_e2e::Random;

/// Every cut in two is tried for inputs up to here; it takes as many runs as the input has bytes.
const CUT_EVERYWHERE_BYTES: usize = 160;
/// A longer input is cut into longer pieces: it takes too long byte by byte.
const BY_BYTES_UP_TO: usize = 32 * 1024;
/// An input of a megabyte is cut once.
const OFTEN_UP_TO: usize = 512 * 1024;
const RANDOM_CUTS: u64 = 6;

/// How an input is cut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    Whole,
    /// Each byte is a write.
    Bytes,
    /// Two writes.
    At(usize),
    /// Pieces of 1 to 24 bytes, drawn with this seed.
    Random(u64),
    /// Pieces of 1 to 6,000 bytes, drawn with this seed.
    RandomLong(u64),
}

impl Cut {
    /// Those that an input of this length is tried with.
    pub(super) fn all(length: usize) -> Vec<Self> {
        let mut cuts = vec![Self::Whole];
        if length <= BY_BYTES_UP_TO {
            cuts.push(Self::Bytes);
            cuts.extend((1..=RANDOM_CUTS).map(Self::Random));
        }
        match length {
            ..=CUT_EVERYWHERE_BYTES => cuts.extend((1..length).map(Self::At)),
            length if length <= OFTEN_UP_TO => cuts.extend((1..=RANDOM_CUTS).map(Self::RandomLong)),
            _ => cuts.push(Self::RandomLong(1)),
        }
        cuts
    }

    pub(super) fn pieces(self, input: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![input],
            Self::Bytes => input.chunks(1).collect(),
            Self::At(at) => {
                let (front, back) = input.split_at(at.min(input.len()));
                vec![front, back]
            }
            Self::Random(seed) => random_pieces(input, seed, 24),
            Self::RandomLong(seed) => random_pieces(input, seed, 6_000),
        }
    }
}

fn random_pieces(mut input: &[u8], seed: u64, longest: usize) -> Vec<&[u8]> {
    let mut random = Random::new(seed);
    let mut pieces = Vec::new();
    while !input.is_empty() {
        let length = random.below(longest) + 1;
        let (piece, rest) = input.split_at(length.min(input.len()));
        pieces.push(piece);
        input = rest;
    }
    pieces
}

#[test]
fn each_cut_keeps_every_byte() {
    let input: Vec<u8> = (0..=255).collect();
    for cut in Cut::all(100).into_iter().chain(Cut::all(100_000)) {
        assert_eq!(cut.pieces(&input).concat(), input, "{cut:?}");
    }
}
