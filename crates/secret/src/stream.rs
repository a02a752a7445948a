//! One channel on its way out: bytes go in as they come, and come out as soon as they can be no part of a value.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::Masked;
use crate::emitted::Emitted;
use crate::masker::Shared;
use crate::patterns::Patterns;
use crate::scanner::Scanner;
use crate::skim::Skimmer;
use crate::wiped::Wiped;

/// What a stream says instead of going on unmasked.
const FAILED: &[u8] = b"\n[lockstep: masking failed, the rest of this output is dropped]\n";

/// How much of what was emitted is kept while something is held, to find values that are registered late. Text in which
/// something is open for longer than that is rare, and only a value registered in the midst of it is concerned.
const LONGEST_HISTORY_BYTES: usize = 64 * 1024;

/// A filter for one channel. What comes out does not depend on how the input is cut.
pub struct MaskStream {
    shared: Arc<Shared>,
    patterns: Arc<Patterns>,
    version: u64,
    skimmer: Skimmer,
    scanner: Scanner,
    /// The input from `base` on: what is held, and before it what led to the scanner's state.
    input: Wiped<u8>,
    base: u64,
    /// Everything before this offset was emitted or redacted.
    emitted: u64,
    /// Where the last redacted range ended. One that touches it is part of it.
    token_end: Option<u64>,
    has_failed: bool,
}

impl MaskStream {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (patterns, version) = shared.patterns();
        Self {
            shared,
            patterns,
            version,
            skimmer: Skimmer::default(),
            scanner: Scanner::new(0),
            input: Wiped::new(),
            base: 0,
            emitted: 0,
            token_end: None,
            has_failed: false,
        }
    }

    /// Takes `bytes`, and gives what may be emitted now.
    #[must_use]
    pub fn write(&mut self, bytes: &[u8]) -> Masked<Vec<u8>> {
        Masked::by_masker(self.take(bytes).into_owned())
    }

    /// The same without a copy where nothing is masked and nothing was held: what is borrowed is the start of `bytes`.
    #[must_use]
    pub fn write_through<'a>(&mut self, bytes: &'a [u8]) -> Masked<Cow<'a, [u8]>> {
        Masked::by_masker(self.take(bytes))
    }

    /// Whether something is held that [`MaskStream::release_weak`] would emit.
    ///
    /// The caller waits 200 ms for more input and then releases it, so that prompts appear.
    #[must_use]
    pub fn has_weak_hold(&self) -> bool {
        self.scanner.holds().strong > self.emitted
    }

    /// Gives what is held only because an escape is unfinished, or a short match across lines or quotes is open.
    #[must_use]
    pub fn release_weak(&mut self) -> Masked<Vec<u8>> {
        let released = self.guard(&[], |stream, out| {
            stream.adopt_new_values();
            let until = stream.scanner.holds().strong;
            stream.emit(until, out);
        });
        Masked::by_masker(released.into_owned())
    }

    /// The input has ended: gives the rest.
    #[must_use]
    pub fn finish(mut self) -> Masked<Vec<u8>> {
        let rest = self.guard(&[], |stream, out| {
            stream.adopt_new_values();
            stream.scanner.finish(&stream.patterns);
            stream.emit(stream.scanner.position(), out);
        });
        Masked::by_masker(rest.into_owned())
    }

    fn take<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.guard(bytes, |stream, out| {
            stream.adopt_new_values();
            stream.scan(bytes, out);
        })
    }

    /// Runs `step` with what was written. If it fails, says so once and drops everything from then on: never passes it on
    /// unmasked.
    fn guard<'a>(
        &mut self,
        written: &'a [u8],
        step: impl FnOnce(&mut Self, &mut Emitted<'a>),
    ) -> Cow<'a, [u8]> {
        let mut out = Emitted::new(written);
        if !self.has_failed {
            self.has_failed = catch_unwind(AssertUnwindSafe(|| step(self, &mut out))).is_err();
            if self.has_failed {
                // Not borrowed: that is what was written.
                return Cow::Owned(FAILED.to_vec());
            }
        }
        out.text()
    }

    fn scan(&mut self, bytes: &[u8], out: &mut Emitted<'_>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut at_least = 0;
            if self.scanner.is_quiet() {
                let skimmed = self.skimmer.skim(&self.patterns, rest);
                self.pass(&rest[..skimmed.clean], out);
                rest = &rest[skimmed.clean..];
                at_least = skimmed.search_to - skimmed.clean;
            }
            rest = self.search(rest, at_least);
            self.emit(self.scanner.holds().weak, out);
        }
    }

    /// Passes on what the scanner need not see.
    fn pass(&mut self, bytes: &[u8], out: &mut Emitted<'_>) {
        out.push(bytes);
        self.scanner.skip(bytes.len() as u64);
        self.emitted = self.scanner.position();
        self.base = self.emitted;
        self.input.clear();
    }

    /// Searches `at_least` so many bytes, and until nothing is open. Returns what was not looked at.
    fn search<'a>(&mut self, bytes: &'a [u8], at_least: usize) -> &'a [u8] {
        let mut length = 0;
        for &byte in bytes {
            if length >= at_least && length > 0 && self.scanner.is_quiet() {
                break;
            }
            self.scanner.push(byte, &self.patterns);
            length += 1;
        }
        let (searched, rest) = bytes.split_at(length);
        self.input.extend_from_slice(searched);
        rest
    }

    /// Emits or redacts everything before `until`. A range that crosses it goes on behind it.
    fn emit(&mut self, until: u64, out: &mut Emitted<'_>) {
        let mut at = self.emitted;
        for range in self.scanner.union().ranges() {
            let (start, end) = (range.start.max(at), range.end.min(until));
            if start >= end {
                continue;
            }
            out.push(&self.input[offset(at, self.base)..offset(start, self.base)]);
            if self.token_end != Some(start) {
                out.push(self.shared.config.replacement.as_bytes());
            }
            self.token_end = Some(end);
            at = end;
        }
        if until > at {
            out.push(&self.input[offset(at, self.base)..offset(until, self.base)]);
        }
        self.emitted = self.emitted.max(until);
        self.scanner.union().forget_before(self.emitted);
        self.forget_history();
    }

    fn forget_history(&mut self) {
        let history = offset(self.emitted, self.base);
        if history > LONGEST_HISTORY_BYTES {
            self.input.remove_front(history);
            self.base = self.emitted;
        }
    }

    /// Looks for values that were registered since, also in what is held.
    fn adopt_new_values(&mut self) {
        if self.version == self.shared.version() {
            return;
        }
        (self.patterns, self.version) = self.shared.patterns();
        let from = if self.scanner.is_quiet() {
            self.scanner.position()
        } else {
            self.base
        };
        let held = offset(from, self.base);
        self.scanner.restart(from);
        for &byte in &self.input[held..] {
            self.scanner.push(byte, &self.patterns);
        }
    }
}

/// Where in the kept input the byte at `position` of the stream is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is kept is in memory, so its length is a `usize`"
)]
fn offset(position: u64, base: u64) -> usize {
    (position - base) as usize
}

#[cfg(test)]
#[path = "../tests/model/spell.rs"]
pub(crate) mod spell;

#[cfg(test)]
#[expect(
    dead_code,
    reason = "the tests of the crate's outside use the rest of it"
)]
#[path = "../tests/model/strategies.rs"]
mod strategies;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::spell::{Random, write};
    use super::strategies::{long_pieces, values};
    use super::*;
    use crate::{Masker, MaskerConfig, Secret};

    /// What comes out if nothing is skimmed.
    fn mask_exactly(shared: &Arc<Shared>, input: &[u8]) -> Vec<u8> {
        let mut stream = MaskStream::new(Arc::clone(shared));
        let mut out = Emitted::new(&[]);
        let rest = stream.search(input, input.len());
        assert!(rest.is_empty());
        stream.scanner.finish(&stream.patterns);
        stream.emit(stream.scanner.position(), &mut out);
        out.text().into_owned()
    }

    fn check(input: &[u8], values: &[&str], token_shapes: bool, seed: u64) {
        let masker = Masker::new(MaskerConfig {
            token_shapes,
            ..MaskerConfig::default()
        });
        for value in values {
            masker.register(&Secret::new((*value).to_owned())).unwrap();
        }
        let expected = mask_exactly(masker.shared(), input)
            .escape_ascii()
            .to_string();
        let whole = masker
            .mask_bytes(input)
            .as_bytes()
            .escape_ascii()
            .to_string();
        assert_eq!(whole, expected, "{values:?} in {}", input.escape_ascii());
        let mut random = Random(seed);
        let (mut stream, mut masked, mut rest) = (masker.stream(), Vec::new(), input);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(random.below(300) + 1));
            masked.extend(stream.write(piece).into_inner());
            rest = after;
        }
        masked.extend(stream.finish().into_inner());
        assert_eq!(
            masked.escape_ascii().to_string(),
            expected,
            "{values:?} cut in {}",
            input.escape_ascii()
        );
    }

    #[test]
    fn a_failure_ends_the_stream_and_passes_nothing_on() {
        let masker = Masker::new(MaskerConfig::default());
        let mut stream = masker.stream();
        let failed = stream.guard(b"not masked", |_, out| {
            out.push(b"not masked");
            panic!("as an index out of bounds would");
        });
        assert!(matches!(&failed, Cow::Owned(said) if said == FAILED));
        assert!(stream.write(b"anything").is_empty());
        assert!(stream.release_weak().is_empty());
        assert!(stream.finish().is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn skimming_changes_nothing(
            pieces in long_pieces(), values in values(), token_shapes in any::<bool>(), seed in any::<u64>()
        ) {
            check(&write(&pieces, &values), &values, token_shapes, seed);
        }
    }
}
