//! Credentials, as admins set them and as everybody sees them: never their values.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use lockstep_secret::{Masker, Registered, Secret};
use lockstep_step::{
    Caller, Condition, CredentialKey, Expiry, Handling, MAX_NOTE_BYTES, MAX_VALUE_BYTES, Scope,
    SealedPlace, Sealing, WorkflowName, WorkspaceName,
};
use lockstep_store::{
    CredentialEntry, CredentialRemovals, Dependents, PutBase, PutCredential, Removal, StoreError,
    Thing,
};
use lockstep_vault::{AdminPermit, CredentialVersion, ViewPermit, WrappedWorkspaceKey};

use crate::error::{InvalidNote, ManageError};
use crate::runner::Runner;

/// How often a put is tried again when others change the same credentials at the same time.
const PUT_ATTEMPTS: usize = 5;

/// A value for a credential.
#[derive(Debug)]
pub struct NewCredential {
    /// The key.
    pub key: CredentialKey,
    /// The value: 1 to 65,536 bytes.
    pub value: Secret,
    /// What people say about it, in one line; `None` leaves what is there, and no text takes it away.
    pub note: Option<String>,
    /// From when on no run that starts gets it. It is of this value: where nothing is said it has no end, whatever the
    /// version before had.
    pub expires_at: Option<Timestamp>,
    /// What a step gets of it. `None` leaves what is there: a sealed one stays sealed for the same hosts and places, and
    /// a new one is revealed.
    pub handling: Option<Handling>,
}

/// Whether a credential may or must be there already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutRule<'a> {
    /// Set it, whether it is there or not.
    CreateOrRotate,
    /// Give a new value to one that is there.
    Rotate,
    /// Set it if this holds of its present version.
    If(&'a Condition),
}

/// A credential that was set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialPut {
    /// The key.
    pub key: CredentialKey,
    /// Its version now.
    pub version: u64,
    /// Whether it is new or was rotated.
    pub result: PutResult,
    /// Whether the value can be masked.
    pub masking: Registered,
    /// What a step gets of it.
    pub handling: Handling,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When the version before expired or would have: that end is gone with its value.
    pub expired_before: Option<Timestamp>,
    /// Whether it is to go into a header and cannot, as the value has a line break or another control character.
    pub breaks_header: bool,
}

/// What setting a credential did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutResult {
    /// There was none of this key.
    Created,
    /// The old value is replaced.
    Rotated,
}

impl PutResult {
    /// The word of the API and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Rotated => "rotated",
        }
    }
}

/// What is done to one credential of several.
#[derive(Debug)]
pub enum CredentialChange {
    /// It is set, whether it is there or not.
    Set(NewCredential),
    /// It is deleted, if it is there.
    Delete(CredentialKey),
}

/// What was done to one credential of several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CredentialChanged {
    /// It was set.
    Set(CredentialPut),
    /// It was deleted.
    Deleted(CredentialKey),
    /// It was not there to be deleted.
    Absent(CredentialKey),
}

/// Who uses a credential.
#[derive(Clone, Debug)]
pub struct CredentialUsage {
    /// The credential.
    pub credential: CredentialEntry,
    /// What would miss it.
    pub dependents: Dependents,
}

/// A credential that a workflow would get for a key.
#[derive(Clone, Debug)]
pub struct EffectiveCredential {
    /// The one that it gets.
    pub credential: CredentialEntry,
    /// Whether it stands before one of the workspace with the same key.
    pub overrides: bool,
    /// Whether the usage permission lists it.
    pub permitted: bool,
}

impl CredentialChange {
    fn key(&self) -> &CredentialKey {
        match self {
            Self::Set(new) => &new.key,
            Self::Delete(key) => key,
        }
    }
}

impl Runner {
    /// Sets or rotates credentials of one scope: all of them or none.
    ///
    /// # Errors
    /// [`ManageError`], naming the first credential that is at fault.
    pub async fn put_credentials(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        scope: &Scope,
        credentials: &[NewCredential],
        rule: PutRule<'_>,
    ) -> Result<Vec<CredentialPut>, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        check(credentials, Timestamp::now())?;
        let mut attempts = 0;
        loop {
            let (puts, told) = self.seal(&permit, scope, credentials, rule).await?;
            attempts += 1;
            match self
                .store()
                .put_credentials(&permit, puts, Timestamp::now())
                .await
            {
                Ok(()) => return Ok(told),
                Err(StoreError::VersionConflict { .. }) if attempts < PUT_ATTEMPTS => {}
                Err(error) => return self.told(caller, workspace, Err(error)).await,
            }
        }
    }

    /// Sets and deletes credentials of one scope: all of it or nothing. What was done is told in the order of `changes`.
    ///
    /// # Errors
    /// The store's `InUse` with what would miss a credential, unless `removal` is forced; [`ManageError`], naming the
    /// first credential that is at fault.
    pub async fn change_credentials(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        scope: &Scope,
        changes: Vec<CredentialChange>,
        removal: Removal,
    ) -> Result<Vec<CredentialChanged>, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let order: Vec<CredentialKey> = changes.iter().map(|it| it.key().clone()).collect();
        if let Some(twice) = first_twice(&order) {
            return Err(ManageError::KeyTwice(twice.clone()));
        }
        let (mut credentials, mut keys) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                CredentialChange::Set(new) => credentials.push(new),
                CredentialChange::Delete(key) => keys.push(key),
            }
        }
        check(&credentials, Timestamp::now())?;
        let removals = CredentialRemovals {
            scope: scope.clone(),
            keys,
            removal,
        };
        let mut attempts = 0;
        loop {
            let rule = PutRule::CreateOrRotate;
            let (puts, told) = self.seal(&permit, scope, &credentials, rule).await?;
            attempts += 1;
            let changed = self
                .store()
                .change_credentials(&permit, removals.clone(), puts, Timestamp::now())
                .await;
            match changed {
                Ok(deleted) => return Ok(in_order(order, told, &deleted)),
                Err(StoreError::VersionConflict { .. }) if attempts < PUT_ATTEMPTS => {}
                Err(error) => return self.told(caller, workspace, Err(error)).await,
            }
        }
    }

    /// What a step would get of a credential if it were set with this `handling`. Asks for no value.
    ///
    /// # Errors
    /// As [`Runner::put_credentials`] would: the store's `SealingRequired` if the workspace requires sealing and it would
    /// not be sealed; [`ManageError::NotFound`], [`ManageError::Forbidden`], [`ManageError::Handling`].
    pub async fn planned_handling(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
        handling: Option<&Handling>,
    ) -> Result<Handling, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let base = self.store().put_base(&permit, scope, key).await;
        let base = self.told(caller, workspace, base).await?;
        planned(workspace, key, &base, handling)
    }

    /// All credentials of a workspace and of its workflows.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn credentials(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
    ) -> Result<Vec<CredentialEntry>, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let credentials = self.store().credentials(&permit).await;
        self.told(caller, workspace, credentials).await
    }

    /// The credentials of one scope whose keys come after `after`, by key: at most `limit`.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn credentials_of(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        scope: &Scope,
        after: Option<&CredentialKey>,
        limit: u32,
    ) -> Result<Vec<CredentialEntry>, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let found = self.store().credentials_of(&permit, scope, after, limit);
        let found = found.await;
        self.told(caller, workspace, found).await
    }

    /// What a workflow gets for each key: its own credential, else the workspace's.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn effective_credentials(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Vec<EffectiveCredential>, ManageError> {
        let permission = self.permission(caller, workspace, workflow).await?;
        let all = self.credentials(caller, workspace).await?;
        let own = Scope::Workflow(workflow.clone());
        let in_workspace: HashSet<_> = keys_of(&all, &Scope::Workspace);
        let in_workflow: HashSet<_> = keys_of(&all, &own);
        let effective = all.iter().filter(|entry| {
            entry.scope == own
                || entry.scope == Scope::Workspace && !in_workflow.contains(&entry.key)
        });
        Ok(effective
            .map(|entry| EffectiveCredential {
                credential: entry.clone(),
                overrides: entry.scope == own && in_workspace.contains(&entry.key),
                permitted: permission.allows(&entry.key),
            })
            .collect())
    }

    /// A credential, and what would miss it.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn credential_usage(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<CredentialUsage, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let found = self.store().credential(&permit, scope, key).await;
        let credential = self.told(caller, workspace, found).await?;
        let dependents = self.store().dependents(&permit, scope, key).await?;
        Ok(CredentialUsage {
            credential,
            dependents,
        })
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// The store's `InUse` with what would miss it, unless `removal` is forced; [`ManageError::NotFound`],
    /// [`ManageError::Forbidden`].
    pub async fn delete_credential(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
        removal: Removal,
    ) -> Result<(), ManageError> {
        let place = (scope, key);
        self.delete_credential_if(caller, workspace, place, removal, &Condition::NONE)
            .await
    }

    /// The same, if this holds of its present version.
    ///
    /// # Errors
    /// The store's `Condition` if it does not; as for [`Runner::delete_credential`].
    pub async fn delete_credential_if(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        (scope, key): (&Scope, &CredentialKey),
        removal: Removal,
        condition: &Condition,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let now = Timestamp::now();
        let removed = self
            .store()
            .remove_credential(&permit, scope, key, removal, condition, now)
            .await;
        self.told(caller, workspace, removed).await
    }

    /// Seals each value under the version that is next for it.
    async fn seal(
        &self,
        permit: &AdminPermit,
        scope: &Scope,
        credentials: &[NewCredential],
        rule: PutRule<'_>,
    ) -> Result<(Vec<PutCredential>, Vec<CredentialPut>), ManageError> {
        let (mut puts, mut told) = (Vec::new(), Vec::new());
        let mut workspace_key = None;
        for credential in credentials {
            let key = &credential.key;
            let base = self.store().put_base(permit, scope, key).await;
            let base = self.told(permit.caller(), permit.workspace(), base).await?;
            let result = result(&base, rule, scope, key)?;
            let change = credential.handling.as_ref();
            let handling = planned(permit.workspace(), key, &base, change)?;
            let wrapped = self
                .workspace_key(permit, key, &base, &mut workspace_key)
                .await?;
            let vault = &self.parts.vault;
            let version = CredentialVersion {
                scope,
                key,
                version: base.next,
                handling: &handling,
                expires_at: credential.expires_at,
            };
            let sealed = vault
                .seal(permit, &wrapped, version, &credential.value)
                .map_err(|source| ManageError::Seal {
                    key: key.clone(),
                    source,
                })?;
            puts.push(PutCredential {
                scope: scope.clone(),
                key: key.clone(),
                current: base.current,
                sealed,
                maskable: Masker::classify(&credential.value) == Registered::Masked,
                workspace_key: wrapped,
                note: credential.note.clone(),
            });
            told.push(CredentialPut {
                key: key.clone(),
                version: base.next,
                result,
                masking: Masker::classify(&credential.value),
                breaks_header: breaks_header(&credential.value, &handling),
                handling,
                expires_at: credential.expires_at,
                expired_before: base.expires_at,
            });
        }
        Ok((puts, told))
    }

    /// The workspace's key; a new one, shared by all of a call, before the first credential of the workspace.
    async fn workspace_key(
        &self,
        permit: &AdminPermit,
        key: &CredentialKey,
        base: &PutBase,
        made: &mut Option<WrappedWorkspaceKey>,
    ) -> Result<WrappedWorkspaceKey, ManageError> {
        if let Some(wrapped) = &base.workspace_key {
            return Ok(wrapped.clone());
        }
        if let Some(wrapped) = made {
            return Ok(wrapped.clone());
        }
        let vault = &self.parts.vault;
        let wrapped = vault
            .create_workspace_key(permit)
            .map_err(|source| ManageError::Seal {
                key: key.clone(),
                source,
            })?;
        // The store knows the key-encryption key before it keeps anything that is wrapped with it.
        let ring = vault.ring().map_err(ManageError::Locked)?;
        if let Some(check) = ring.check(wrapped.kek()) {
            self.store().add_kek(&check, Timestamp::now()).await?;
        }
        Ok(made.insert(wrapped).clone())
    }
}

fn first_twice<'k>(keys: impl IntoIterator<Item = &'k CredentialKey>) -> Option<&'k CredentialKey> {
    let mut seen = HashSet::new();
    keys.into_iter().find(|key| !seen.insert(*key))
}

/// What was done, in the order in which it was asked for.
fn in_order(
    order: Vec<CredentialKey>,
    puts: Vec<CredentialPut>,
    deleted: &[CredentialKey],
) -> Vec<CredentialChanged> {
    let puts = puts.into_iter().map(|put| (put.key.clone(), put));
    let mut puts: HashMap<_, _> = puts.collect();
    let changed = order.into_iter().map(|key| match puts.remove(&key) {
        Some(put) => CredentialChanged::Set(put),
        None if deleted.contains(&key) => CredentialChanged::Deleted(key),
        None => CredentialChanged::Absent(key),
    });
    changed.collect()
}

fn check(credentials: &[NewCredential], now: Timestamp) -> Result<(), ManageError> {
    if let Some(twice) = first_twice(credentials.iter().map(|it| &it.key)) {
        return Err(ManageError::KeyTwice(twice.clone()));
    }
    for credential in credentials {
        let (key, value) = (&credential.key, &credential.value);
        if let Some(note) = &credential.note {
            check_note(note).map_err(|source| ManageError::Note {
                key: key.clone(),
                source,
            })?;
        }
        if Expiry::at(credential.expires_at, now).is_over() {
            return Err(ManageError::ExpiredAlready(key.clone()));
        }
        if value.is_empty() {
            return Err(ManageError::ValueEmpty(key.clone()));
        }
        if value.len() > MAX_VALUE_BYTES {
            let (length, limit) = (value.len(), MAX_VALUE_BYTES);
            return Err(ManageError::ValueTooLarge {
                key: key.clone(),
                length,
                limit,
            });
        }
    }
    Ok(())
}

fn check_note(note: &str) -> Result<(), InvalidNote> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(InvalidNote::TooLong { length: note.len() });
    }
    if note.chars().any(char::is_control) {
        return Err(InvalidNote::Control);
    }
    Ok(())
}

/// What a step gets of the next version. Nothing is unsealed but by who says so.
fn planned(
    workspace: &WorkspaceName,
    key: &CredentialKey,
    base: &PutBase,
    change: Option<&Handling>,
) -> Result<Handling, ManageError> {
    let handling = match (change, &base.handling) {
        (Some(change), _) => change.clone(),
        (None, None) => Handling::Reveal,
        (None, Some(Ok(present))) => present.clone(),
        (None, Some(Err(source))) => {
            let (key, source) = (key.clone(), source.clone());
            return Err(ManageError::Handling { key, source });
        }
    };
    if base.sealing.allows(&handling) {
        return Ok(handling);
    }
    let (workspace, key) = (workspace.clone(), key.clone());
    Err(StoreError::SealingRequired { workspace, key }.into())
}

/// Whether a value is to go into a header and cannot: it has a line break or another control character (RFC 9110, section
/// 5.5), the tab excepted.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the value is looked through, and nothing of it is kept"
)]
pub fn breaks_header(value: &Secret, handling: &Handling) -> bool {
    let is_for_header = |sealing: &Sealing| sealing.allows_in(SealedPlace::Header);
    let is_bad = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    handling.sealing().is_some_and(is_for_header) && value.expose().bytes().any(is_bad)
}

fn result(
    base: &PutBase,
    rule: PutRule<'_>,
    scope: &Scope,
    key: &CredentialKey,
) -> Result<PutResult, ManageError> {
    match (base.current, rule) {
        (current, PutRule::If(condition)) if !condition.holds(current) => {
            let what = Thing::Credential(scope.clone(), key.clone());
            Err(StoreError::Condition { what, current }.into())
        }
        (Some(_), _) => Ok(PutResult::Rotated),
        (None, PutRule::If(_)) => Ok(PutResult::Created),
        (None, PutRule::CreateOrRotate) => Ok(PutResult::Created),
        (None, PutRule::Rotate) => {
            let what = Thing::Credential(scope.clone(), key.clone());
            Err(ManageError::NotFound {
                what,
                nearest: None,
            })
        }
    }
}

fn keys_of(entries: &[CredentialEntry], scope: &Scope) -> HashSet<CredentialKey> {
    entries
        .iter()
        .filter(|entry| entry.scope == *scope)
        .map(|entry| entry.key.clone())
        .collect()
}
