//! Tokens that show by their shape that they are secrets, masked without being registered: a well-known prefix and enough
//! of the characters that follow it, and the body of a private key.
//!
//! Not among them, as logs are full of them: hex digests, UUIDs, dotted names, and prefixes alone.

mod pem;
mod runs;
mod table;
mod token;

use crate::lane::Holds;
use crate::union::Union;
use pem::PrivateKey;
use token::Tokens;

pub(crate) use runs::find_start;

/// No prefix is longer, and not `-----BEGIN ` either: so much of one may stand at the end of a text.
pub(crate) const LONGEST_PREFIX_BYTES: usize = 16;

/// Where the search for shapes in a stream stands. It looks at the raw text only.
#[derive(Default)]
pub(crate) struct ShapeScanner {
    tokens: Tokens,
    key: PrivateKey,
}

impl ShapeScanner {
    pub(crate) fn push(&mut self, byte: u8, position: u64, union: &mut Union) {
        self.tokens.push(byte, position, union);
        self.key.push(byte, position, union);
    }

    /// Whether nothing that came before can matter to what comes.
    pub(crate) fn is_quiet(&self) -> bool {
        self.tokens.is_quiet() && self.key.is_quiet()
    }

    pub(crate) fn hold(&self, holds: &mut Holds) {
        self.tokens.hold(holds);
        self.key.hold(holds);
    }
}
