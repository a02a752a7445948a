//! Who may do what. A check returns the thing that it allows: a permit cannot be had in another way.
//!
//! Which roles have which permit is the table of [`Right`]:
//! [`AdminPermit`], [`HostPermit`] and [`KeyPermit`] are [`Right::Administer`], [`EditPermit`] is [`Right::Edit`],
//! [`RunPermit`] is [`Right::Run`], [`ViewPermit`] is [`Right::SeeKeys`] and [`RecordPermit`] is [`Right::SeeRuns`].

use lockstep_step::{Caller, Right, WorkflowName, WorkspaceName};

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

/// Declares a permit for a workspace around the right that it stands for.
macro_rules! workspace_permit {
    ($(#[$doc:meta])* $name:ident, $action:literal, $right:expr) => {
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
                if !caller.role.has($right) {
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
    Right::Administer
);
workspace_permit!(
    /// To add and remove workflows and steps.
    EditPermit,
    "edit workflows",
    Right::Edit
);
workspace_permit!(
    /// To see workflows, steps and the keys of credentials.
    ViewPermit,
    "see workflows, steps and keys",
    Right::SeeKeys
);
workspace_permit!(
    /// To see the record of runs.
    RecordPermit,
    "see runs",
    Right::SeeRuns
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
        if !caller.role.has(Right::Run) {
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

/// Declares a permit for what concerns all workspaces, which takes [`Right::Administer`]. A caller does not say where it is
/// an admin: who lets callers in from elsewhere lets those in to this who speak for the host.
macro_rules! host_permit {
    ($(#[$doc:meta])* $name:ident, $action:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            caller: Caller,
        }

        impl $name {
            /// Whether `caller` may.
            ///
            /// # Errors
            /// [`Forbidden`].
            pub fn check(caller: &Caller) -> Result<Self, Forbidden> {
                if !caller.role.has(Right::Administer) {
                    return Err(forbidden(caller, None, $action));
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
    };
}

host_permit!(
    /// To speak for the host: to see its own chain of the audit, where all chains end and whether they are whole, and to take
    /// the whole database away or put a backup in its place.
    HostPermit,
    "speak for the host"
);
host_permit!(
    /// To see, rotate and retire key-encryption keys, and to re-wrap what they wrap. They are the same for all workspaces.
    KeyPermit,
    "manage key-encryption keys"
);

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
