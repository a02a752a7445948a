//! The key-encryption keys at hand: one that wraps, and others that are kept for opening.
//!
//! As text, in a key file or in the environment, a key is one line; blank lines and lines that begin with `#` are
//! skipped. The first key is the primary.
//!
//! ```text
//! lockstep-kek-1:k0123456789abcdef:<64 hex digits>
//! ```

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use lockstep_secret::Zeroizing;

use lockstep_secret::{KeyMaterial, Secret};

use crate::kek::{Kek, KekCheck, KekId, NoRandomness};
use crate::key_file::KeyFile;

/// How a line with a key begins: what it is, and the version of its form.
const LINE_TAG: &str = "lockstep-kek-1";

/// Keys on a ring that is rotated: five years of a new key each month. Who has more has forgotten to retire them; and
/// the key file stays far below the size at which it would not be read any more.
pub const MAX_RING_KEYS: usize = 64;

/// The key-encryption keys at hand.
#[derive(Debug)]
pub struct Keyring {
    primary: Arc<Kek>,
    others: Vec<Arc<Kek>>,
    /// Where it was read from, if that is a file.
    file: Option<KeyFile>,
}

/// Why the key-encryption keys cannot be used. It stops the credentials, not the rest.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no key at all, and none may be made because credentials exist.
    #[error("there is no key: `{}` does not exist", path.display())]
    NoKeyFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Others can read the key file.
    #[error("key file `{}` has mode {mode:04o}: group or others can use it", path.display())]
    LooseMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is in the data directory: who copies the one has the other.
    #[error("key file `{}` is in the data directory `{}`, next to what it protects", path.display(), data.display())]
    NextToDatabase {
        /// The file.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// The key file cannot be read or made.
    #[error("cannot use key file `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The text holds no key.
    #[error("the key text holds no key")]
    Empty,
    /// A line is not a key. The line is not repeated: it may be one, mistyped.
    #[error(
        "line {line} of the key text is not a key: expected `{LINE_TAG}:<name>:<64 hex digits>`"
    )]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The bytes of a key are not those that its name was computed from.
    #[error("key `{named}` is damaged: its digits are those of key `{actual}`")]
    Damaged {
        /// The name in the text.
        named: KekId,
        /// The name of what is there.
        actual: KekId,
    },
    /// Credentials are sealed, and under none of the keys on the ring.
    #[error("credentials are sealed under key {needed}, which is not on the ring: it holds {held}", needed = list(needed), held = list(held))]
    Missing {
        /// The keys that are needed.
        needed: Vec<KekId>,
        /// The keys that are there.
        held: Vec<KekId>,
    },
    /// The store remembers another key of this name: the store's copy is damaged or was altered.
    #[error("key `{id}` does not fit its check value in the database")]
    Check {
        /// The key.
        id: KekId,
    },
    /// No key can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The ring has as many keys as it may have.
    #[error("the ring holds {MAX_RING_KEYS} keys, which is the limit")]
    Full,
    /// A new key file would take the place of something.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// Where the file should be made.
        path: PathBuf,
    },
    /// The ring was not read from a file, so there is none to change.
    #[error("the keys do not come from a key file, so there is none to change")]
    NoFile,
    /// The primary cannot be taken off the ring.
    #[error("key `{id}` is the primary: it wraps what is new")]
    Primary {
        /// The key.
        id: KekId,
    },
}

// === impl Keyring ===

impl Keyring {
    /// A ring with one key, which wraps and unwraps.
    #[must_use]
    pub fn new(primary: Kek) -> Self {
        Self {
            primary: Arc::new(primary),
            others: Vec::new(),
            file: None,
        }
    }

    /// Reads a ring from the text of a key file or of an environment variable. A text of 64 hex digits alone is a key,
    /// too, so that `openssl rand -hex 32` makes one.
    ///
    /// # Errors
    /// [`KeyError::Empty`], [`KeyError::Line`] or [`KeyError::Damaged`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the text of keys is read into keys, which are wiped"
    )]
    pub fn parse(text: &Secret) -> Result<Self, KeyError> {
        let text = text.expose();
        if let Some(key) = parse_hex(text.trim()) {
            return Ok(Self::new(Kek::new(key)));
        }
        let mut keys = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| parse_line(number, line));
        let mut ring = Self::new(keys.next().ok_or(KeyError::Empty)??);
        for key in keys {
            ring = ring.and_for_opening(key?);
        }
        Ok(ring)
    }

    /// Adds a key that only opens: one that was primary before. A key that is already there is not added again.
    #[must_use]
    pub fn and_for_opening(mut self, kek: Kek) -> Self {
        self.add(Arc::new(kek));
        self
    }

    /// The ring with a new primary key. The others are kept for opening.
    ///
    /// # Errors
    /// [`KeyError::Full`].
    pub(crate) fn led_by(&self, primary: Kek) -> Result<Self, KeyError> {
        if self.keys().count() >= MAX_RING_KEYS {
            return Err(KeyError::Full);
        }
        let others = self.keys().map(Arc::clone).collect();
        Ok(Self {
            primary: Arc::new(primary),
            others,
            file: None,
        })
    }

    /// The ring without a key that only opens.
    ///
    /// # Errors
    /// [`KeyError::Primary`].
    pub(crate) fn without(mut self, id: KekId) -> Result<Self, KeyError> {
        if self.primary.id() == id {
            return Err(KeyError::Primary { id });
        }
        self.others.retain(|kek| kek.id() != id);
        Ok(self)
    }

    /// The ring, and for opening the keys of another one.
    pub(crate) fn and_all_of(&self, other: &Self) -> Self {
        let mut both = Self {
            primary: Arc::clone(&self.primary),
            others: self.others.clone(),
            file: self.file.clone(),
        };
        for kek in other.keys() {
            both.add(Arc::clone(kek));
        }
        both
    }

    pub(crate) fn read_from(mut self, file: KeyFile) -> Self {
        self.file = Some(file);
        self
    }

    /// The key that wraps.
    #[must_use]
    pub fn primary(&self) -> &Kek {
        &self.primary
    }

    /// The names of all keys, the primary first.
    #[must_use]
    pub fn ids(&self) -> Vec<KekId> {
        self.keys().map(|kek| kek.id()).collect()
    }

    /// Whether the key of this name is there.
    #[must_use]
    pub fn holds(&self, id: KekId) -> bool {
        self.find(id).is_some()
    }

    /// What to keep in the store to recognise a key of the ring.
    #[must_use]
    pub fn check(&self, id: KekId) -> Option<KekCheck> {
        self.find(id).map(Kek::check)
    }

    /// Whether it was read from a key file, which can be changed.
    #[must_use]
    pub fn is_from_file(&self) -> bool {
        self.file.is_some()
    }

    /// Whether the ring is the one for a store in which something is sealed under these keys. One that misses only some
    /// of them is: what is sealed under those does not open, and all else does.
    ///
    /// # Errors
    /// [`KeyError::Missing`] if it has none of them, [`KeyError::Check`] for the first key that is not what it was.
    pub fn verify<'a>(
        &self,
        checks: impl IntoIterator<Item = &'a KekCheck>,
    ) -> Result<(), KeyError> {
        let (mut needed, mut holds_one) = (Vec::new(), false);
        for check in checks {
            match self.find(check.kek) {
                Some(kek) if !kek.is_that_of(check) => {
                    return Err(KeyError::Check { id: check.kek });
                }
                Some(_) => holds_one = true,
                None => needed.push(check.kek),
            }
        }
        if holds_one || needed.is_empty() {
            return Ok(());
        }
        Err(KeyError::Missing {
            needed,
            held: self.ids(),
        })
    }

    pub(crate) fn find(&self, id: KekId) -> Option<&Kek> {
        self.keys().map(Arc::as_ref).find(|kek| kek.id() == id)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<Kek>> {
        std::iter::once(&self.primary).chain(&self.others)
    }

    pub(crate) fn file(&self) -> Option<&KeyFile> {
        self.file.as_ref()
    }

    fn add(&mut self, kek: Arc<Kek>) {
        if self.find(kek.id()).is_none() {
            self.others.push(kek);
        }
    }
}

/// The line of a key, for a key file.
#[expect(
    clippy::disallowed_methods,
    reason = "key bytes go into the text of a key file, as a secret"
)]
pub(crate) fn line(kek: &Kek) -> Secret {
    let head = format!("{LINE_TAG}:{}:", kek.id());
    // The capacity is exact, so that growing leaves no copy behind.
    let mut line = Zeroizing::new(String::with_capacity(head.len() + 65));
    line.push_str(&head);
    for byte in kek.key().expose() {
        for digit in [byte >> 4, byte & 15] {
            line.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    line.push('\n');
    Secret::new(std::mem::take(&mut *line))
}

fn parse_line(number: usize, line: &str) -> Result<Kek, KeyError> {
    let malformed = || KeyError::Line { line: number };
    let rest = line
        .strip_prefix(LINE_TAG)
        .and_then(|rest| rest.strip_prefix(':'))
        .ok_or_else(malformed)?;
    let (id, hex) = rest.split_once(':').ok_or_else(malformed)?;
    let named: KekId = id.parse().map_err(|_| malformed())?;
    let kek = Kek::new(parse_hex(hex).ok_or_else(malformed)?);
    if kek.id() != named {
        return Err(KeyError::Damaged {
            named,
            actual: kek.id(),
        });
    }
    Ok(kek)
}

fn parse_hex(hex: &str) -> Option<KeyMaterial> {
    let digits = hex.as_bytes();
    if digits.len() != 2 * KeyMaterial::LENGTH_BYTES {
        return None;
    }
    KeyMaterial::try_fill(|bytes| {
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0]).ok_or(())? << 4 | nibble(pair[1]).ok_or(())?;
        }
        Ok::<_, ()>(())
    })
    .ok()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Names between commas.
pub(crate) fn list(ids: &[KekId]) -> String {
    ids.iter()
        .map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

// === impl KeyError ===

impl KeyError {
    /// What the person at the terminal can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoKeyFile { .. } => {
                "credentials exist already, so a new key would not open them: restore the key file from your copy"
            }
            Self::LooseMode { .. } => "run `chmod 600` on the key file",
            Self::NextToDatabase { .. } => "move the key file out of the data directory",
            Self::File { source, .. }
                if matches!(
                    source.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                ) =>
            {
                "make room on the disk of the key file: no half-written key is left there"
            }
            Self::File { source, .. } if source.kind() == ErrorKind::ReadOnlyFilesystem => {
                "its file system is mounted read-only: remount it, or name another with `--key-file`"
            }
            Self::File { .. } => "check the path, its owner and its permissions",
            Self::Empty | Self::Line { .. } => {
                "use the text of a key file, or the 64 hex digits of `openssl rand -hex 32`"
            }
            Self::Damaged { .. } => "restore the key file from your copy: a digit was changed",
            Self::Missing { .. } => {
                "give the key file, or the `LOCKSTEP_KEY`, that holds the key named here"
            }
            Self::Check { .. } => {
                "restore the database from your backup: its check value was changed"
            }
            Self::NoRandomness(_) => "check the operating system's source of randomness",
            Self::Full => {
                "`lockstep key rewrap`, then `lockstep key retire ID` for keys with no records"
            }
            Self::Exists { .. } => "name a file that does not exist yet",
            Self::NoFile => {
                "`lockstep key rotate --to-file PATH` writes the keys and a new one to a key file"
            }
            Self::Primary { .. } => "`lockstep key rotate` makes a new key the primary",
        }
    }

    /// What it is, for somebody who is not at the machine: its paths are left out.
    #[must_use]
    pub fn without_paths(&self) -> String {
        match self {
            Self::NoKeyFile { .. } => "there is no key: the key file does not exist".to_owned(),
            Self::LooseMode { mode, .. } => {
                format!("the key file has mode {mode:04o}: group or others can use it")
            }
            Self::NextToDatabase { .. } => {
                "the key file is in the data directory, next to what it protects".to_owned()
            }
            Self::File { source, .. } => format!("the key file cannot be used: {}", source.kind()),
            Self::Exists { .. } => "the new key file is there already".to_owned(),
            Self::Empty
            | Self::Line { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::Check { .. }
            | Self::NoRandomness(_)
            | Self::Full
            | Self::NoFile
            | Self::Primary { .. } => self.to_string(),
        }
    }
}
