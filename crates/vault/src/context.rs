//! What a layer of an envelope is bound to, as bytes that read in one way only.
//!
//! Each field is preceded by its length, under a tag that no other use of the keys shares. Two contexts are equal only
//! if each of their fields is: `("ab", "c")` and `("a", "bc")` differ.

use lockstep_step::{CredentialKey, Digest, Scope, WorkspaceName};

use crate::envelope::WorkspaceKeyId;
use crate::kek::KekId;
use crate::record::{ALGORITHM, WORKSPACE_KEY_FORMAT};
use crate::terms::Terms;

/// Of the seals of heads.
const HEAD_FORMAT: u8 = 1;
/// Of the seals of backups.
const BACKUP_FORMAT: u8 = 1;

/// Associated data of one layer.
pub(crate) struct Context(Vec<u8>);

/// Where a version of a credential belongs, how it may be used, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) workspace: &'a WorkspaceName,
    pub(crate) scope: &'a Scope,
    pub(crate) key: &'a CredentialKey,
    pub(crate) version: u64,
    pub(crate) terms: &'a Terms,
}

impl Context {
    /// A workspace's key under a key-encryption key.
    pub(crate) fn workspace_key(
        kek: &KekId,
        workspace_key: &WorkspaceKeyId,
        workspace: &WorkspaceName,
    ) -> Self {
        Self::new("lockstep/workspace-key", WORKSPACE_KEY_FORMAT)
            .field(kek.as_bytes())
            .field(workspace_key.as_bytes())
            .field(workspace.as_str().as_bytes())
    }

    /// A data key under its workspace's key.
    pub(crate) fn data_key(workspace_key: &WorkspaceKeyId, place: Place<'_>) -> Self {
        Self::new("lockstep/data-key", place.terms.format()).credential(workspace_key, place)
    }

    /// A value under its data key.
    pub(crate) fn value(workspace_key: &WorkspaceKeyId, place: Place<'_>) -> Self {
        Self::new("lockstep/value", place.terms.format()).credential(workspace_key, place)
    }

    /// The key that heads of a workspace's audit chain are sealed with, from the workspace's key.
    pub(crate) fn head_key(workspace_key: &WorkspaceKeyId, workspace: &WorkspaceName) -> Self {
        Self::new("lockstep/audit-head-key", HEAD_FORMAT)
            .field(workspace_key.as_bytes())
            .field(workspace.as_str().as_bytes())
    }

    /// The head of an audit chain.
    pub(crate) fn head(workspace: &WorkspaceName, sequence: u64, hash: &Digest) -> Self {
        Self::new("lockstep/audit-head", HEAD_FORMAT)
            .field(workspace.as_str().as_bytes())
            .field(&sequence.to_be_bytes())
            .field(hash.as_bytes())
    }

    /// The key that heads of the host's audit chain are sealed with, from a key-encryption key.
    pub(crate) fn host_head_key(kek: &KekId) -> Self {
        Self::new("lockstep/host-audit-head-key", HEAD_FORMAT).field(kek.as_bytes())
    }

    /// The head of the host's audit chain.
    pub(crate) fn host_head(sequence: u64, hash: &Digest) -> Self {
        Self::new("lockstep/host-audit-head", HEAD_FORMAT)
            .field(&sequence.to_be_bytes())
            .field(hash.as_bytes())
    }

    /// The key that backups are sealed with, from a key-encryption key.
    pub(crate) fn backup_key(kek: &KekId) -> Self {
        Self::new("lockstep/backup-key", BACKUP_FORMAT).field(kek.as_bytes())
    }

    /// A backup.
    pub(crate) fn backup(bytes: u64, digest: &Digest) -> Self {
        Self::new("lockstep/backup", BACKUP_FORMAT)
            .field(&bytes.to_be_bytes())
            .field(digest.as_bytes())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn new(domain: &'static str, format: u8) -> Self {
        // Three names of at most 128 bytes and the rest fit, so that there is one allocation but for many hosts.
        Self(Vec::with_capacity(512))
            .field(domain.as_bytes())
            .field(&[format])
            .field(&[ALGORITHM])
    }

    fn credential(self, workspace_key: &WorkspaceKeyId, place: Place<'_>) -> Self {
        let (scope, workflow) = match place.scope {
            Scope::Workspace => ("workspace", ""),
            Scope::Workflow(name) => ("workflow", name.as_str()),
        };
        let bound = self
            .field(workspace_key.as_bytes())
            .field(place.workspace.as_str().as_bytes())
            .field(scope.as_bytes())
            .field(workflow.as_bytes())
            .field(place.key.as_str().as_bytes())
            .field(&place.version.to_be_bytes());
        place.terms.fields().fold(bound, Self::field)
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        // `usize` is at most 64 bits wide, so nothing is lost.
        self.0
            .extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
impl Context {
    /// A context of one field.
    pub(crate) fn for_test(field: &str) -> Self {
        Self::new("lockstep/test", 1).field(field.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::Timestamp;
    use lockstep_step::{Handling, Sealing};

    use super::*;

    fn all_terms() -> Vec<Terms> {
        let sealed = |host: &str| {
            let sealing = Sealing::new([host.parse().unwrap()], []).unwrap();
            Handling::Sealed(sealing)
        };
        let ends = [None, Some(Timestamp::UNIX_EPOCH), Some(Timestamp::MAX)];
        let all = [Handling::Reveal, sealed("a.test"), sealed("b.test")];
        let whole = all.into_iter().flat_map(|handling| {
            let terms = move |end| Terms::new(handling.clone(), end);
            ends.into_iter().map(terms)
        });
        let older = [(1, &b""[..]), (2, b"\x00\x0a\x01\x01\x00\x06a.test")];
        let older = older.map(|(format, bytes)| Terms::read(format, bytes).unwrap().0);
        whole.chain(older).collect()
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let two = |a: &str, b: &str| {
            let context = Context::new("lockstep/test", 1);
            context.field(a.as_bytes()).field(b.as_bytes()).0
        };
        assert_ne!(two("ab", "c"), two("a", "bc"));
        assert_ne!(two("", "abc"), two("abc", ""));
        assert_eq!(two("ab", "c"), two("ab", "c"));
    }

    #[test]
    fn each_part_of_a_place_is_bound() {
        let ids = [[1; 16], [2; 16]].map(WorkspaceKeyId::from_bytes);
        let scopes = ["", "daily", "weekly"].map(|name| match name {
            "" => Scope::Workspace,
            name => Scope::Workflow(name.parse().unwrap()),
        });
        let mut contexts = HashSet::new();
        let mut made = 0;
        for id in &ids {
            for workspace in ["acme", "globex"] {
                for scope in &scopes {
                    for key in ["TOKEN", "TOKEN_"] {
                        for (version, terms) in [1, 2].into_iter().flat_map(|version| {
                            all_terms().into_iter().map(move |it| (version, it))
                        }) {
                            let place = Place {
                                workspace: &workspace.parse().unwrap(),
                                scope,
                                key: &key.parse().unwrap(),
                                version,
                                terms: &terms,
                            };
                            contexts.insert(Context::value(id, place).0);
                            contexts.insert(Context::data_key(id, place).0);
                            made += 2;
                        }
                    }
                }
            }
        }
        assert_eq!(contexts.len(), made);
    }
}
