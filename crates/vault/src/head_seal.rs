//! The seal of the head of an audit chain: HMAC-SHA-256 under a key that is derived from the workspace's own.
//!
//! Who can write to the database and has no key can make a chain that fits together, and cannot make its seal.
//! Both the derivation and the seal are HKDF-Expand (RFC 5869), of which 32 bytes are HMAC-SHA-256 over the context and
//! one more byte. Each context is under a tag of its own, so that no key of an envelope comes out of it.

use std::convert::Infallible;

use ctutils::CtEq;

use lockstep_secret::{KeyMaterial, with_wiped_stack};
use lockstep_step::{Digest, WorkspaceName};

use crate::context::Context;
use crate::envelope::WorkspaceKeyId;
use crate::layer::expand;

/// The seal of a head. It is no secret.
#[derive(Clone, Copy, Debug)]
pub struct HeadSeal([u8; Self::LENGTH_BYTES]);

impl HeadSeal {
    /// Of a seal.
    pub const LENGTH_BYTES: usize = 32;

    pub(crate) fn new(
        key: &KeyMaterial,
        id: &WorkspaceKeyId,
        workspace: &WorkspaceName,
        sequence: u64,
        hash: &Digest,
    ) -> Self {
        with_wiped_stack(|| {
            let head_key = derived(key, &Context::head_key(id, workspace));
            let mut seal = [0; Self::LENGTH_BYTES];
            let head = Context::head(workspace, sequence, hash);
            expand(&head_key, head.as_bytes(), &mut seal);
            Self(seal)
        })
    }

    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH_BYTES] {
        &self.0
    }

    /// Whether `kept` is this seal.
    #[must_use]
    pub fn is(&self, kept: &[u8]) -> bool {
        self.0.as_slice().ct_eq(kept).to_bool()
    }
}

fn derived(key: &KeyMaterial, context: &Context) -> KeyMaterial {
    let Ok(derived) = KeyMaterial::try_fill(|bytes| {
        expand(key, context.as_bytes(), bytes);
        Ok::<_, Infallible>(())
    });
    derived
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kek::random_key;

    #[test]
    fn each_part_of_a_head_is_sealed() {
        let (key, other_key) = (random_key().unwrap(), random_key().unwrap());
        let [id, other_id] = [[1; 16], [2; 16]].map(WorkspaceKeyId::from_bytes);
        let [workspace, elsewhere] = ["acme", "globex"].map(|name| name.parse().unwrap());
        let [hash, other_hash] = [b"one", b"two"].map(|text| Digest::of(text));
        let seal = HeadSeal::new(&key, &id, &workspace, 7, &hash);
        assert!(seal.is(HeadSeal::new(&key, &id, &workspace, 7, &hash).as_bytes()));
        for other in [
            HeadSeal::new(&other_key, &id, &workspace, 7, &hash),
            HeadSeal::new(&key, &other_id, &workspace, 7, &hash),
            HeadSeal::new(&key, &id, &elsewhere, 7, &hash),
            HeadSeal::new(&key, &id, &workspace, 8, &hash),
            HeadSeal::new(&key, &id, &workspace, 7, &other_hash),
        ] {
            assert!(!seal.is(other.as_bytes()));
        }
        assert!(!seal.is(b"") && !seal.is(&seal.as_bytes()[..31]));
    }
}
