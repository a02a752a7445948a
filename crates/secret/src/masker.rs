//! The values of one run, and the streams and texts that are masked with them.

use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::{MaskStream, Masked, Secret};

/// How a masker works. The defaults mask the most.
#[derive(Clone, Debug)]
pub struct MaskerConfig {
    /// What stands where a value was: `***`. Its length never depends on the value.
    pub replacement: String,
    /// Whether well-known tokens and private keys are masked too when they were never registered. On by default.
    pub token_shapes: bool,
    /// How many spellings all values together may have: 500,000. It bounds the memory of a run, at some 25 per value.
    pub max_forms: usize,
}

/// The registered values of one run.
///
/// A clone shares the values: what is registered with one is masked by all, and by every stream that is open.
#[derive(Clone)]
pub struct Masker {
    shared: Arc<Shared>,
}

/// What became of a value at registration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Registered {
    /// Every spelling of it will be masked.
    Masked,
    /// It has fewer than [`Masker::SHORTEST_VALUE_BYTES`] bytes and is not masked: it would destroy the log.
    TooShort,
    /// It has nothing but blanks and is not masked.
    Blank,
}

/// A value that cannot be registered. The caller must not reveal it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The value is longer than [`Masker::LONGEST_VALUE_BYTES`].
    #[error("the value has {length_bytes} bytes and the masker takes at most {limit_bytes}")]
    ValueTooLong {
        /// The length of the value.
        length_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// With this value there would be more spellings than [`MaskerConfig::max_forms`].
    #[error("the values of this run have more than {limit} spellings, the limit `max_forms`")]
    TooManyForms {
        /// The limit.
        limit: usize,
    },
}

pub(crate) struct Shared {
    pub(crate) config: MaskerConfig,
    values: RwLock<Vec<Zeroizing<Vec<u8>>>>,
}

// === impl Masker ===

impl Masker {
    /// A shorter value is not masked.
    pub const SHORTEST_VALUE_BYTES: usize = 4;
    /// A longer value cannot be registered.
    pub const LONGEST_VALUE_BYTES: usize = 1 << 20;

    /// A masker without values.
    #[must_use]
    pub fn new(config: MaskerConfig) -> Self {
        let values = RwLock::new(Vec::new());
        Self {
            shared: Arc::new(Shared { config, values }),
        }
    }

    /// What [`Masker::register`] would say of `value`, were it within the limits.
    #[must_use]
    pub fn classify(value: &Secret) -> Registered {
        #[expect(clippy::disallowed_methods, reason = "only its length is looked at")]
        match value.expose().trim_matches(is_blank).len() {
            0 => Registered::Blank,
            1..Self::SHORTEST_VALUE_BYTES => Registered::TooShort,
            _ => Registered::Masked,
        }
    }

    /// Masks `value` from now on, in every byte that has not left a stream yet.
    ///
    /// # Errors
    /// [`RegisterError`] if the value exceeds a limit; nothing is registered then.
    pub fn register(&self, value: &Secret) -> Result<Registered, RegisterError> {
        if value.len() > Self::LONGEST_VALUE_BYTES {
            return Err(RegisterError::ValueTooLong {
                length_bytes: value.len(),
                limit_bytes: Self::LONGEST_VALUE_BYTES,
            });
        }
        let registered = Self::classify(value);
        if registered == Registered::Masked {
            #[expect(
                clippy::disallowed_methods,
                reason = "the copy is wiped with the masker"
            )]
            let bytes = value.expose().trim_matches(is_blank).as_bytes().to_vec();
            self.shared
                .values
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Zeroizing::new(bytes));
        }
        Ok(registered)
    }

    /// A filter for one channel: stdout, stderr, a trace.
    #[must_use]
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(Arc::clone(&self.shared))
    }

    /// Masks a whole text.
    #[must_use]
    pub fn mask(&self, text: &str) -> Masked<String> {
        let bytes = self.mask_bytes(text.as_bytes()).into_inner();
        Masked::by_masker(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Masks bytes that are whole.
    #[must_use]
    pub fn mask_bytes(&self, bytes: &[u8]) -> Masked<Vec<u8>> {
        let mut stream = self.stream();
        let mut masked = stream.write(bytes).into_inner();
        masked.extend(stream.finish().into_inner());
        Masked::by_masker(masked)
    }

    /// Masks JSON text. What comes out is JSON again.
    #[must_use]
    pub fn mask_json(&self, json: &str) -> Masked<String> {
        let masked = self.mask(json);
        match serde_json::from_str::<serde::de::IgnoredAny>(masked.as_str()) {
            Ok(_) => masked,
            Err(_) => Masked::by_masker(
                serde_json::Value::from(self.shared.config.replacement.as_str()).to_string(),
            ),
        }
    }
}

impl Default for MaskerConfig {
    fn default() -> Self {
        Self {
            replacement: "***".to_owned(),
            token_shapes: true,
            max_forms: 500_000,
        }
    }
}

impl Shared {
    /// The ranges of `bytes` that must not be seen, and from where on a value may still be open.
    pub(crate) fn search(&self, bytes: &[u8]) -> (Vec<(usize, usize)>, usize) {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut ranges = Vec::new();
        let mut open = bytes.len();
        for value in values.iter() {
            for start in 0..bytes.len() {
                if bytes[start..].starts_with(value) {
                    ranges.push((start, start + value.len()));
                } else if value.starts_with(&bytes[start..]) {
                    open = open.min(start);
                }
            }
        }
        ranges.sort_unstable();
        (ranges, open)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}')
}
