//! Members: persons by name, each with a role in a workspace, which their tokens may not go beyond.

use jiff::Timestamp;

use lockstep_step::{Caller, MemberName, Role, WorkspaceName};
use lockstep_store::{MemberEntry, Thing};
use lockstep_vault::AdminPermit;

use crate::error::ManageError;
use crate::nearest::nearest;
use crate::runner::Runner;

impl Runner {
    /// Adds a member to a workspace. Tokens are made for it with [`Runner::create_token`].
    ///
    /// # Errors
    /// [`ManageError::Exists`], [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn add_member(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        member: &MemberName,
        role: Role,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let now = Timestamp::now();
        let added = self.store().add_member(&permit, member, role, now).await;
        self.told(caller, workspace, added).await
    }

    /// All members of a workspace, by name.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn members(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
    ) -> Result<Vec<MemberEntry>, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let members = self.store().members(&permit).await;
        self.told(caller, workspace, members).await
    }

    /// One member.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn member(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        member: &MemberName,
    ) -> Result<MemberEntry, ManageError> {
        let members = self.members(caller, workspace).await?;
        let names: Vec<_> = members.iter().map(|it| it.name.to_string()).collect();
        let found = members.into_iter().find(|entry| entry.name == *member);
        found.ok_or_else(|| ManageError::NotFound {
            what: Thing::Member(member.clone()),
            nearest: nearest(member.as_str(), names),
        })
    }

    /// Gives a member another role. Its tokens may do no more from the next call on, in all processes.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn set_member(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        member: &MemberName,
        role: Role,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let now = Timestamp::now();
        let set = self.store().set_member(&permit, member, role, now).await;
        self.told(caller, workspace, set).await
    }

    /// Removes a member and revokes its tokens. What it did stays in the record under its name.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn remove_member(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        member: &MemberName,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let removed = self
            .store()
            .remove_member(&permit, member, Timestamp::now())
            .await;
        self.told(caller, workspace, removed).await
    }
}
