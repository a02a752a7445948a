//! The credentials of all workspaces, as the database shows them: no value is opened for any of this.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use lockstep_runner::{Runner, StepEntry, Store};
use lockstep_secret::Masker;
use lockstep_step::{
    Caller, CredentialKey, Expiry, Scope, SealingPolicy, UsagePermission, WorkflowName,
    WorkspaceName,
};
use lockstep_vault::{Change, RecordError, SealedCredential, WrappedWorkspaceKey};

use super::{Check, some_of};
use crate::problem::Problem;

/// Where a credential is defined, in a workflow or in the workspace itself, and its key.
type Place<'a> = (Option<&'a WorkflowName>, &'a CredentialKey);

/// What a workspace holds.
struct Holding {
    workspace: WorkspaceName,
    key: Option<WrappedWorkspaceKey>,
    sealing: SealingPolicy,
    credentials: Vec<(Scope, CredentialKey, SealedCredential)>,
    permissions: BTreeMap<WorkflowName, UsagePermission>,
    steps: Vec<StepEntry>,
}

pub(super) async fn examine(store: &dyn Store, runner: &Runner, caller: &Caller) -> Vec<Check> {
    match findings(store, runner, caller).await {
        Ok(findings) => with_what_is_right(findings),
        Err(problem) => vec![Check::problem("credentials", &problem)],
    }
}

async fn findings(
    store: &dyn Store,
    runner: &Runner,
    caller: &Caller,
) -> Result<Vec<Check>, Problem> {
    let (mut findings, now) = (Vec::new(), Timestamp::now());
    for entry in runner.workspaces().await? {
        let steps = runner.steps(caller, &entry.name, None).await?;
        let holding = Holding::of(entry.name, store, steps).await?;
        findings.extend(holding.unreadable());
        findings.extend(holding.moved());
        findings.extend(holding.too_short());
        findings.extend(holding.not_sealed());
        findings.extend(holding.expired(now));
        findings.extend(holding.expiring(now));
        findings.extend(holding.unbound());
        findings.extend(holding.unused());
        findings.extend(holding.listed_and_missing());
    }
    Ok(findings)
}

/// Names what nothing was found about, too.
fn with_what_is_right(mut checks: Vec<Check>) -> Vec<Check> {
    for (name, message) in [
        (RECORDS, "each record names the key of its workspace"),
        (SHORT, "each is long enough to be masked"),
        (SEALING, "each is sealed where its workspace requires that"),
        (EXPIRY, "none has expired, or will within 14 days"),
        (
            UNUSED,
            "where steps are registered, each credential is named by one or listed for a workflow",
        ),
        (LISTED, "each key that is listed for a workflow is set"),
    ] {
        if !checks.iter().any(|check| check.name == name) {
            checks.push(Check::ok(name, message));
        }
    }
    checks
}

const RECORDS: &str = "records";
const SHORT: &str = "short_values";
const SEALING: &str = "sealing";
const EXPIRY: &str = "expiry";
const UNUSED: &str = "unused_credentials";
const LISTED: &str = "permissions";

impl Holding {
    async fn of(
        workspace: WorkspaceName,
        store: &dyn Store,
        steps: Vec<StepEntry>,
    ) -> Result<Self, Problem> {
        let changes = store.changes_since(&workspace, None).await;
        let changes = changes.map_err(|error| Problem::from(&error))?;
        let (mut credentials, mut permissions) = (Vec::new(), BTreeMap::new());
        for change in changes.changes {
            match change {
                Change::Set { scope, key, sealed } => credentials.push((scope, key, sealed)),
                Change::Permission {
                    workflow,
                    permission,
                } => {
                    permissions.insert(workflow, permission);
                }
                Change::Egress { .. } | Change::Deleted { .. } | Change::WorkflowRemoved { .. } => {
                }
            }
        }
        Ok(Self {
            workspace,
            // One that cannot be read is told by each credential under it.
            key: changes.key.and_then(Result::ok),
            sealing: changes.sealing,
            credentials,
            permissions,
            steps,
        })
    }

    /// Records that no key can open, whatever is at hand.
    fn unreadable(&self) -> Option<Check> {
        let held = self.key.as_ref().map(WrappedWorkspaceKey::id);
        let stray = self
            .credentials
            .iter()
            .filter(|(_, _, sealed)| match sealed.head() {
                Ok(head) => Some(head.workspace_key) != held,
                Err(RecordError::OtherEnd { .. }) => false,
                Err(_) => true,
            });
        let stray = told(stray)?;
        let workspace = &self.workspace;
        Some(Check::fail(
            RECORDS,
            format!(
                "in workspace `{workspace}` no key can open {stray}: it is damaged, or sealed under another key than the workspace has"
            ),
            "set it again, or restore a backup",
        ))
    }

    /// Records whose end is another than the database says.
    fn moved(&self) -> Option<Check> {
        let credentials = self.credentials.iter();
        let moved = told(credentials.filter(|(_, _, sealed)| has_other_end(sealed)))?;
        let workspace = &self.workspace;
        Some(Check::fail(
            RECORDS,
            format!(
                "in workspace `{workspace}` somebody changed in the database when these expire, and they do not open: {moved}"
            ),
            "set them again, with the end that they are to have; `lockstep audit verify` says whether there is more",
        ))
    }

    fn too_short(&self) -> Option<Check> {
        let least = Masker::SHORTEST_VALUE_BYTES;
        let short = self
            .credentials
            .iter()
            .filter(|(_, _, sealed)| sealed.head().is_ok_and(|head| head.value_bytes < least));
        let short = told(short)?;
        let workspace = &self.workspace;
        Some(Check::warn(
            SHORT,
            format!(
                "in workspace `{workspace}` the value has fewer than {least} bytes and is not masked: {short}"
            ),
            "use a longer value: steps that print this one show it",
        ))
    }

    fn not_sealed(&self) -> Option<Check> {
        let refused = self.credentials.iter().filter(|(_, _, sealed)| {
            let head = sealed.head();
            head.is_ok_and(|head| !self.sealing.allows(&head.handling))
        });
        let refused = told(refused)?;
        let workspace = &self.workspace;
        Some(Check::warn(
            SEALING,
            format!(
                "workspace `{workspace}` requires sealing, and no run gets what is not sealed: {refused}"
            ),
            "`lockstep credential set KEY --sealed --host HOST` seals it, with its value",
        ))
    }

    fn expired(&self, now: Timestamp) -> Option<Check> {
        let expired = self.standing(now, |expiry| expiry.is_over())?;
        let workspace = &self.workspace;
        Some(Check::warn(
            EXPIRY,
            format!("in workspace `{workspace}` no run gets what has expired: {expired}"),
            "`lockstep credential rotate KEY` sets a new value, `lockstep credential delete KEY` takes it away",
        ))
    }

    fn expiring(&self, now: Timestamp) -> Option<Check> {
        let expiring = self.standing(now, |expiry| matches!(expiry, Expiry::Soon(_)))?;
        let workspace = &self.workspace;
        Some(Check::warn(
            EXPIRY,
            format!("in workspace `{workspace}` these expire within 14 days: {expiring}"),
            "`lockstep credential rotate KEY --expires WHEN` sets a new value before",
        ))
    }

    /// Ends that whoever can write to the database can move.
    fn unbound(&self) -> Option<Check> {
        let credentials = self.credentials.iter();
        let unbound = told(credentials.filter(|(_, _, sealed)| {
            let is_unbound = sealed.head().is_ok_and(|head| !head.binds_end);
            is_unbound && sealed.expires_at().is_some()
        }))?;
        let workspace = &self.workspace;
        Some(Check::note(
            EXPIRY,
            format!(
                "in workspace `{workspace}` an earlier release set these, and did not seal their end with their value: {unbound}"
            ),
            "`lockstep credential rotate KEY --expires WHEN` does",
        ))
    }

    /// The credentials that stand so, by name. Of one whose end was moved that is not known.
    fn standing(&self, now: Timestamp, so: impl Fn(Expiry) -> bool) -> Option<String> {
        let credentials = self.credentials.iter();
        told(credentials.filter(|(_, _, sealed)| {
            !has_other_end(sealed) && so(Expiry::at(sealed.expires_at(), now))
        }))
    }

    /// Where no step is registered nothing is known of use.
    fn unused(&self) -> Option<Check> {
        if self.steps.is_empty() {
            return None;
        }
        let used = self.used();
        let credentials = self.credentials.iter();
        let unused =
            told(credentials.filter(|(scope, key, _)| !used.contains(&(scope.workflow(), key))))?;
        let workspace = &self.workspace;
        Some(Check::note(
            UNUSED,
            format!(
                "in workspace `{workspace}` no registered step names, and no workflow lists: {unused}"
            ),
            "a step that is run from a file, or makes up the key while it runs, may use it all the same; \
             `lockstep runs show ID` tells what a run used",
        ))
    }

    /// The credentials that workflows would get for the keys that they list or their steps name.
    fn used(&self) -> BTreeSet<Place<'_>> {
        let set = self.places();
        let named = self.steps.iter().flat_map(|step| {
            let keys = step.references.iter();
            keys.map(move |key| (&step.workflow, key))
        });
        let own_or_shared = |(workflow, key)| {
            let own = (Some(workflow), key);
            if set.contains(&own) { own } else { (None, key) }
        };
        self.listed().chain(named).map(own_or_shared).collect()
    }

    fn listed_and_missing(&self) -> Option<Check> {
        let set = self.places();
        let missing: Vec<String> = self
            .listed()
            .filter(|(workflow, key)| {
                !set.contains(&(Some(workflow), key)) && !set.contains(&(None, key))
            })
            .map(|(workflow, key)| format!("{key}` for workflow `{workflow}"))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let workspace = &self.workspace;
        Some(Check::note(
            LISTED,
            format!(
                "in workspace `{workspace}` a key is listed and not set: {}",
                some_of(missing)
            ),
            "`lockstep credential set` or `lockstep permission set` changes that",
        ))
    }

    fn places(&self) -> BTreeSet<Place<'_>> {
        let credentials = self.credentials.iter();
        credentials
            .map(|(scope, key, _)| (scope.workflow(), key))
            .collect()
    }

    /// The keys that usage permissions list, each with its workflow.
    fn listed(&self) -> impl Iterator<Item = (&WorkflowName, &CredentialKey)> {
        let selected = |(workflow, permission)| match permission {
            &UsagePermission::All => None,
            UsagePermission::Selected(keys) => Some((workflow, keys)),
        };
        self.permissions
            .iter()
            .filter_map(selected)
            .flat_map(|(workflow, keys)| keys.iter().map(move |key| (workflow, key)))
    }
}

/// Whether the record says another end than the database.
fn has_other_end(sealed: &SealedCredential) -> bool {
    matches!(sealed.head(), Err(RecordError::OtherEnd { .. }))
}

/// Credentials by name; `None` for none.
fn told<'a>(
    credentials: impl Iterator<Item = &'a (Scope, CredentialKey, SealedCredential)>,
) -> Option<String> {
    let mut names: Vec<String> = credentials
        .map(|(scope, key, _)| match scope {
            Scope::Workspace => key.to_string(),
            Scope::Workflow(workflow) => format!("{key}` of workflow `{workflow}"),
        })
        .collect();
    names.sort();
    (!names.is_empty()).then(|| some_of(names))
}
