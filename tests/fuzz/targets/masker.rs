//! The masker against the model: the whole text, and the text in cuts, with releases of weak holds and values that are
//! registered late. A text that is long for the model is masked whole, in cuts, and byte by byte, where nothing is skimmed.

#![no_main]

mod explain;
#[expect(dead_code, reason = "what the model hides is looked at in parts")]
#[path = "../../../crates/secret/tests/model/mod.rs"]
mod model;
mod text;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

use lockstep_secret::{Masker, MaskerConfig, Secret};

use explain::is_explained;
use model::{Match, View, forms_of, matches, redact};
use text::Most;

fuzz_target!(|data: &[u8]| {
    if let Ok(plan) = Plan::read(&mut Unstructured::new(data)) {
        plan.check();
    }
});

/// The masker looks through long writes in another way than through short ones, from 1 KiB on.
const MOST: Most = Most {
    pieces: 12,
    bytes: 8000,
};
/// The model is slow: it looks for every form at every place of every view.
const MOST_FOR_MODEL_BYTES: usize = 1500;
const MOST_WRITES: u8 = 8;
const LONG_WRITE_TIMES: usize = 16;

/// What is masked, and how it comes.
#[derive(Debug)]
struct Plan {
    values: Vec<String>,
    /// So many values are registered before the first write.
    early: usize,
    text: Vec<u8>,
    /// Again and again, until the text ends.
    writes: Vec<Write>,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    length: usize,
    then: Then,
}

/// What happens after a write.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    ReleaseWeak,
    /// The next of the late values is registered.
    Register,
}

/// What came out of a stream, and where in the text something happened meanwhile.
struct Told {
    masked: Vec<u8>,
    /// For each value, from where on it was registered.
    known_from: Vec<usize>,
    released_at: Vec<usize>,
}

// === impl Plan ===

impl Plan {
    fn read(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let values = text::values(bytes)?;
        let early = bytes.int_in_range(0..=values.len())?;
        let count = bytes.int_in_range(1..=MOST_WRITES)?;
        let writes: Result<_> = (0..count).map(|_| Write::read(bytes)).collect();
        let names: Vec<&str> = values.iter().map(String::as_str).collect();
        let text = text::text(bytes, &names, MOST)?;
        Ok(Self {
            early,
            text,
            writes: writes?,
            values,
        })
    }

    fn check(&self) {
        if self.text.len() > MOST_FOR_MODEL_BYTES {
            self.check_cuts(false);
            self.check_cuts(true);
        } else {
            self.check_with_model();
        }
    }

    /// However the text is cut, what comes out is the same.
    fn check_cuts(&self, token_shapes: bool) {
        let masker = self.masker(token_shapes, self.values.len());
        let expected = self.by_bytes(&masker);
        self.same(
            &expected,
            masker.mask_bytes(&self.text).as_bytes(),
            "long, whole",
        );
        self.same(&expected, &self.in_writes(&masker), "long, in writes");
    }

    fn check_with_model(&self) {
        let found: Vec<Vec<Match>> = self
            .values
            .iter()
            .map(|value| matches(&forms_of(&[value]), &self.text))
            .collect();
        let mut hidden = vec![false; self.text.len()];
        for found in found.iter().flatten() {
            hidden[found.start..found.end].fill(true);
        }
        self.check_known_values(&hidden);
        self.check_shapes(&hidden);
        self.check_late_values(&found, &hidden);
    }

    /// All values are known from the start: what comes out is what the model says, however the text is cut.
    fn check_known_values(&self, hidden: &[bool]) {
        let masker = self.masker(false, self.values.len());
        let expected = redact(&self.text, hidden);
        self.same(&expected, masker.mask_bytes(&self.text).as_bytes(), "whole");
        self.same(&expected, &self.by_bytes(&masker), "by bytes");
        self.same(&expected, &self.in_writes(&masker), "in writes");
    }

    /// With token shapes at least the values are masked, and the cuts do not matter either.
    fn check_shapes(&self, hidden: &[bool]) {
        let masker = self.masker(true, self.values.len());
        let whole = masker.mask_bytes(&self.text).into_inner();
        let may = vec![true; self.text.len()];
        assert!(
            is_explained(&self.text, hidden, &may, &whole),
            "with shapes a value is left in {} of {self:?}",
            whole.escape_ascii()
        );
        self.same(&whole, &self.by_bytes(&masker), "shapes, by bytes");
        self.same(&whole, &self.in_writes(&masker), "shapes, in writes");
    }

    /// Values that become known within the text are masked from there on; a release gives up weak holds only.
    fn check_late_values(&self, found: &[Vec<Match>], may: &[bool]) {
        let told = self.as_planned();
        let mut must = vec![false; self.text.len()];
        for (found, known_from) in found.iter().zip(&told.known_from) {
            for found in found {
                let is_known = found.start >= *known_from;
                if is_known
                    && !told
                        .released_at
                        .iter()
                        .any(|at| may_be_given_up(found, *at))
                {
                    must[found.start..found.end].fill(true);
                }
            }
        }
        assert!(
            is_explained(&self.text, &must, may, &told.masked),
            "as planned: {}\n known from {:?}, released at {:?}, of {self:?}",
            told.masked.escape_ascii(),
            told.known_from,
            told.released_at
        );
    }

    fn masker(&self, token_shapes: bool, known: usize) -> Masker {
        let masker = Masker::new(MaskerConfig {
            token_shapes,
            ..MaskerConfig::default()
        });
        for value in &self.values[..known] {
            register(&masker, value);
        }
        masker
    }

    fn by_bytes(&self, masker: &Masker) -> Vec<u8> {
        mask_in_pieces(masker, self.text.chunks(1))
    }

    fn in_writes(&self, masker: &Masker) -> Vec<u8> {
        let mut rest = &self.text[..];
        let pieces = self.writes.iter().cycle().map_while(|write| {
            let (piece, after) = rest.split_at(rest.len().min(write.length));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        mask_in_pieces(masker, pieces)
    }

    fn as_planned(&self) -> Told {
        let masker = self.masker(false, self.early);
        let mut stream = masker.stream();
        let mut told = Told {
            masked: Vec::new(),
            known_from: vec![0; self.early],
            released_at: Vec::new(),
        };
        let mut at = 0;
        for write in self.writes.iter().cycle() {
            let end = self.text.len().min(at + write.length);
            told.masked
                .extend(stream.write(&self.text[at..end]).into_inner());
            at = end;
            match write.then {
                Then::Nothing => {}
                Then::ReleaseWeak => {
                    told.masked.extend(stream.release_weak().into_inner());
                    assert!(!stream.has_weak_hold(), "a weak hold is left in {self:?}");
                    told.released_at.push(at);
                }
                Then::Register => {
                    if let Some(value) = self.values.get(told.known_from.len()) {
                        register(&masker, value);
                        told.known_from.push(at);
                    }
                }
            }
            if at == self.text.len() {
                break;
            }
        }
        told.masked.extend(stream.finish().into_inner());
        told
    }

    #[track_caller]
    fn same(&self, expected: &[u8], masked: &[u8], how: &str) {
        assert!(
            expected == masked,
            "{how}:\n expected {}\n      got {}\n for {self:?}\n text {}",
            expected.escape_ascii(),
            masked.escape_ascii(),
            self.text.escape_ascii()
        );
    }
}

// === impl Write ===

impl Write {
    fn read(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let length = bytes.int_in_range(1..=u8::MAX)?;
        // Only a long write is looked through in vectors.
        let times = *bytes.choose(&[1, LONG_WRITE_TIMES])?;
        let length = usize::from(length) * times;
        let then = *bytes.choose(&[Then::Nothing, Then::ReleaseWeak, Then::Register])?;
        Ok(Self { length, then })
    }
}

/// A release may cut an escape that nothing stands before, and a match across lines or quotes.
fn may_be_given_up(found: &Match, released_at: usize) -> bool {
    let weak_until = match found.view {
        View::Squeezed | View::BackslashSqueezed | View::Unquoted => found.end,
        View::Raw
        | View::Percent
        | View::PercentTwice
        | View::Form
        | View::Backslash
        | View::BackslashTwice
        | View::BackslashThrice
        | View::Entity
        | View::EntityTwice => found.first_end,
    };
    (found.start + 1..weak_until).contains(&released_at)
}

fn register(masker: &Masker, value: &str) {
    let registered = masker.register(&Secret::new(value.to_owned()));
    assert!(registered.is_ok(), "{registered:?}");
}

fn mask_in_pieces<'a>(masker: &Masker, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = masker.stream();
    let mut masked = Vec::new();
    for piece in pieces {
        masked.extend(stream.write(piece).into_inner());
    }
    masked.extend(stream.finish().into_inner());
    masked
}
