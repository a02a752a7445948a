//! A secret while it is in memory, and text with secrets taken out.
//!
//! [`Secret`] is the only plaintext in Lockstep and [`Masked`] the only guest text that leaves it. Only a [`Masker`]
//! makes one from the other's surroundings, so an edge cannot print what was not masked.
#![forbid(unsafe_code)]

mod emitted;
mod masked;
mod masker;
mod plaintext;
mod stack;
mod stream;

mod glance;
mod mask_json;
mod texts;

mod base64;
mod forms;
mod json;
mod kinds;
mod patterns;
mod suffixes;
mod trie;

mod shapes;

mod lane;
mod matcher;
mod scanner;
mod skim;
mod union;
mod view;

mod wiped;

pub use masked::Masked;
pub use masker::{Masker, MaskerConfig, RegisterError, Registered};
pub use plaintext::{KeyMaterial, NotAJsonString, NotUtf8, Secret, SharedSecret};
pub use stack::with_wiped_stack;
pub use stream::MaskStream;

/// The buffer that plaintext and keys pass through on their way into a [`Secret`] or [`KeyMaterial`]: wiped when it is
/// dropped. It comes from here so that one crate alone decides how memory is wiped.
pub use zeroize::{Zeroize, Zeroizing};
