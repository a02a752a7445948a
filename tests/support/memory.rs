//! Looks for a value in all of this process's memory, without having the value there itself.
//!
//! A canary is kept as random bytes from which its text is made when it is asked for. The pieces that are searched for
//! are kept in disguise, but for their first bytes, by which a fast search finds candidates. A piece is short, as freed
//! memory is soon written over at its start.

use std::fs::{self, File};
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use memchr::memmem::Finder;

use lockstep_secret::{Secret, Zeroizing};

/// Length of a canary's text.
const CANARY_BYTES: usize = 64;
/// What is searched for: pieces of so many bytes, one at each so many bytes.
const PIECE_BYTES: usize = 12;
const STRIDE_BYTES: usize = 16;
/// The first bytes of a piece, in plain.
const PREFIX_BYTES: usize = 4;
/// What a piece is disguised with.
const DISGUISE: u8 = 0x5a;
/// Memory that is read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Of many remnants so many are shown, with so many bytes around each.
const SHOWN: usize = 20;
const AROUND_BYTES: usize = 160;
/// No two letters differ by the disguise, and none needs an escape in any spelling.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyzABCDEFGH";

/// A value that is nowhere in memory but where somebody has put it.
pub struct Canary {
    seed: [u8; CANARY_BYTES],
}

/// Pieces of a value that are searched for.
pub struct Needles {
    name: String,
    pieces: Vec<Piece>,
}

struct Piece {
    spelling: &'static str,
    prefix: Finder<'static>,
    disguised: [u8; PIECE_BYTES],
}

/// A place where a piece was found.
#[derive(Debug)]
pub struct Remnant {
    /// Of what, in which spelling.
    pub what: String,
    /// Where.
    pub address: usize,
    /// The mapping that this is in.
    pub mapping: String,
}

// === impl Canary ===

impl Canary {
    /// A random one.
    #[must_use]
    pub fn new() -> Self {
        let mut seed = [0; CANARY_BYTES];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut seed))
            .unwrap();
        Self { seed }
    }

    /// Its text, which is wiped with the secret.
    #[must_use]
    pub fn value(&self) -> Secret {
        let mut text = String::with_capacity(CANARY_BYTES);
        text.extend(self.letters().map(char::from));
        Secret::new(text)
    }

    fn letters(&self) -> impl Iterator<Item = u8> {
        let letter = |byte: &u8| LETTERS[usize::from(*byte) % LETTERS.len()];
        self.seed.iter().map(letter)
    }

    /// What to search for: the text, in the spellings in which a host might have it.
    #[must_use]
    pub fn needles(&self, name: &str) -> Needles {
        let mut text = Zeroizing::new(Vec::with_capacity(CANARY_BYTES));
        text.extend(self.letters());
        Needles::of_text(name, &text)
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Needles ===

impl Needles {
    /// Searches for a text, in the spellings in which a host might have it.
    #[must_use]
    pub fn of_text(name: &str, text: &[u8]) -> Self {
        let mut needles = Self::of_bytes(name, text);
        let wide = |high: Option<u8>, low: Option<u8>| {
            let mut wide = Zeroizing::new(Vec::with_capacity(2 * text.len()));
            for byte in text {
                wide.extend([high.unwrap_or(*byte), low.unwrap_or(*byte)]);
            }
            wide
        };
        needles.add("utf16_le", &wide(None, Some(0)));
        needles.add("utf16_be", &wide(Some(0), None));
        for (spelling, digits) in [
            ("hex_lower", b"0123456789abcdef"),
            ("hex_upper", b"0123456789ABCDEF"),
        ] {
            let mut hex = Zeroizing::new(Vec::with_capacity(2 * text.len()));
            for byte in text {
                hex.extend([
                    digits[usize::from(byte >> 4)],
                    digits[usize::from(byte & 15)],
                ]);
            }
            needles.add(spelling, &hex);
        }
        // At each offset that the value may have in what is encoded.
        for (offset, spelling) in ["base64", "base64+1", "base64+2"].into_iter().enumerate() {
            use base64::Engine as _;
            let mut encoded = Zeroizing::new(vec![0; 2 * text.len()]);
            let standard = &base64::engine::general_purpose::STANDARD_NO_PAD;
            let length = standard
                .encode_slice(&text[offset..], &mut encoded)
                .unwrap();
            needles.add(spelling, &encoded[..length]);
        }
        needles
    }

    /// Searches for bytes as they are.
    #[must_use]
    pub fn of_bytes(name: &str, bytes: &[u8]) -> Self {
        let mut needles = Self {
            name: name.to_owned(),
            pieces: Vec::new(),
        };
        needles.add("raw", bytes);
        needles
    }

    fn add(&mut self, spelling: &'static str, text: &[u8]) {
        for start in (0..text.len().saturating_sub(PIECE_BYTES - 1)).step_by(STRIDE_BYTES) {
            let mut disguised = [0; PIECE_BYTES];
            for (hidden, byte) in disguised.iter_mut().zip(&text[start..]) {
                *hidden = byte ^ DISGUISE;
            }
            let prefix = Finder::new(&text[start..start + PREFIX_BYTES]).into_owned();
            self.pieces.push(Piece {
                spelling,
                prefix,
                disguised,
            });
        }
    }

    /// Every place in this process's memory where a piece is.
    #[must_use]
    pub fn remnants(&self) -> Vec<Remnant> {
        let memory = File::open("/proc/self/mem").unwrap();
        let mut buffer = Zeroizing::new(vec![0; CHUNK_BYTES]);
        let own = buffer.as_ptr().addr()..buffer.as_ptr().addr() + buffer.len();
        let mut found = Vec::new();
        for mapping in mappings() {
            let mut at = mapping.range.start;
            while at < mapping.range.end {
                let length = CHUNK_BYTES.min(mapping.range.end - at);
                let chunk = &mut buffer[..length];
                // What cannot be read, such as a page of a device, holds nothing of ours.
                if memory.read_exact_at(chunk, at as u64).is_ok() {
                    self.search(chunk, at, &own, &mapping.name, &mut found);
                }
                // The chunks overlap, so that no piece is cut.
                let step = if at + length == mapping.range.end {
                    length
                } else {
                    length - PIECE_BYTES
                };
                at += step;
            }
        }
        found
    }

    fn search(
        &self,
        chunk: &[u8],
        at: usize,
        own: &Range<usize>,
        mapping: &str,
        found: &mut Vec<Remnant>,
    ) {
        for piece in &self.pieces {
            for offset in piece.prefix.find_iter(chunk) {
                let address = at + offset;
                if own.contains(&address) || !piece.is_at(chunk, offset) {
                    continue;
                }
                found.push(Remnant {
                    what: format!("{} as {}", self.name, piece.spelling),
                    address,
                    mapping: mapping.to_owned(),
                });
            }
        }
    }

    /// Fails if a piece is somewhere.
    pub fn assert_absent(&self, when: &str) {
        let found = self.remnants();
        let shown: Vec<String> = found.iter().take(SHOWN).map(Remnant::shown).collect();
        assert!(
            found.is_empty(),
            "{when}, {} pieces are left in memory:\n{}",
            found.len(),
            shown.join("\n")
        );
    }
}

impl Remnant {
    /// With the bytes around it.
    fn shown(&self) -> String {
        let Self {
            what,
            address,
            mapping,
        } = self;
        let mut around = vec![0; AROUND_BYTES];
        let start = (*address as u64).saturating_sub(AROUND_BYTES as u64 / 2);
        let memory = File::open("/proc/self/mem").unwrap();
        let around = match memory.read_exact_at(&mut around, start) {
            Ok(()) => around.escape_ascii().to_string(),
            Err(_) => String::new(),
        };
        format!("{what} at {address:x} in {mapping}: {around}")
    }
}

impl Piece {
    fn is_at(&self, chunk: &[u8], offset: usize) -> bool {
        chunk
            .get(offset..offset + PIECE_BYTES)
            .is_some_and(|bytes| {
                bytes
                    .iter()
                    .zip(&self.disguised)
                    .all(|(byte, hidden)| byte ^ DISGUISE == *hidden)
            })
    }
}

/// A part of the address space that somebody can have written to.
struct Mapping {
    range: Range<usize>,
    name: String,
}

fn mappings() -> Vec<Mapping> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter_map(mapping).collect()
}

/// One line of `/proc/self/maps`; `None` if it cannot be read, or is a file that is mapped only to be read.
fn mapping(line: &str) -> Option<Mapping> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (mode, inode, path) = (fields.next()?, fields.nth(2)?, fields.next());
    let is_code = inode != "0" && !mode.contains('w');
    if !mode.starts_with('r') || is_code || path.is_some_and(|path| path.starts_with("[v")) {
        return None;
    }
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(Mapping {
        range: address(start)?..address(end)?,
        name: format!("{mode} {}", path.unwrap_or("anonymous memory")),
    })
}
