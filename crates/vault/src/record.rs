//! The head of a record: what it is, and under which keys it was sealed. Read before any key is touched.
//!
//! ```text
//! wrapped workspace key   "LKWK" format algorithm kek (8)           workspace key (16)  layer
//! sealed credential       "LKCR" format algorithm workspace key (16)                    layer (data key)  layer (value)
//! ```
//!
//! A credential of format 2 has the length (2) and the bytes of its sealing before its layers; one of format 1 has none.

use crate::envelope::WorkspaceKeyId;
use crate::handling::{BoundHandling, UnknownSealing};
use crate::kek::KekId;
use crate::layer;

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
    pub(crate) handling: BoundHandling,
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
        let known = BoundHandling::FORMATS;
        let mut head = Head::parse(bytes, "sealed credential", CREDENTIAL_MAGIC, &known)?;
        let workspace_key = WorkspaceKeyId::from_bytes(head.take()?);
        let handling = head.handling()?;
        let (wrapped_data_key, value) = head
            .rest
            .split_at_checked(WRAPPED_KEY_BYTES)
            .ok_or_else(|| head.wrong_length())?;
        if layer::plaintext_length(value).is_none() {
            return Err(head.wrong_length());
        }
        Ok(Self {
            workspace_key,
            handling,
            wrapped_data_key,
            value,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(CREDENTIAL_MAGIC.as_bytes());
        bytes.extend_from_slice(&[self.handling.format(), ALGORITHM]);
        bytes.extend_from_slice(self.workspace_key.as_bytes());
        if let Some(sealing) = self.handling.bytes() {
            #[expect(
                clippy::expect_used,
                reason = "a sealing has at most 32 hosts of at most 253 bytes"
            )]
            let length =
                u16::try_from(sealing.len()).expect("some 9,000 bytes are less than 65,536");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(sealing);
        }
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

    /// How a credential may be used. One that cannot be read as a whole is not read at all: else it would pass for another.
    fn handling(&mut self) -> Result<BoundHandling, RecordError> {
        let bytes = if BoundHandling::is_in_format(self.format) {
            let length = u16::from_be_bytes(self.take()?);
            let (bytes, rest) = self
                .rest
                .split_at_checked(length.into())
                .ok_or_else(|| self.wrong_length())?;
            self.rest = rest;
            Some(bytes)
        } else {
            None
        };
        let record = self.record;
        BoundHandling::read(bytes).map_err(|UnknownSealing| RecordError::Sealing { record })
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
