//! The hash of an entry: SHA-256 over what reads in one way only.
//!
//! A tag that no other use of SHA-256 here shares, the hash of the entry before, and each field behind one byte that says
//! whether it is there and 8 that say how long it is. So no edit leaves the hash as it is, and none can be undone by
//! another field.

use jiff::Timestamp;

use lockstep_step::Digest;

use super::{AuditAction, AuditChain, AuditEntry};

const DOMAIN: &[u8] = b"lockstep/audit-entry/1";

/// What an entry says besides its place, who did it, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) action: &'a str,
    pub(crate) workflow: Option<&'a str>,
    pub(crate) step: Option<&'a str>,
    pub(crate) run: Option<&'a str>,
    pub(crate) scope: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) version: Option<u64>,
    pub(crate) mode: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) target: Option<&'a str>,
}

/// What the first entry of a chain has in the place of the hash before it.
pub(crate) fn genesis() -> Digest {
    Digest::from_bytes([0; 32])
}

// === impl Fields ===

impl Fields<'_> {
    /// Nothing but the action.
    pub(crate) fn of(action: AuditAction) -> Self {
        Self {
            action: action.as_str(),
            workflow: None,
            step: None,
            run: None,
            scope: None,
            key: None,
            version: None,
            mode: None,
            host: None,
            detail: None,
            target: None,
        }
    }

    /// The hash of an entry that says this at this place.
    pub(crate) fn hash(
        &self,
        chain: &AuditChain,
        sequence: u64,
        at: Timestamp,
        actor: &str,
        before: &Digest,
    ) -> Digest {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(DOMAIN);
        bytes.extend_from_slice(before.as_bytes());
        let mut field = |value: Option<&[u8]>| match value {
            None => bytes.push(0),
            Some(value) => {
                bytes.push(1);
                // `usize` is at most 64 bits wide, so nothing is lost.
                bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
                bytes.extend_from_slice(value);
            }
        };
        field(chain.workspace().map(|name| name.as_str().as_bytes()));
        field(Some(&sequence.to_be_bytes()));
        field(Some(&at.as_nanosecond().to_be_bytes()));
        field(Some(actor.as_bytes()));
        field(Some(self.action.as_bytes()));
        for text in [self.workflow, self.step, self.run, self.scope, self.key] {
            field(text.map(str::as_bytes));
        }
        field(
            self.version
                .map(u64::to_be_bytes)
                .as_ref()
                .map(|version| version.as_slice()),
        );
        for text in [self.mode, self.host, self.detail, self.target] {
            field(text.map(str::as_bytes));
        }
        Digest::of(&bytes)
    }
}

// === impl AuditEntry ===

impl AuditEntry {
    fn fields(&self) -> Fields<'_> {
        Fields {
            action: &self.action,
            workflow: self.workflow.as_deref(),
            step: self.step.as_deref(),
            run: self.run.as_deref(),
            scope: self.scope.as_deref(),
            key: self.key.as_deref(),
            version: self.version,
            mode: self.mode.as_deref(),
            host: self.host.as_deref(),
            detail: self.detail.as_deref(),
            target: self.target.as_deref(),
        }
    }

    /// The hash that it has if it is what was written behind `before`.
    pub(crate) fn expected_hash(&self, before: &Digest) -> Digest {
        self.fields()
            .hash(&self.chain, self.sequence, self.at, &self.actor, before)
    }
}

#[cfg(test)]
mod tests {
    use lockstep_step::WorkspaceName;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    /// Few letters, so that fields are often equal, or run into each other where they could.
    fn text() -> impl Strategy<Value = String> {
        "[ab]{0,3}"
    }

    fn some() -> impl Strategy<Value = Option<String>> {
        option::of(text())
    }

    prop_compose! {
        fn entry()(
            chain in prop_oneof![Just(None), "[ab]{1,2}".prop_map(Some)],
            sequence in 1..4_u64,
            at in 0..3_i64,
            (actor, action) in (text(), text()),
            (workflow, step, run, scope) in (some(), some(), some(), some()),
            (key, version, mode) in (some(), option::of(0..3_u64), some()),
            (host, detail, target) in (some(), some(), some()),
        ) -> AuditEntry {
            let name = |name: String| AuditChain::Workspace(name.parse::<WorkspaceName>().unwrap());
            AuditEntry {
                chain: chain.map_or(AuditChain::Host, name),
                sequence,
                at: Timestamp::from_microsecond(at).unwrap(),
                actor, action, workflow, step, run, scope, key, version, mode, host, detail, target,
                hash: genesis(),
            }
        }
    }

    /// The entry with one field as it is in the other.
    fn with_field(entry: &AuditEntry, other: &AuditEntry, field: usize) -> AuditEntry {
        let (mut entry, other) = (entry.clone(), other.clone());
        match field {
            0 => entry.chain = other.chain,
            1 => entry.sequence = other.sequence,
            2 => entry.at = other.at,
            3 => entry.actor = other.actor,
            4 => entry.action = other.action,
            5 => entry.workflow = other.workflow,
            6 => entry.step = other.step,
            7 => entry.run = other.run,
            8 => entry.scope = other.scope,
            9 => entry.key = other.key,
            10 => entry.version = other.version,
            11 => entry.mode = other.mode,
            12 => entry.host = other.host,
            13 => entry.detail = other.detail,
            _ => entry.target = other.target,
        }
        entry
    }

    proptest! {
        #[test]
        fn no_two_entries_have_one_hash(one in entry(), other in entry(), before in any::<[u8; 32]>()) {
            let before = Digest::from_bytes(before);
            let hash = one.expected_hash(&before);
            prop_assert_eq!(one == other, hash == other.expected_hash(&before));
            for field in 0..15 {
                let edited = with_field(&one, &other, field);
                prop_assert_eq!(edited == one, hash == edited.expected_hash(&before));
            }
        }

        #[test]
        fn the_hash_before_is_in_the_hash(one in entry(), a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
            let [from_a, from_b] = [a, b].map(|before| one.expected_hash(&Digest::from_bytes(before)));
            prop_assert_eq!(a == b, from_a == from_b);
        }

        #[test]
        fn an_entry_is_the_same_when_it_was_exported(one in entry()) {
            let line = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<AuditEntry>(&line).unwrap(), one);
        }
    }
}
