//! Why a call was not carried out: what is told about it, and the exit code.

use std::borrow::Cow;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use lockstep_runner::{HostFault, ManageError, RunError, StoreError, Thing};
use lockstep_sandbox::LoadError;
use lockstep_store::OpenStoreError;
use lockstep_vault::{KeyError, OpenError, SealError};

/// The codes of what only whoever owns the data directory can mend.
const DISK_FULL: &str = "disk_full";
const READ_ONLY: &str = "read_only";

/// What to do about a role that a member's token cannot have.
pub(crate) const BEYOND_MEMBER: &str = "name a lesser role, or none: the token may then do what the member may; `lockstep member set` changes that";

/// How the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// All is done.
    Completed,
    /// The step did not complete, or a check of `doctor` failed.
    NotCompleted,
    /// The call asks for what cannot be: an unknown name, a wrong argument.
    Usage,
    /// The host failed.
    Host,
}

/// Why a call was not carried out.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The exit code that it leads to.
    pub(crate) exit: Exit,
    /// A word for programs.
    pub(crate) code: Cow<'static, str>,
    /// What went wrong, without a full stop. Never holds a value.
    pub(crate) message: String,
    /// Why, from the outside in.
    pub(crate) causes: Vec<String>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

// === impl Exit ===

impl Exit {
    /// The exit code. 70 is `EX_SOFTWARE` of sysexits.h; clap uses 2, too.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::NotCompleted => 1,
            Self::Usage => 2,
            Self::Host => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(
        exit: Exit,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            exit,
            code: code.into(),
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// The call is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The host failed.
    pub(crate) fn host(code: &'static str, error: &dyn Error) -> Self {
        Self::new(Exit::Host, code, error.to_string()).because(error.source())
    }

    /// With an error and its sources as causes.
    pub(crate) fn because(mut self, cause: Option<&dyn Error>) -> Self {
        let mut next = cause;
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// With what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what was being done as the message, and what it was as the first cause.
    fn while_doing(mut self, what: String) -> Self {
        let cause = std::mem::replace(&mut self.message, what);
        self.causes.insert(0, cause);
        self
    }

    /// With the data directory in the hint, where it is what is to be mended.
    pub(crate) fn in_data(self, data: &Path) -> Self {
        let path = data.display();
        match self.code.as_ref() {
            DISK_FULL => self.hint(format!(
                "make room on the disk of `{path}`: what was there before is there still"
            )),
            READ_ONLY => self.hint(format!(
                "check the owner, the permissions and the file system of `{path}`, or name another with `--data`"
            )),
            _ => self,
        }
    }

    /// A name that nothing has.
    pub(crate) fn not_found(message: impl Into<String>, nearest: Option<&str>) -> Self {
        let problem = Self::new(Exit::Usage, "not_found", message);
        match nearest {
            Some(nearest) => problem.hint(format!("did you mean `{nearest}`?")),
            None => problem,
        }
    }

    /// The credentials are locked, and why.
    pub(crate) fn locked(error: &KeyError) -> Self {
        Self::new(Exit::Host, "locked", "the credentials are locked")
            .because(Some(error))
            .hint(error.hint())
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        let of_the_call = |code: &'static str| Self::new(Exit::Usage, code, error.to_string());
        match &error {
            ManageError::Forbidden(_) => of_the_call("forbidden"),
            ManageError::NotFound { nearest, .. } => {
                Self::not_found(error.to_string(), nearest.as_deref())
            }
            ManageError::Exists(_) => of_the_call("already_exists"),
            ManageError::ValueTooLarge { .. }
            | ManageError::ValueEmpty(_)
            | ManageError::ExpiredAlready(_)
            | ManageError::TokenExpiredAlready(_)
            | ManageError::Note { .. }
            | ManageError::TooManyRules { .. }
            | ManageError::TooManyKeys { .. }
            | ManageError::NoRole
            | ManageError::KeyTwice(_) => of_the_call("invalid_value"),
            ManageError::BeyondMember { .. } => {
                of_the_call("role_beyond_member").hint(BEYOND_MEMBER)
            }
            ManageError::Seal {
                source: SealError::WorkspaceKey(OpenError::Locked(key)),
                ..
            }
            | ManageError::Locked(OpenError::Locked(key)) => Self::locked(key),
            ManageError::Seal {
                source: SealError::WorkspaceKey(reason),
                ..
            }
            | ManageError::Locked(reason) => Self::host("vault", &error).hint(reason.hint()),
            ManageError::Handling { .. } => Self::host("vault", &error).hint(
                "say it: `--sealed --host HOST`, or `--revealed` for one that steps are given",
            ),
            ManageError::Seal { .. } => Self::host("vault", &error),
            ManageError::NoRandomness(_) => Self::host("randomness", &error),
            ManageError::Key(reason) => match &**reason {
                KeyError::Primary { .. }
                | KeyError::Full
                | KeyError::Exists { .. }
                | KeyError::NextToDatabase { .. } => of_the_call("key").hint(reason.hint()),
                _ => Self::host("key", &error).hint(reason.hint()),
            },
            ManageError::NotRemembered { .. } => Self::host("database", &error)
                .hint("nothing is lost: the next `lockstep key rewrap` tells it"),
            ManageError::Verifying => {
                Self::new(Exit::Host, "too_many_verifications", error.to_string()).hint("try again")
            }
            ManageError::Rewrapping => {
                Self::new(Exit::Host, "too_many_rewrappings", error.to_string()).hint("try again")
            }
            ManageError::Load(LoadError::Invalid(_)) => {
                Self::new(Exit::NotCompleted, "invalid_step", error.to_string())
            }
            ManageError::Load(LoadError::Busy(_)) => {
                Self::new(Exit::Host, "capacity", error.to_string()).hint("try again")
            }
            ManageError::Load(LoadError::Host(_)) => Self::host("sandbox", &error),
            ManageError::Store(error) => error.into(),
        }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let of_the_call = |code: &'static str| Self::new(Exit::Usage, code, error.to_string());
        match error {
            StoreError::NotFound(_) => of_the_call("not_found"),
            StoreError::Exists(_) => of_the_call("already_exists"),
            StoreError::Permanent(_) => of_the_call("permanent"),
            StoreError::CaseConflict { existing, .. } => of_the_call("case_conflict")
                .hint(format!("rotate `{existing}`, or delete it first")),
            StoreError::SealingRequired { workspace, key } => of_the_call("sealing_required").hint(format!(
                "`lockstep credential set {key} --workspace {workspace} --sealed --host HOST` seals it for a host; \
                 `lockstep workspace set {workspace} --require-sealing false` lets steps have values again"
            )),
            StoreError::InUse { .. } => of_the_call("in_use").hint(
                "`--force` deletes it all the same; what uses it then gets `missing_credential`",
            ),
            StoreError::HasCredentials { .. } => {
                of_the_call("has_credentials").hint("`--force` removes it with its credentials")
            }
            StoreError::Wraps { .. } => of_the_call("in_use")
                .hint("`lockstep key rewrap` wraps them with the primary"),
            StoreError::Retired(_) => Self::host("key_retired", error).hint(
                "start again with the present key file, or the `LOCKSTEP_KEY` with the present primary first",
            ),
            StoreError::RunClosed(_)
            | StoreError::AlreadyAsked(_)
            | StoreError::IdempotencyReused(_)
            | StoreError::TooManyIdempotencyKeys { .. } => of_the_call("run_closed"),
            StoreError::Condition { .. } | StoreError::VersionConflict { .. } => {
                Self::host("conflict", error).hint("try again")
            }
            StoreError::Busy => Self::host("database", error)
                .hint("another process has held it for long; try again when it has ended"),
            StoreError::Full => Self::host(DISK_FULL, error),
            StoreError::ReadOnly => Self::host(READ_ONLY, error),
            StoreError::Corrupt { .. } => Self::host("database", error)
                .hint("`lockstep restore FILE --force` puts a backup in its place"),
            StoreError::Closed | StoreError::Failed(_) => Self::host("database", error),
        }
    }
}

impl From<OpenStoreError> for Problem {
    fn from(error: OpenStoreError) -> Self {
        match &error {
            OpenStoreError::Store(error) => error.into(),
            OpenStoreError::Directory { .. } => Self::host("database", &error).hint(
                "check the path, its owner and its permissions, or name another with `--data`",
            ),
            OpenStoreError::NewerSchema { .. } | OpenStoreError::Foreign => {
                Self::host("database", &error)
            }
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match &error {
            RunError::NotFound {
                what: Thing::Step(workflow, name),
                nearest,
            } => {
                let message =
                    format!("`{name}` is neither a file nor a step of workflow `{workflow}`");
                Self::not_found(message, nearest.as_deref())
            }
            RunError::Forbidden(_) => Self::new(Exit::Usage, "forbidden", error.to_string()),
            RunError::NotFound { nearest, .. } => {
                Self::not_found(error.to_string(), nearest.as_deref())
            }
            RunError::AlreadyAsked(_)
            | RunError::IdempotencyReused(_)
            | RunError::MemoryLimit { .. } => {
                Self::new(Exit::Usage, "invalid_value", error.to_string())
            }
            RunError::Record(source)
            | RunError::Host {
                source: HostFault::Store(source),
                ..
            } => Self::from(source).while_doing(error.to_string()),
            RunError::Host {
                source: HostFault::Sandbox(fault),
                ..
            } => match fault.cause::<OpenError>() {
                Some(reason) => Self::host("vault", &error).hint(reason.hint()),
                None => Self::host("internal", &error),
            },
            RunError::Host { .. } | RunError::Task => Self::host("internal", &error),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::host("io", &error)
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::host("internal", error.as_ref())
    }
}
