//! The sealed credentials of one run: the guest holds placeholders, the host the values.
//!
//! A placeholder is random, and stands for one key in one run. It is of lower-case letters, digits and `_` alone, so that
//! it is the same in a header, a query, a form and JSON; whatever else a guest makes of it (cut, in upper case, encoded)
//! is text that stands for nothing.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem;

use lockstep_secret::{Masker, MaskerConfig, RegisterError, Registered, SharedSecret};
use lockstep_step::{CredentialKey, CredentialUse, Sealing};

use super::error::NotOpened;
use crate::credentials::{Credentials, Purpose, RevealError};

/// How each placeholder begins.
const PREFIX: &str = "lockstep_sealed_";
/// Random characters behind that: 5 bits each.
const RANDOM_CHARACTERS: usize = 32;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// What a placeholder has, in bytes.
pub(super) const PLACEHOLDER_BYTES: usize = PREFIX.len() + RANDOM_CHARACTERS;
/// Keys of sealed credentials that one run may ask for.
const MAX_HANDED: usize = 1_000;

/// The sealed credentials of one run.
pub(crate) struct Sealed {
    source: Arc<dyn Credentials>,
    /// That of the run: nothing that leaves has a value, even if it comes back in a way that the scrubber does not see.
    masker: Masker,
    /// Takes the values out of what comes back, and no others: what was revealed to the guest it may also receive.
    scrubber: Masker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    handed: Vec<Arc<Handed>>,
    opened: BTreeMap<CredentialKey, SharedSecret>,
    uses: Vec<CredentialUse>,
}

/// A placeholder that the guest was given.
pub(super) struct Handed {
    pub(super) placeholder: String,
    pub(super) key: CredentialKey,
    pub(super) sealing: Sealing,
}

/// A placeholder cannot be handed out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPlaceholder {
    /// Over the limit.
    #[error("more than {MAX_HANDED} sealed credentials in one run")]
    TooMany,
    /// The machine gives no random bytes.
    #[error("no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

impl Sealed {
    pub(crate) fn new(source: Arc<dyn Credentials>, masker: Masker) -> Self {
        let config = MaskerConfig {
            token_shapes: false,
            ..MaskerConfig::default()
        };
        Self {
            source,
            masker,
            scrubber: Masker::new(config),
            state: Mutex::default(),
        }
    }

    /// What the guest gets for `key`: the same each time it asks.
    pub(crate) fn hand_out(
        &self,
        key: &CredentialKey,
        sealing: Sealing,
    ) -> Result<String, NoPlaceholder> {
        let mut state = self.state();
        if let Some(handed) = state.handed.iter().find(|handed| handed.key == *key) {
            return Ok(handed.placeholder.clone());
        }
        if state.handed.len() == MAX_HANDED {
            return Err(NoPlaceholder::TooMany);
        }
        let placeholder = placeholder().map_err(NoPlaceholder::NoRandomness)?;
        let handed = Handed {
            placeholder: placeholder.clone(),
            key: key.clone(),
            sealing,
        };
        state.handed.push(Arc::new(handed));
        Ok(placeholder)
    }

    /// The credentials whose value was put into a request.
    pub(crate) fn uses(&self) -> Vec<CredentialUse> {
        self.state().uses.clone()
    }

    /// The credential whose placeholder comes first in `bytes`.
    pub(crate) fn placeholder_in(&self, bytes: &[u8]) -> Option<CredentialKey> {
        if self.is_empty() {
            return None;
        }
        let found = self.find(bytes);
        found.first().map(|(_, handed)| handed.key.clone())
    }

    /// Whether the guest has any placeholder.
    pub(super) fn is_empty(&self) -> bool {
        self.state().handed.is_empty()
    }

    /// Whether there is a placeholder of this kind.
    pub(super) fn any(&self, is_meant: impl Fn(&Handed) -> bool) -> bool {
        self.state().handed.iter().any(|handed| is_meant(handed))
    }

    /// The placeholders of this run in `bytes`, in their order.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<(Range<usize>, Arc<Handed>)> {
        let mut found = Vec::new();
        let state = self.state();
        for at in memmem::find_iter(bytes, PREFIX) {
            let end = at + PLACEHOLDER_BYTES;
            let handed = bytes.get(at..end).and_then(|text| {
                let mut handed = state.handed.iter();
                handed.find(|handed| handed.placeholder.as_bytes() == text)
            });
            if let Some(handed) = handed {
                found.push((at..end, Arc::clone(handed)));
            }
        }
        found
    }

    /// How many bytes at the end of `bytes` may be the beginning of a placeholder.
    pub(super) fn open_end(&self, bytes: &[u8]) -> usize {
        // What is whole already is none that begins: its last letter may be the first of one.
        let whole = self.find(bytes).pop().map_or(0, |(range, _)| range.end);
        let state = self.state();
        let longest = (bytes.len() - whole).min(PLACEHOLDER_BYTES - 1);
        let begins = |length: &usize| {
            let end = &bytes[bytes.len() - length..];
            let mut handed = state.handed.iter();
            handed.any(|handed| handed.placeholder.as_bytes().starts_with(end))
        };
        (1..=longest).rev().find(begins).unwrap_or(0)
    }

    /// The value of a sealed credential. From here on it is masked, and taken out of what comes back.
    pub(crate) fn open(&self, key: &CredentialKey) -> Result<Arc<str>, NotOpened> {
        let mut state = self.state();
        if !state.opened.contains_key(key) {
            let failed = |source| NotOpened {
                key: key.clone(),
                source,
            };
            let reveal = self.source.open_sealed(key).map_err(|error| {
                failed(match error {
                    RevealError::Host(source) => source,
                    other => Box::new(other),
                })
            })?;
            let register = |masker: &Masker| -> Result<Registered, RegisterError> {
                masker.register(&reveal.secret)
            };
            register(&self.masker).map_err(|error| failed(error.into()))?;
            if register(&self.scrubber).map_err(|error| failed(error.into()))? != Registered::Masked
            {
                tracing::warn!(%key, "the value is too short to be taken out of what comes back");
            }
            state.uses.push(CredentialUse {
                key: key.clone(),
                scope: reveal.scope,
                version: reveal.version,
                sealed: true,
            });
            state
                .opened
                .insert(key.clone(), SharedSecret::from(reveal.secret));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the value goes into a request that its sealing allows, or into a signature"
        )]
        let value = state.opened.get(key).map(SharedSecret::expose);
        value.ok_or_else(|| NotOpened {
            key: key.clone(),
            source: "it is gone".into(),
        })
    }

    /// Tells what a value that was opened is used for, before it is.
    pub(crate) fn tell(&self, key: &CredentialKey, purpose: Purpose<'_>) {
        let state = self.state();
        if let Some(used) = state.uses.iter().find(|used| used.key == *key) {
            self.source.used(used, purpose);
        }
    }

    /// What takes the values out of an answer. `None`: no value has left.
    pub(super) fn scrubber(&self) -> Option<&Masker> {
        (!self.state().opened.is_empty()).then_some(&self.scrubber)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn placeholder() -> Result<String, getrandom::Error> {
    let mut random = [0; RANDOM_CHARACTERS];
    getrandom::fill(&mut random)?;
    let random = random.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(PREFIX.chars().chain(random).collect())
}
