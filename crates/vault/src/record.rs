//! The head of a record: what it is, and under which keys it was sealed. Read before any key is touched.
//!
//! ```text
//! wrapped workspace key   "LKWK" format algorithm kek (8)           workspace key (16)  layer
//! sealed credential       "LKCR" format algorithm workspace key (16)                    layer (data key)  layer (value)
//! ```
//!
//! Before the layers of a credential stand its terms, which depend on the format: `terms.rs` has them.

use jiff::Timestamp;

use crate::envelope::WorkspaceKeyId;
use crate::kek::KekId;
use crate::layer;
use crate::terms::{Terms, UnknownTerms};

/// The only format of wrapped workspace keys so far.
pub(crate) const WORKSPACE_KEY_FORMAT: u8 = 1;
/// AES-256-GCM with HKDF-SHA-256 key commitment.
pub(crate) const ALGORITHM: u8 = 1;

const WORKSPACE_KEY_MAGIC: &str = "LKWK";
const CREDENTIAL_MAGIC: &str = "LKCR";
/// A wrapped key: 32 bytes and the overhead of their layer.
const WRAPPED_KEY_BYTES: usize = 32 + layer::OVERHEAD_BYTES;

/// Why bytes are not a record that this release can read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// It does not begin as records of its kind do.
    #[error("not a {expected}: it does not begin with `{magic}`")]
    Magic {
        /// What it should be.
        expected: &'static str,
        /// How those begin.
        magic: &'static str,
    },
    /// It ends before it should, or goes on after it.
    #[error("the {expected} has {length} bytes, which is not its length")]
    Length {
        /// What it should be.
        expected: &'static str,
        /// How long it is.
        length: usize,
    },
    /// A later release wrote it.
    #[error("the {record} has format {format}, and this release reads up to format {known}")]
    Format {
        /// What it is.
        record: &'static str,
        /// The format it names.
        format: u8,
        /// The last that this release reads.
        known: u8,
    },
    /// A later release wrote it, with a place or a host that this one does not know.
    #[error("the {record} is for hosts or places that this release does not know")]
    Sealing {
        /// What it is.
        record: &'static str,
    },
    /// A later release wrote it, or it is damaged.
    #[error("the end of the {record} cannot be read")]
    End {
        /// What it is.
        record: &'static str,
    },
    /// It is whole, and what stands beside it is not: somebody changed the one or the other.
    #[error(
        "the credential was sealed to expire {}, and the database says {}",
        in_words(*sealed),
        in_words(*kept)
    )]
    OtherEnd {
        /// When it expires by its record.
        sealed: Option<Timestamp>,
        /// When by what stands beside it.
        kept: Option<Timestamp>,
    },
    /// A later release wrote it.
    #[error(
        "the {record} is sealed by algorithm {algorithm}, and this release knows algorithm {ALGORITHM}"
    )]
    Algorithm {
        /// What it is.
        record: &'static str,
        /// The algorithm it names.
        algorithm: u8,
    },
}

/// The parts of a wrapped workspace key.
pub(crate) struct WorkspaceKeyRecord<'a> {
    pub(crate) kek: KekId,
    pub(crate) workspace_key: WorkspaceKeyId,
    pub(crate) wrapped: &'a [u8],
}

/// The parts of a sealed credential.
pub(crate) struct CredentialRecord<'a> {
    pub(crate) workspace_key: WorkspaceKeyId,
    pub(crate) terms: Terms,
    pub(crate) wrapped_data_key: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> WorkspaceKeyRecord<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let known = [WORKSPACE_KEY_FORMAT];
        let mut head = Head::parse(bytes, "wrapped workspace key", WORKSPACE_KEY_MAGIC, &known)?;
        let kek = KekId::from_bytes(head.take()?);
        let workspace_key = WorkspaceKeyId::from_bytes(head.take()?);
        let wrapped = head.rest;
        if wrapped.len() != WRAPPED_KEY_BYTES {
            return Err(head.wrong_length());
        }
        Ok(Self {
            kek,
            workspace_key,
            wrapped,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(WORKSPACE_KEY_MAGIC.as_bytes());
        bytes.extend_from_slice(&[WORKSPACE_KEY_FORMAT, ALGORITHM]);
        bytes.extend_from_slice(self.kek.as_bytes());
        bytes.extend_from_slice(self.workspace_key.as_bytes());
        bytes.extend_from_slice(self.wrapped);
        bytes
    }
}

impl<'a> CredentialRecord<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let known = Terms::FORMATS;
        let mut head = Head::parse(bytes, "sealed credential", CREDENTIAL_MAGIC, &known)?;
        let workspace_key = WorkspaceKeyId::from_bytes(head.take()?);
        let terms = head.terms()?;
        let (wrapped_data_key, value) = head
            .rest
            .split_at_checked(WRAPPED_KEY_BYTES)
            .ok_or_else(|| head.wrong_length())?;
        if layer::plaintext_length(value).is_none() {
            return Err(head.wrong_length());
        }
        Ok(Self {
            workspace_key,
            terms,
            wrapped_data_key,
            value,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(CREDENTIAL_MAGIC.as_bytes());
        bytes.extend_from_slice(&[self.terms.format(), ALGORITHM]);
        bytes.extend_from_slice(self.workspace_key.as_bytes());
        self.terms.encode(&mut bytes);
        bytes.extend_from_slice(self.wrapped_data_key);
        bytes.extend_from_slice(self.value);
        bytes
    }
}

/// Reads the head of a record from its start.
struct Head<'a> {
    record: &'static str,
    format: u8,
    length: usize,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn parse(
        bytes: &'a [u8],
        record: &'static str,
        magic: &'static str,
        known: &[u8],
    ) -> Result<Self, RecordError> {
        let rest = bytes
            .strip_prefix(magic.as_bytes())
            .ok_or(RecordError::Magic {
                expected: record,
                magic,
            })?;
        let mut head = Self {
            record,
            format: 0,
            length: bytes.len(),
            rest,
        };
        let [format] = head.take()?;
        head.format = format;
        if !known.contains(&format) {
            let known = known.last().copied().unwrap_or_default();
            return Err(RecordError::Format {
                record,
                format,
                known,
            });
        }
        let [algorithm] = head.take()?;
        if algorithm != ALGORITHM {
            return Err(RecordError::Algorithm { record, algorithm });
        }
        Ok(head)
    }

    /// How a credential may be used, and until when. What cannot be read as a whole is not read at all: else it would
    /// pass for something else.
    fn terms(&mut self) -> Result<Terms, RecordError> {
        let record = self.record;
        let read = Terms::read(self.format, self.rest);
        let (terms, rest) = read.map_err(|unknown| match unknown {
            UnknownTerms::Length => self.wrong_length(),
            UnknownTerms::Sealing => RecordError::Sealing { record },
            UnknownTerms::End => RecordError::End { record },
        })?;
        self.rest = rest;
        Ok(terms)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.wrong_length())?;
        self.rest = rest;
        Ok(*taken)
    }

    fn wrong_length(&self) -> RecordError {
        RecordError::Length {
            expected: self.record,
            length: self.length,
        }
    }
}

fn in_words(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "never".to_owned(), |end| format!("at {end}"))
}
