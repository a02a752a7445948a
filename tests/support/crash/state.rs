//! The state of a lane, as what was acknowledged makes it, and as it is found.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_step::Digest;

use super::{Operation, Place, keys, proof, step, value};

/// What must be there of one lane.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    credentials: BTreeMap<(Place, String), Credential>,
    /// The last version that each key had, which stays when it is deleted.
    versions: BTreeMap<(Place, String), u64>,
    permission: Option<BTreeSet<String>>,
    has_tenant: bool,
    step: Option<(u64, usize)>,
    pending: Option<(String, Operation)>,
}

#[derive(Clone, Debug)]
struct Credential {
    version: u64,
    value: String,
}

/// What is found of one lane.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The credentials.
    pub credentials: BTreeMap<(Place, String), SeenCredential>,
    /// What the lane's workflow may use.
    pub permission: Option<BTreeSet<String>>,
    /// What a step of that workflow gets: a proof for each key of the workspace.
    pub permitted: BTreeMap<String, Option<String>>,
    /// Whether the lane's workspace is there.
    pub has_tenant: bool,
    /// Version and digest of the lane's step.
    pub step: Option<(u64, Digest)>,
}

/// A credential that is listed, and what a step proves of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SeenCredential {
    /// Its version.
    pub version: u64,
    /// The proof, if the step got it.
    pub proof: Option<String>,
}

impl Lane {
    /// The lane is about to do this.
    pub fn begins(&mut self, name: String, operation: Operation) {
        assert!(self.pending.is_none(), "a lane does one thing at a time");
        self.pending = Some((name, operation));
    }

    /// What it did was acknowledged, with these versions of credentials.
    pub fn done(&mut self, canary: &str, told: &[u64]) {
        let (name, operation) = self.pending.take().expect("what is done was begun");
        assert!(self.is_allowed(&operation), "{name} is done: {operation:?}");
        self.apply(canary, &name, &operation);
        if let Operation::Put { place, keys } = &operation {
            let versions: Vec<u64> = keys
                .iter()
                .map(|key| self.credentials[&(*place, key.clone())].version)
                .collect();
            assert_eq!(told, versions, "the versions of {name}: {operation:?}");
        }
    }

    /// What it did was refused.
    pub fn refused(&mut self, why: &str) {
        let (name, operation) = self.pending.take().expect("what is refused was begun");
        let is_allowed = self.is_allowed(&operation);
        assert!(!is_allowed, "{name} is refused: {why}: {operation:?}");
    }

    /// The process is gone: `seen` is the state before what was pending, or after it. From here on it is that.
    pub fn settle(&mut self, canary: &str, nonce: &str, number: usize, seen: &Seen) {
        let before = self.seen(number, nonce);
        let Some((name, operation)) = self.pending.take() else {
            assert_eq!(*seen, before, "lane {number}, with nothing pending");
            return;
        };
        if *seen == before {
            return;
        }
        if self.is_allowed(&operation) {
            self.apply(canary, &name, &operation);
        }
        let after = self.seen(number, nonce);
        assert_eq!(
            *seen, after,
            "lane {number} is neither as before {name} nor as after it: {operation:?}; before: {before:?}"
        );
    }

    fn is_allowed(&self, operation: &Operation) -> bool {
        match operation {
            Operation::Put { place, .. } => *place != Place::Tenant || self.has_tenant,
            Operation::Delete { place, key } => {
                self.credentials.contains_key(&(*place, key.clone()))
            }
            Operation::AddTenant => !self.has_tenant,
            Operation::RemoveTenant => self.has_tenant,
            Operation::Permit { .. } | Operation::AddStep { .. } => true,
        }
    }

    fn apply(&mut self, canary: &str, name: &str, operation: &Operation) {
        match operation {
            Operation::Put { place, keys } => {
                for key in keys {
                    let at = (*place, key.clone());
                    let version = self.versions.entry(at.clone()).or_default();
                    *version += 1;
                    let (version, value) = (*version, value(canary, name, key));
                    self.credentials.insert(at, Credential { version, value });
                }
            }
            Operation::Delete { place, key } => {
                self.credentials.remove(&(*place, key.clone()));
            }
            Operation::Permit { keys } => self.permission.clone_from(keys),
            Operation::AddTenant => self.has_tenant = true,
            Operation::RemoveTenant => {
                self.has_tenant = false;
                // Another workspace of this name begins anew.
                self.credentials
                    .retain(|(place, _), _| *place != Place::Tenant);
                self.versions
                    .retain(|(place, _), _| *place != Place::Tenant);
            }
            Operation::AddStep { variant } => {
                let version = self.step.map_or(0, |(version, _)| version);
                if self.step != Some((version, *variant)) {
                    self.step = Some((version + 1, *variant));
                }
            }
        }
    }

    fn seen(&self, number: usize, nonce: &str) -> Seen {
        let proof_of = |credential: &Credential| proof(nonce, &credential.value);
        let credentials = self.credentials.iter().map(|(at, credential)| {
            let seen = SeenCredential {
                version: credential.version,
                proof: Some(proof_of(credential)),
            };
            (at.clone(), seen)
        });
        let permitted = keys(number, Place::Workspace).map(|key| {
            let credential = self.credentials.get(&(Place::Workspace, key.clone()));
            let may_use = self
                .permission
                .as_ref()
                .is_none_or(|keys| keys.contains(&key));
            let proof = credential.filter(|_| may_use).map(proof_of);
            (key, proof)
        });
        Seen {
            credentials: credentials.collect(),
            permission: self.permission.clone(),
            permitted: permitted.collect(),
            has_tenant: self.has_tenant,
            step: self
                .step
                .map(|(version, variant)| (version, Digest::of(&step(variant)))),
        }
    }
}
