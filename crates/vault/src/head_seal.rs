//! The seal of the head of an audit chain: HMAC-SHA-256 under a key that is derived from the workspace's own, or for the
//! host's chain from the key-encryption key that is the primary then, which the seal names. And that of a backup, made as
//! the latter.
//!
//! Who can write to the database and has no key can make a chain that fits together, and cannot make its seal. Who can
//! send a backup and has no key cannot have changed it.
//! Both the derivation and the seal are HKDF-Expand (RFC 5869), of which 32 bytes are HMAC-SHA-256 over the context and
//! one more byte. Each context is under a tag of its own, so that no key of an envelope comes out of it.

use std::convert::Infallible;

use ctutils::CtEq;

use lockstep_secret::{KeyMaterial, with_wiped_stack};
use lockstep_step::{Digest, WorkspaceName};

use crate::context::Context;
use crate::envelope::WorkspaceKeyId;
use crate::kek::{Kek, KekId};
use crate::layer::expand;

/// The seal of a head. It is no secret.
#[derive(Clone, Copy, Debug)]
pub struct HeadSeal([u8; Self::LENGTH_BYTES]);

/// The seal of a head of the host's chain: the name of a key-encryption key, and the seal under it. It is no secret.
#[derive(Clone, Copy, Debug)]
pub struct HostHeadSeal([u8; Self::LENGTH_BYTES]);

/// The seal of a backup: the name of a key-encryption key, and the seal under it. It is no secret.
#[derive(Clone, Copy, Debug)]
pub struct BackupSeal([u8; Self::LENGTH_BYTES]);

/// The name of a key, and a seal.
const NAMED_BYTES: usize = 8 + HeadSeal::LENGTH_BYTES;

// === impl HeadSeal ===

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

// === impl HostHeadSeal ===

impl HostHeadSeal {
    /// Of the name of a key, and of a seal.
    pub const LENGTH_BYTES: usize = NAMED_BYTES;

    pub(crate) fn new(kek: &Kek, sequence: u64, hash: &Digest) -> Self {
        let key = Context::host_head_key(&kek.id());
        Self(named(kek, &key, &Context::host_head(sequence, hash)))
    }

    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH_BYTES] {
        &self.0
    }

    pub(crate) fn is(&self, kept: &[u8]) -> bool {
        self.0.as_slice().ct_eq(kept).to_bool()
    }
}

// === impl BackupSeal ===

impl BackupSeal {
    /// Of the name of a key, and of a seal.
    pub const LENGTH_BYTES: usize = NAMED_BYTES;

    pub(crate) fn new(kek: &Kek, bytes: u64, digest: &Digest) -> Self {
        let key = Context::backup_key(&kek.id());
        Self(named(kek, &key, &Context::backup(bytes, digest)))
    }

    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH_BYTES] {
        &self.0
    }

    pub(crate) fn is(&self, kept: &[u8]) -> bool {
        self.0.as_slice().ct_eq(kept).to_bool()
    }
}

/// The name of a key-encryption key, and the seal of what the context says under a key that is derived from it.
fn named(kek: &Kek, key: &Context, sealed: &Context) -> [u8; NAMED_BYTES] {
    with_wiped_stack(|| {
        let key = derived(kek.key(), key);
        let mut bytes = [0; NAMED_BYTES];
        let (id, seal) = bytes.split_at_mut(8);
        id.copy_from_slice(kek.id().as_bytes());
        expand(&key, sealed.as_bytes(), seal);
        bytes
    })
}

/// The key that made a seal which was kept. `None` if it is no such seal.
pub(crate) fn kek_of(kept: &[u8]) -> Option<KekId> {
    let kept: &[u8; NAMED_BYTES] = kept.try_into().ok()?;
    kept.first_chunk().copied().map(KekId::from_bytes)
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

    #[test]
    fn each_part_of_a_head_of_the_host_is_sealed_and_its_key_is_named() {
        let [kek, other_kek] = [(); 2].map(|()| Kek::generate().unwrap());
        let [hash, other_hash] = [b"one", b"two"].map(|text| Digest::of(text));
        let seal = HostHeadSeal::new(&kek, 7, &hash);
        assert!(seal.is(HostHeadSeal::new(&kek, 7, &hash).as_bytes()));
        assert_eq!(kek_of(seal.as_bytes()), Some(kek.id()));
        for other in [
            HostHeadSeal::new(&other_kek, 7, &hash),
            HostHeadSeal::new(&kek, 8, &hash),
            HostHeadSeal::new(&kek, 7, &other_hash),
        ] {
            assert!(!seal.is(other.as_bytes()));
        }
        // Not as one of a workspace, should its key be this one.
        let (id, workspace) = (WorkspaceKeyId::from_bytes([1; 16]), "acme".parse().unwrap());
        let of_workspace = HeadSeal::new(kek.key(), &id, &workspace, 7, &hash);
        assert!(!of_workspace.is(&seal.as_bytes()[8..]));
        assert_eq!(kek_of(of_workspace.as_bytes()), None);
    }

    #[test]
    fn each_part_of_a_backup_is_sealed_and_its_key_is_named() {
        let [kek, other_kek] = [(); 2].map(|()| Kek::generate().unwrap());
        let [digest, other] = [b"one", b"two"].map(|text| Digest::of(text));
        let seal = BackupSeal::new(&kek, 7, &digest);
        assert!(seal.is(BackupSeal::new(&kek, 7, &digest).as_bytes()));
        assert_eq!(kek_of(seal.as_bytes()), Some(kek.id()));
        for other in [
            BackupSeal::new(&other_kek, 7, &digest),
            BackupSeal::new(&kek, 8, &digest),
            BackupSeal::new(&kek, 7, &other),
        ] {
            assert!(!seal.is(other.as_bytes()));
        }
        // Not as the head of a chain.
        assert!(!seal.is(HostHeadSeal::new(&kek, 7, &digest).as_bytes()));
    }
}
