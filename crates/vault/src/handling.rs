//! How a credential may be used, as the bytes that stand in its record and that its layers are bound to.
//!
//! There is one way to write a sealing, so what is read must be what would be written.
//!
//! ```text
//! places (1)   destinations (1)   of each: length (2), text
//! ```

use lockstep_step::{Destination, Handling, SealedPlace, Sealing};

/// How a credential may be used, with the bytes for it.
pub(crate) struct BoundHandling {
    handling: Handling,
    /// None for [`Handling::Reveal`].
    bytes: Option<Vec<u8>>,
}

/// The bytes are of no sealing that this release can write.
#[derive(Debug)]
pub(crate) struct UnknownSealing;

impl BoundHandling {
    pub(crate) fn new(handling: Handling) -> Self {
        let bytes = handling.sealing().map(encode);
        Self { handling, bytes }
    }

    /// Reads what [`BoundHandling::bytes`] gave; `None` is what a record without a sealing has.
    pub(crate) fn read(bytes: Option<&[u8]>) -> Result<Self, UnknownSealing> {
        let handling = match bytes {
            None => Handling::Reveal,
            Some(bytes) => Handling::Sealed(decode(bytes).ok_or(UnknownSealing)?),
        };
        let read = Self::new(handling);
        if read.bytes() == bytes {
            Ok(read)
        } else {
            Err(UnknownSealing)
        }
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    pub(crate) fn into_handling(self) -> Handling {
        self.handling
    }
}

fn encode(sealing: &Sealing) -> Vec<u8> {
    let places = sealing.places().map(bit).fold(0, |all, place| all | place);
    let mut bytes = vec![places, count(sealing.destinations().len())];
    for destination in sealing.destinations() {
        let text = destination.to_string();
        bytes.extend_from_slice(&length(&text).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Sealing> {
    let (&[places, count], mut rest) = bytes.split_first_chunk()?;
    let mut destinations: Vec<Destination> = Vec::new();
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk()?;
        let (text, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
        destinations.push(std::str::from_utf8(text).ok()?.parse().ok()?);
        rest = behind;
    }
    let places = SealedPlace::ALL
        .into_iter()
        .filter(|place| places & bit(*place) != 0);
    Sealing::new(destinations, places).ok()
}

fn bit(place: SealedPlace) -> u8 {
    match place {
        SealedPlace::Header => 1,
        SealedPlace::Query => 2,
        SealedPlace::Basic => 4,
        SealedPlace::Body => 8,
    }
}

#[expect(clippy::expect_used, reason = "a sealing has at most 32 destinations")]
fn count(destinations: usize) -> u8 {
    u8::try_from(destinations).expect("32 are less than 256")
}

#[expect(
    clippy::expect_used,
    reason = "a destination is a host of at most 253 bytes and a port"
)]
fn length(destination: &str) -> u16 {
    u16::try_from(destination.len()).expect("some 270 bytes are less than 65,536")
}

#[cfg(test)]
mod tests {
    use lockstep_step::MAX_DESTINATIONS;

    use super::*;

    fn sealing(to: &[&str], places: &[SealedPlace]) -> Sealing {
        let to = to.iter().map(|text| text.parse().unwrap());
        Sealing::new(to, places.iter().copied()).unwrap()
    }

    #[track_caller]
    fn check_refused(bytes: &[u8]) {
        assert!(BoundHandling::read(Some(bytes)).is_err(), "{bytes:?}");
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_that_is_shorter_or_longer() {
        for sealing in [
            sealing(&["api.slack.com"], &[]),
            sealing(
                &["[::1]:8443", "*.b.test", "a.test:8443"],
                &SealedPlace::ALL,
            ),
        ] {
            let written = BoundHandling::new(Handling::Sealed(sealing.clone()));
            let bytes = written.bytes().unwrap();
            let read = BoundHandling::read(Some(bytes)).unwrap();
            assert_eq!(read.into_handling(), Handling::Sealed(sealing));
            for length in 0..bytes.len() {
                check_refused(&bytes[..length]);
            }
            check_refused(&[bytes, b"x"].concat());
        }
    }

    #[test]
    fn a_sealing_is_written_in_one_way() {
        let written = b"\x01\x02\x00\x06a.test\x00\x06b.test";
        BoundHandling::read(Some(written)).unwrap();
        check_refused(b"\x01\x02\x00\x06b.test\x00\x06a.test");
        check_refused(b"\x01\x02\x00\x06a.test\x00\x06a.test");
        check_refused(b"\x01\x01\x00\x06A.test");
        check_refused(b"\x01\x01\x00\x0ba.test:0443");
    }

    #[test]
    fn a_place_that_is_not_known_is_not_passed_over() {
        check_refused(b"\x11\x01\x00\x06a.test");
        check_refused(b"\x00\x01\x00\x06a.test");
    }

    #[test]
    fn the_largest_sealing_is_written_too() {
        let host = |number: usize| {
            let label = "a".repeat(61);
            format!("*.{number:02}{label}.{label}.{label}.{label}:65535")
        };
        let to: Vec<String> = (0..MAX_DESTINATIONS).map(host).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let written = BoundHandling::new(Handling::Sealed(sealing(&to, &SealedPlace::ALL)));
        let bytes = written.bytes().unwrap();
        assert!(bytes.len() < usize::from(u16::MAX), "{}", bytes.len());
        BoundHandling::read(Some(bytes)).unwrap();
    }
}
