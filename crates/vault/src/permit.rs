//! Who may do what. A check returns the thing that it allows: a permit cannot be had in another way.
//!
//! | | admin | editor | viewer |
//! |---|---|---|---|
//! | [`AdminPermit`]: credentials, usage permissions, the workspace itself | yes | no | no |
//! | [`EditPermit`]: workflows and steps | yes | yes | no |
//! | [`RunPermit`]: run the steps of a workflow | yes | yes | no |
//! | [`ViewPermit`]: see runs, and the keys of credentials | yes | yes | yes |
//! | [`KeyPermit`]: see, rotate and retire key-encryption keys | yes | no | no |

use lockstep_step::{Caller, Role, WorkflowName, WorkspaceName};

/// The caller may not do that.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{caller}` may not {action}{}", in_words(workspace.as_ref()))]
pub struct Forbidden {
    /// Who asked.
    pub caller: String,
    /// What for.
    pub action: &'static str,
    /// Where; `None` for what concerns all workspaces.
    pub workspace: Option<WorkspaceName>,
}

/// Declares a permit for a workspace around the roles that have it.
macro_rules! workspace_permit {
    ($(#[$doc:meta])* $name:ident, $action:literal, $allows:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            caller: Caller,
            workspace: WorkspaceName,
        }

        impl $name {
            /// Whether `caller` may.
            ///
            /// # Errors
            /// [`Forbidden`].
            pub fn check(caller: &Caller, workspace: &WorkspaceName) -> Result<Self, Forbidden> {
                let allows: fn(Role) -> bool = $allows;
                if !allows(caller.role) {
                    return Err(forbidden(caller, Some(workspace), $action));
                }
                Ok(Self {
                    caller: caller.clone(),
                    workspace: workspace.clone(),
                })
            }

            /// Who was permitted.
            #[must_use]
            pub fn caller(&self) -> &Caller {
                &self.caller
            }

            /// Where.
            #[must_use]
            pub fn workspace(&self) -> &WorkspaceName {
                &self.workspace
            }
        }
    };
}

workspace_permit!(
    /// To set, rotate and delete credentials, to set usage permissions, to add and remove the workspace.
    AdminPermit,
    "set credentials and permissions",
    is_admin
);
workspace_permit!(
    /// To add and remove workflows and steps.
    EditPermit,
    "edit workflows",
    is_editor
);
workspace_permit!(
    /// To see runs and the keys of credentials.
    ViewPermit,
    "see runs and keys",
    is_viewer
);

/// To run the steps of one workflow, with what that workflow may use.
#[derive(Clone, Debug)]
pub struct RunPermit {
    caller: Caller,
    workspace: WorkspaceName,
    workflow: WorkflowName,
}

impl RunPermit {
    /// Whether `caller` may.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check(
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Self, Forbidden> {
        if !is_editor(caller.role) {
            return Err(forbidden(caller, Some(workspace), "run steps"));
        }
        Ok(Self {
            caller: caller.clone(),
            workspace: workspace.clone(),
            workflow: workflow.clone(),
        })
    }

    /// Who was permitted.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where.
    #[must_use]
    pub fn workspace(&self) -> &WorkspaceName {
        &self.workspace
    }

    /// Whose steps.
    #[must_use]
    pub fn workflow(&self) -> &WorkflowName {
        &self.workflow
    }
}

/// To see, rotate and retire key-encryption keys, and to re-wrap what they wrap. They are the same for all workspaces.
#[derive(Clone, Debug)]
pub struct KeyPermit {
    caller: Caller,
}

impl KeyPermit {
    /// Whether `caller` may.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check(caller: &Caller) -> Result<Self, Forbidden> {
        if !is_admin(caller.role) {
            return Err(forbidden(caller, None, "manage key-encryption keys"));
        }
        Ok(Self {
            caller: caller.clone(),
        })
    }

    /// Who was permitted.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

fn is_admin(role: Role) -> bool {
    match role {
        Role::Admin => true,
        Role::Editor | Role::Viewer => false,
    }
}

fn is_editor(role: Role) -> bool {
    match role {
        Role::Admin | Role::Editor => true,
        Role::Viewer => false,
    }
}

fn is_viewer(role: Role) -> bool {
    match role {
        Role::Admin | Role::Editor | Role::Viewer => true,
    }
}

fn forbidden(
    caller: &Caller,
    workspace: Option<&WorkspaceName>,
    action: &'static str,
) -> Forbidden {
    Forbidden {
        caller: caller.name.clone(),
        action,
        workspace: workspace.cloned(),
    }
}

fn in_words(workspace: Option<&WorkspaceName>) -> String {
    workspace
        .map(|workspace| format!(" in workspace `{workspace}`"))
        .unwrap_or_default()
}
