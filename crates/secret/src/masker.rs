//! The values of one run, and the streams and texts that are masked with them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::patterns::Patterns;
use crate::texts::Texts;
use crate::trie::Full;
use crate::wiped::Wiped;
use crate::{MaskStream, Masked, Secret, forms, mask_json, texts};

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

/// What the clones and streams of a masker share.
pub(crate) struct Shared {
    pub(crate) config: MaskerConfig,
    registry: RwLock<Registry>,
    /// Counts registrations, so that a stream sees without the lock that there are none.
    version: AtomicU64,
}

struct Registry {
    patterns: Arc<Patterns>,
    /// The registered values, to know them again.
    values: HashSet<Wiped<u8>>,
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
        let patterns = Arc::new(Patterns::new(config.token_shapes));
        let registry = RwLock::new(Registry {
            patterns,
            values: HashSet::new(),
        });
        Self {
            shared: Arc::new(Shared {
                config,
                registry,
                version: AtomicU64::new(0),
            }),
        }
    }

    /// What [`Masker::register`] would say of `value`, were it within the limits.
    #[must_use]
    pub fn classify(value: &Secret) -> Registered {
        #[expect(clippy::disallowed_methods, reason = "only its length is looked at")]
        match texts::trim(value.expose().as_bytes()).len() {
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
            let (length_bytes, limit_bytes) = (value.len(), Self::LONGEST_VALUE_BYTES);
            return Err(RegisterError::ValueTooLong {
                length_bytes,
                limit_bytes,
            });
        }
        let registered = Self::classify(value);
        if registered == Registered::Masked {
            #[expect(
                clippy::disallowed_methods,
                reason = "its forms are wiped with the masker"
            )]
            self.shared
                .register(texts::trim(value.expose().as_bytes()))?;
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

    /// Masks JSON text. What comes out is JSON again: a string or key has its values replaced, a number that is a value
    /// becomes a string, and a document that cannot be masked in parts becomes one string.
    #[must_use]
    pub fn mask_json(&self, json: &str) -> Masked<String> {
        mask_json::mask_json(self, json)
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The patterns as they are now.
    pub(crate) fn patterns(&self) -> Arc<Patterns> {
        self.shared.patterns().0
    }

    pub(crate) fn config(&self) -> &MaskerConfig {
        &self.shared.config
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

// === impl Shared ===

impl Shared {
    /// The patterns and their version.
    pub(crate) fn patterns(&self) -> (Arc<Patterns>, u64) {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&registry.patterns), self.version())
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn register(&self, value: &[u8]) -> Result<(), RegisterError> {
        let value = Wiped::from(value);
        if self
            .registry
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values
            .contains(&value)
        {
            return Ok(());
        }
        let texts = texts::texts_of(&value);
        let mut registry = self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registry.add(&texts, self.config.max_forms)?;
        registry.values.insert(value);
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

// === impl Registry ===

impl Registry {
    /// Streams that are open keep the patterns that they have, until they look again.
    fn add(&mut self, texts: &Texts, limit: usize) -> Result<(), RegisterError> {
        let full = |_| RegisterError::TooManyForms { limit };
        if self.patterns.trie().forms() + forms::MOST_FORMS * texts.len() <= limit {
            return Arc::make_mut(&mut self.patterns).add(texts).map_err(full);
        }
        // It may still fit, as forms of several values can be the same.
        let mut patterns = Patterns::clone(&self.patterns);
        patterns.add(texts).map_err(full)?;
        if patterns.trie().forms() > limit {
            return Err(full(Full));
        }
        self.patterns = Arc::new(patterns);
        Ok(())
    }
}
