//! The values of one run, and the streams and texts that are masked with them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::patterns::Patterns;
use crate::texts::Texts;
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

impl Registered {
    /// The word of the API and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::TooShort => "too_short",
            Self::Blank => "blank",
        }
    }
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
    unspelled: Unspelled,
    /// The registered values, to know them again.
    values: HashSet<Wiped<u8>>,
}

/// Texts that are not among the patterns yet. They get there before a text is looked at in which one of them may be: a step
/// that asks for a credential may log nothing, and return less than it is long.
struct Unspelled {
    texts: Texts,
    /// All forms of them together are shorter.
    most_bytes: usize,
    /// No form of them is shorter.
    least_bytes: usize,
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
            unspelled: Unspelled::default(),
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

    /// Those of them that can be in a text of so many bytes, and maybe others.
    pub(crate) fn patterns_within(&self, bytes: usize) -> Arc<Patterns> {
        self.shared.patterns_within(bytes).0
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
        self.patterns_within(usize::MAX)
    }

    fn patterns_within(&self, bytes: usize) -> (Arc<Patterns>, u64) {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        if bytes < registry.unspelled.least_bytes || registry.unspelled.texts.is_empty() {
            return (Arc::clone(&registry.patterns), self.version());
        }
        drop(registry);
        let mut registry = self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registry.spell();
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
        registry.add(texts, self.config.max_forms)?;
        registry.values.insert(value);
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

// === impl Registry ===

impl Registry {
    fn add(&mut self, texts: Texts, limit: usize) -> Result<(), RegisterError> {
        if self.has_room(&texts, limit) {
            self.unspelled.add(texts);
            return Ok(());
        }
        self.spell();
        // It may still fit, as forms of several values can be the same.
        let mut patterns = Patterns::clone(&self.patterns);
        let full = RegisterError::TooManyForms { limit };
        if !patterns.has_room(forms::most_bytes_of(&texts)) {
            return Err(full);
        }
        patterns.add(&texts);
        if patterns.trie().forms() > limit {
            return Err(full);
        }
        self.patterns = Arc::new(patterns);
        Ok(())
    }

    /// Whether these texts fit in with the unspelled ones, even if all their forms are different.
    fn has_room(&self, texts: &Texts, limit: usize) -> bool {
        let most_forms = forms::MOST_FORMS * (self.unspelled.texts.len() + texts.len());
        let most_bytes = self.unspelled.most_bytes + forms::most_bytes_of(texts);
        self.patterns.trie().forms() + most_forms <= limit && self.patterns.has_room(most_bytes)
    }

    /// Streams that are open keep the patterns that they have, until they look again.
    fn spell(&mut self) {
        let Unspelled { texts, .. } = std::mem::take(&mut self.unspelled);
        Arc::make_mut(&mut self.patterns).add(&texts);
    }
}

// === impl Unspelled ===

impl Unspelled {
    fn add(&mut self, mut texts: Texts) {
        self.most_bytes += forms::most_bytes_of(&texts);
        let least_bytes = texts.iter().map(|(text, _)| forms::least_bytes(text)).min();
        self.least_bytes = self.least_bytes.min(least_bytes.unwrap_or(usize::MAX));
        self.texts.append(&mut texts);
    }
}

impl Default for Unspelled {
    fn default() -> Self {
        Self {
            texts: Texts::new(),
            most_bytes: 0,
            least_bytes: usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "a value of the usual length, 1f93";

    fn masker() -> Masker {
        let masker = Masker::new(MaskerConfig::default());
        let registered = masker.register(&Secret::new(VALUE.to_owned()));
        assert_eq!(registered, Ok(Registered::Masked));
        masker
    }

    fn is_spelled(masker: &Masker) -> bool {
        masker
            .shared
            .registry
            .read()
            .unwrap()
            .unspelled
            .texts
            .is_empty()
    }

    #[test]
    fn a_value_is_spelled_for_the_first_text_that_is_long_enough_for_it() {
        let masker = masker();
        assert_eq!(
            masker.mask_json(r#"{"ok":true}"#).as_str(),
            r#"{"ok":true}"#
        );
        assert!(!is_spelled(&masker));
        let json = format!(r#"{{"said":"{VALUE}"}}"#);
        assert_eq!(masker.mask_json(&json).as_str(), r#"{"said":"***"}"#);
        assert!(is_spelled(&masker));
    }

    #[test]
    fn a_text_of_just_the_length_of_the_shortest_form_is_masked() {
        let masker = masker();
        let shortest = VALUE.replace(' ', "").len();
        let json = "1".repeat(shortest);
        assert_eq!(masker.mask_json(&json[1..]).as_str(), &json[1..]);
        assert!(!is_spelled(&masker));
        assert_eq!(masker.mask_json(&json).as_str(), json);
        assert!(is_spelled(&masker));
    }

    #[test]
    fn a_value_over_the_limit_is_refused_before_anything_is_spelled() {
        let masker = Masker::new(MaskerConfig {
            max_forms: 1_000,
            ..MaskerConfig::default()
        });
        let register = |n: usize| masker.register(&Secret::new(format!("{n:05}-{VALUE}")));
        let refused = (0..).map(register).find_map(Result::err);
        assert_eq!(refused, Some(RegisterError::TooManyForms { limit: 1_000 }));
    }
}
