//! What a value is sealed under besides its place: how it may be used, and until when.
//!
//! ```text
//! format 1   nothing: it is revealed
//! format 2   length (2) sealing
//! format 3   length (2) sealing, empty if it is revealed   end: 0, or 1 and microseconds since 1970 (8)
//! ```
//!
//! Values are sealed in format 3. The others are read as they were written: their end stands beside the record alone.

use jiff::Timestamp;
use lockstep_step::Handling;

use crate::handling::{BoundHandling, UnknownSealing};

const REVEALED_FORMAT: u8 = 1;
const SEALED_FORMAT: u8 = 2;
const WHOLE_FORMAT: u8 = 3;

const HAS_NO_END: u8 = 0;
const HAS_END: u8 = 1;

/// The terms of a record, with the bytes for them.
pub(crate) struct Terms {
    handling: BoundHandling,
    end: SealedEnd,
    /// Of an end that is said: one byte if there is none, all of them if there is.
    end_bytes: [u8; 9],
}

/// What a record says of the end of its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SealedEnd {
    /// Nothing: it is of a format that knows no ends.
    Unsaid,
    /// That it has this end, or none.
    Said(Option<Timestamp>),
}

/// The bytes are of no terms that this release can write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UnknownTerms {
    /// They end too soon.
    Length,
    /// It is for hosts or places that are not known.
    Sealing,
    /// The end is none.
    End,
}

impl Terms {
    /// The formats of records there are.
    pub(crate) const FORMATS: [u8; 3] = [REVEALED_FORMAT, SEALED_FORMAT, WHOLE_FORMAT];

    /// Those of a value that is sealed now.
    pub(crate) fn new(handling: Handling, end: Option<Timestamp>) -> Self {
        Self::of(BoundHandling::new(handling), SealedEnd::Said(end))
    }

    /// Reads the terms of a record of this format from the start of `bytes`, and gives back what is behind them.
    pub(crate) fn read(format: u8, bytes: &[u8]) -> Result<(Self, &[u8]), UnknownTerms> {
        let (sealing, bytes) = match format {
            REVEALED_FORMAT => (None, bytes),
            SEALED_FORMAT => prefixed(bytes).map(|(sealing, rest)| (Some(sealing), rest))?,
            _ => {
                let (sealing, rest) = prefixed(bytes)?;
                (Some(sealing).filter(|it| !it.is_empty()), rest)
            }
        };
        let handling = BoundHandling::read(sealing);
        let handling = handling.map_err(|UnknownSealing| UnknownTerms::Sealing)?;
        let (end, rest) = match format {
            REVEALED_FORMAT | SEALED_FORMAT => (SealedEnd::Unsaid, bytes),
            _ => end(bytes)?,
        };
        Ok((Self::of(handling, end), rest))
    }

    /// The format of a record with these terms.
    pub(crate) fn format(&self) -> u8 {
        match (self.end, self.handling.bytes()) {
            (SealedEnd::Unsaid, None) => REVEALED_FORMAT,
            (SealedEnd::Unsaid, Some(_)) => SEALED_FORMAT,
            (SealedEnd::Said(_), _) => WHOLE_FORMAT,
        }
    }

    /// What the layers are bound to: in format 1 nothing, in format 2 the sealing, in format 3 the sealing and the end.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        [self.sealing_field(), self.end_field()]
            .into_iter()
            .flatten()
    }

    /// The terms as they stand in the record.
    pub(crate) fn encode(&self, record: &mut Vec<u8>) {
        if let Some(sealing) = self.sealing_field() {
            #[expect(
                clippy::expect_used,
                reason = "a sealing has at most 32 hosts of at most 253 bytes"
            )]
            let length =
                u16::try_from(sealing.len()).expect("some 9,000 bytes are less than 65,536");
            record.extend_from_slice(&length.to_be_bytes());
            record.extend_from_slice(sealing);
        }
        record.extend_from_slice(self.end_field().unwrap_or_default());
    }

    pub(crate) fn end(&self) -> SealedEnd {
        self.end
    }

    pub(crate) fn into_handling(self) -> Handling {
        self.handling.into_handling()
    }

    fn of(handling: BoundHandling, end: SealedEnd) -> Self {
        let mut end_bytes = [HAS_NO_END; 9];
        if let SealedEnd::Said(Some(end)) = end {
            end_bytes[0] = HAS_END;
            end_bytes[1..].copy_from_slice(&end.as_microsecond().to_be_bytes());
        }
        Self {
            handling,
            end,
            end_bytes,
        }
    }

    fn sealing_field(&self) -> Option<&[u8]> {
        match self.end {
            SealedEnd::Unsaid => self.handling.bytes(),
            SealedEnd::Said(_) => Some(self.handling.bytes().unwrap_or_default()),
        }
    }

    fn end_field(&self) -> Option<&[u8]> {
        match self.end {
            SealedEnd::Unsaid => None,
            SealedEnd::Said(None) => Some(&self.end_bytes[..1]),
            SealedEnd::Said(Some(_)) => Some(&self.end_bytes),
        }
    }
}

/// Splits off what is preceded by its length.
fn prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), UnknownTerms> {
    let split = bytes.split_first_chunk().and_then(|(length, rest)| {
        let length = u16::from_be_bytes(*length);
        rest.split_at_checked(length.into())
    });
    split.ok_or(UnknownTerms::Length)
}

fn end(bytes: &[u8]) -> Result<(SealedEnd, &[u8]), UnknownTerms> {
    match bytes.split_first() {
        None => Err(UnknownTerms::Length),
        Some((&HAS_NO_END, rest)) => Ok((SealedEnd::Said(None), rest)),
        Some((&HAS_END, rest)) => {
            let (micros, rest) = rest.split_first_chunk().ok_or(UnknownTerms::Length)?;
            let end = Timestamp::from_microsecond(i64::from_be_bytes(*micros));
            let end = end.map_err(|_| UnknownTerms::End)?;
            Ok((SealedEnd::Said(Some(end)), rest))
        }
        Some(_) => Err(UnknownTerms::End),
    }
}

#[cfg(test)]
mod tests {
    use lockstep_step::Sealing;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    fn handlings() -> [Handling; 2] {
        let sealing = Sealing::new(["a.test".parse().unwrap()], []).unwrap();
        [Handling::Reveal, Handling::Sealed(sealing)]
    }

    fn encoded(terms: &Terms) -> Vec<u8> {
        let mut bytes = Vec::new();
        terms.encode(&mut bytes);
        bytes
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expected: UnknownTerms) {
        let read = Terms::read(WHOLE_FORMAT, bytes);
        assert_eq!(read.err(), Some(expected), "{bytes:?}");
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_that_is_shorter() {
        for handling in handlings() {
            for end in [None, Some(at(-1)), Some(at(1_790_000_000_000_001))] {
                let written = Terms::new(handling.clone(), end);
                assert_eq!(written.format(), WHOLE_FORMAT);
                let bytes = encoded(&written);
                let longer = [bytes.as_slice(), b"more"].concat();
                let (read, rest) = Terms::read(WHOLE_FORMAT, &longer).unwrap();
                assert_eq!(rest, b"more");
                assert_eq!(read.end(), SealedEnd::Said(end));
                assert_eq!(encoded(&read), bytes);
                assert_eq!(read.into_handling(), handling);
                for length in 0..bytes.len() {
                    check_refused(&bytes[..length], UnknownTerms::Length);
                }
            }
        }
    }

    #[test]
    fn an_end_is_written_in_one_way() {
        check_refused(b"\x00\x00\x02", UnknownTerms::End);
        let beyond_all_time = [b"\x00\x00\x01".as_slice(), &i64::MAX.to_be_bytes()].concat();
        check_refused(&beyond_all_time, UnknownTerms::End);
    }

    #[test]
    fn the_older_formats_say_nothing_of_an_end_and_are_bound_to_what_they_were() {
        let (revealed, rest) = Terms::read(REVEALED_FORMAT, b"more").unwrap();
        assert_eq!((revealed.end(), rest), (SealedEnd::Unsaid, &b"more"[..]));
        assert_eq!((revealed.format(), revealed.fields().count()), (1, 0));
        let written = b"\x00\x0a\x01\x01\x00\x06a.test";
        let (sealed, rest) = Terms::read(SEALED_FORMAT, written).unwrap();
        assert_eq!((sealed.end(), rest), (SealedEnd::Unsaid, &b""[..]));
        assert_eq!(sealed.format(), SEALED_FORMAT);
        assert!(sealed.fields().eq([&written[2..]]));
        assert_eq!(encoded(&sealed), written);
        // A sealing of nothing is none that was ever written.
        let empty = Terms::read(SEALED_FORMAT, b"\x00\x00");
        assert_eq!(empty.err(), Some(UnknownTerms::Sealing));
    }
}
