//! What a server answers, as the runner would have answered it.

use lockstep_client as client;
use lockstep_runner::{
    AuditChain, AuditEntry, AuditHead, CredentialEntry, CredentialLastUse, CredentialPut,
    CredentialUsage, Dependents, EffectiveCredential, Examined, Explanation, Finding, KeyEntry,
    KeyRetired, KeyRotated, KeyState, KeyWas, KeysFrom, LogEntry, MemberEntry, NewCredential,
    Origin, PutResult, Removal, RunRecord, RunState, RunStatus, RunStep, RunSummary, StepAdded,
    StepEntry, StepWarning, TokenEntry, TokenMember, WorkflowEntry, WorkspaceEntry,
};
use lockstep_secret::{Masked, Registered};
use lockstep_step::{
    CredentialKey, Failure, Handling, LogChunk, Outcome, OutcomeKind, Scope, Sealing,
    SealingPolicy, StepName, WorkflowName, WorkspaceName,
};
use lockstep_vault::{KekId, RecordError};

use super::checked::{CheckedChain, Found};
use super::keys::{HostKeys, KeysRewrapped, Locked, NotRewrapped};
use crate::problem::{Exit, Problem};

pub(super) fn workspace_entry(workspace: client::Workspace) -> WorkspaceEntry {
    WorkspaceEntry {
        name: workspace.name,
        created_at: workspace.created_at,
        workflows: workspace.workflows,
        credentials: workspace.credentials,
        sealing: if workspace.require_sealing {
            SealingPolicy::Required
        } else {
            SealingPolicy::Optional
        },
        sealing_set_at: workspace.require_sealing_set_at,
        sealing_set_by: workspace.require_sealing_set_by,
    }
}

pub(super) fn workflow_entry(workflow: client::Workflow) -> WorkflowEntry {
    WorkflowEntry {
        permission: workflow.permission(),
        egress: workflow.egress.rules(),
        name: workflow.name,
        created_at: workflow.created_at,
        permission_set_at: workflow.permission_set_at,
        permission_set_by: workflow.permission_set_by,
        egress_set_at: workflow.egress.set_at,
        egress_set_by: workflow.egress.set_by,
        credentials: workflow.credentials,
        steps: workflow.steps,
    }
}

pub(super) fn explanation(explained: client::Explained) -> Explanation {
    let (scheme, host, port) = (explained.scheme, explained.host, explained.port);
    let origin = scheme.zip(host).zip(port);
    Explanation {
        origin: origin.map(|((scheme, host), port)| Origin { scheme, host, port }),
        findings: explained.findings.into_iter().map(finding).collect(),
        refusal: explained.reason,
    }
}

fn finding(found: client::Finding) -> Finding {
    let rule = found.rule.and_then(|rule| rule.checked_sub(1));
    let of = match (found.of.as_str(), found.address) {
        ("address", Some(address)) => Examined::Address(address),
        ("operator", _) => Examined::Operator,
        ("name", _) => Examined::Name,
        ("workflow", _) => Examined::Workflow { rule },
        ("credential", _) => Examined::Credential,
        _ => Examined::Url,
    };
    Finding {
        of,
        allows: found.allows,
        message: found.message,
    }
}

pub(super) fn token_entry(workspace: &WorkspaceName, token: client::Token) -> TokenEntry {
    // The member's role is not told, but what it leaves of the token's.
    let (role, role_now) = (token.role, token.role_now);
    let member = token.member.map(|name| TokenMember {
        name,
        role: role_now,
    });
    TokenEntry {
        workspace: workspace.clone(),
        name: token.name,
        role,
        member,
        created_at: token.created_at,
        created_by: token.created_by,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
        revoked_by: token.revoked_by,
    }
}

pub(super) fn member_entry(member: client::Member) -> MemberEntry {
    MemberEntry {
        name: member.name,
        role: member.role,
        created_at: member.created_at,
        created_by: member.created_by,
        changed_at: member.changed_at,
        changed_by: member.changed_by,
        tokens: member.tokens,
    }
}

pub(super) fn removal(removal: Removal) -> client::Removal {
    match removal {
        Removal::IfUnused => client::Removal::IfUnused,
        Removal::Forced => client::Removal::Forced,
    }
}

pub(super) fn credential_entry(credential: client::Credential) -> CredentialEntry {
    CredentialEntry {
        handling: handling(&credential),
        scope: credential
            .workflow
            .map_or(Scope::Workspace, Scope::Workflow),
        key: credential.key,
        version: credential.version,
        value_bytes: credential.value_bytes,
        maskable: credential.maskable,
        expires_at: credential.expires_at,
        last_use: credential.last_used.map(|last| CredentialLastUse {
            at: last.at,
            run: last.run,
            version: last.version,
        }),
        created_at: credential.created_at,
        created_by: credential.created_by,
        rotated_at: credential.rotated_at,
        rotated_by: credential.rotated_by,
        note: credential.note,
    }
}

fn handling(credential: &client::Credential) -> Result<Handling, RecordError> {
    let unknown = RecordError::Sealing {
        record: "credential",
    };
    match credential.sealed {
        Some(false) => Ok(Handling::Reveal),
        Some(true) => {
            let hosts = credential.hosts.iter().cloned();
            let sealing = Sealing::new(hosts, credential.places.iter().copied());
            sealing.map(Handling::Sealed).map_err(|_| unknown)
        }
        None => Err(unknown),
    }
}

pub(super) fn effective_credential(effective: client::EffectiveCredential) -> EffectiveCredential {
    EffectiveCredential {
        credential: credential_entry(effective.credential),
        overrides: effective.overrides,
        permitted: effective.permitted,
    }
}

pub(super) fn credential_usage(
    credential: client::Credential,
    used_by: client::CredentialUsedBy,
) -> CredentialUsage {
    CredentialUsage {
        credential: credential_entry(credential),
        dependents: Dependents {
            workflows: used_by.workflows,
            steps: used_by.steps.into_iter().map(step_of).collect(),
            dynamic: used_by.dynamic.into_iter().map(step_of).collect(),
        },
    }
}

fn step_of(step: client::StepOf) -> (WorkflowName, StepName) {
    (step.workflow, step.step)
}

pub(super) fn new_credential(new: NewCredential) -> client::NewCredential {
    client::NewCredential {
        key: new.key,
        value: new.value,
        handling: new.handling,
        note: new.note,
        expires_at: new.expires_at,
    }
}

pub(super) fn credential_put(
    key: CredentialKey,
    set: &client::CredentialSet,
    handling: Handling,
    breaks_header: bool,
) -> Result<CredentialPut, Problem> {
    let result = match set.result.as_str() {
        "created" => PutResult::Created,
        "rotated" => PutResult::Rotated,
        _ => return Err(unknown_word("what was done to a credential")),
    };
    let masking = match set.masking.as_str() {
        "masked" => Registered::Masked,
        "too_short" => Registered::TooShort,
        "blank" => Registered::Blank,
        _ => return Err(unknown_word("whether a value can be masked")),
    };
    Ok(CredentialPut {
        key,
        version: set.version,
        result,
        masking,
        handling,
        breaks_header,
        expires_at: set.expires_at,
        expired_before: set.previous_expires_at,
    })
}

pub(super) fn step_entry(step: client::Step) -> StepEntry {
    StepEntry {
        workflow: step.workflow,
        name: step.step,
        version: step.version,
        digest: step.digest,
        kind: step.kind,
        // Where the server keeps what it runs is its own business, and no command shows it.
        artifact: step.digest,
        artifact_bytes: step.artifact_bytes,
        references: step.references,
        dynamic: step.dynamic,
        created_at: step.created_at,
        created_by: step.created_by,
    }
}

pub(super) fn step_added(mut step: client::Step) -> StepAdded {
    let warnings = std::mem::take(&mut step.warnings).into_iter();
    let sealed = std::mem::take(&mut step.sealed);
    let expiring = std::mem::take(&mut step.expiring).into_iter();
    StepAdded {
        warnings: warnings
            .map(|warning| StepWarning {
                key: warning.key,
                reason: warning.reason,
            })
            .collect(),
        sealed: sealed.into_iter().collect(),
        expiring: expiring.map(|it| (it.key, it.expires_at)).collect(),
        step: step_entry(step),
    }
}

pub(super) fn run_summary(run: client::RunSummary) -> Result<RunSummary, Problem> {
    let status = RunStatus::from_word(&run.status).ok_or_else(|| unknown_word("a status"))?;
    Ok(RunSummary {
        id: run.run,
        workflow: run.workflow,
        step: run_step(run.step, run.step_version, run.file),
        caller: run.caller,
        started_at: run.started_at,
        ended_at: run.ended_at,
        status,
    })
}

fn run_step(name: Option<StepName>, version: Option<u64>, file: Option<String>) -> RunStep {
    match (name, version) {
        (Some(name), Some(version)) => RunStep::Registered { name, version },
        _ => RunStep::File(file.unwrap_or_default()),
    }
}

pub(super) fn run_record(
    workspace: &WorkspaceName,
    record: client::RunRecord,
) -> Result<RunRecord, Problem> {
    let run = record.summary;
    let status = RunStatus::from_word(&run.status).ok_or_else(|| unknown_word("a status"))?;
    let ended = (status, run.ended_at);
    let state = match ended {
        (RunStatus::Open, _) | (_, None) => RunState::Open,
        (RunStatus::Forbidden, Some(at)) => RunState::Forbidden { at },
        (RunStatus::Lost, Some(at)) => RunState::Lost { at },
        (RunStatus::Ended(kind), Some(at)) => RunState::Ended {
            at,
            outcome: outcome(kind, record.output, record.failure)?,
            receipt: Box::new(record.receipt.unwrap_or_default()),
            denied: record.denied.unwrap_or_default(),
        },
    };
    Ok(RunRecord {
        id: run.run,
        workspace: workspace.clone(),
        workflow: run.workflow,
        step: run_step(run.step, run.step_version, run.file),
        digest: record.digest,
        caller: run.caller,
        started_at: run.started_at,
        state,
    })
}

/// How a run ended, from the word for it and what belongs to that word.
pub(super) fn outcome(
    kind: OutcomeKind,
    output: Option<Masked<String>>,
    failure: Option<client::Failure>,
) -> Result<Outcome, Problem> {
    match (kind, output, failure) {
        (OutcomeKind::Completed, output, _) => {
            let null = || Masked::host_text("null");
            Ok(Outcome::Completed(output.unwrap_or_else(null)))
        }
        (kind, _, Some(failure)) => Ok(Outcome::from(Failure {
            kind,
            message: failure.message,
            phase: failure.phase,
            started: failure.started,
            requests_sent: failure.requests_sent,
            retryable: failure.retryable,
        })),
        (_, _, None) => Err(unknown_word("how a run failed")),
    }
}

pub(super) fn log_entry(piece: client::LogPiece) -> LogEntry {
    LogEntry {
        sequence: piece.sequence,
        chunk: LogChunk {
            at: piece.at,
            stream: piece.stream,
            text: piece.text.into(),
        },
    }
}

pub(super) fn host_keys(told: client::HostKeys) -> Result<HostKeys, Problem> {
    let keys = told.keys.into_iter().map(key_entry);
    Ok(HostKeys {
        source: told.source.as_deref().map(keys_from).transpose()?,
        keys: keys.collect::<Result<_, _>>()?,
        locked: told.locked.map(|message| Locked {
            message,
            hint: "on the machine of the host, `lockstep key status` says what to do about it; a server that had no key when it \
                   started is started again"
                .to_owned(),
        }),
    })
}

fn key_entry(key: client::HostKey) -> Result<KeyEntry, Problem> {
    let state = KeyState::ALL
        .into_iter()
        .find(|state| state.as_str() == key.state);
    Ok(KeyEntry {
        id: kek_id(&key.id)?,
        state: state.ok_or_else(|| unknown_word("what a key does"))?,
        on_ring: key.on_ring,
        records: key.records,
        first_seen: key.first_seen,
        retired_at: key.retired_at,
        retired_by: key.retired_by,
    })
}

pub(super) fn key_rotated(rotated: &client::HostKeyRotated) -> Result<KeyRotated, Problem> {
    let kept = rotated.kept.iter().map(|id| kek_id(id));
    Ok(KeyRotated {
        primary: kek_id(&rotated.primary)?,
        kept: kept.collect::<Result<_, _>>()?,
        records_to_rewrap: rotated.records_to_rewrap,
    })
}

pub(super) fn keys_rewrapped(
    rewrapped: client::HostKeysRewrapped,
) -> Result<KeysRewrapped, Problem> {
    let failures = rewrapped.failures.into_iter().map(|failure| {
        Ok(NotRewrapped {
            workspace: failure.workspace,
            key: kek_id(&failure.key)?,
            message: failure.message,
        })
    });
    Ok(KeysRewrapped {
        primary: kek_id(&rewrapped.primary)?,
        rewrapped: rewrapped.rewrapped,
        failed: rewrapped.failed,
        failures: failures.collect::<Result<_, Problem>>()?,
    })
}

pub(super) fn key_retired(retired: &client::HostKeyRetired) -> Result<KeyRetired, Problem> {
    let was_in = retired.was_in.as_deref().map(keys_from).transpose()?;
    Ok(KeyRetired {
        id: kek_id(&retired.id)?,
        was: match was_in {
            Some(KeysFrom::KeyFile) => KeyWas::InKeyFile,
            Some(KeysFrom::Text) => KeyWas::InText,
            None => KeyWas::Gone,
        },
    })
}

/// The name of a key, and no other text that a server may say.
fn kek_id(told: &str) -> Result<KekId, Problem> {
    told.parse().map_err(|_| unknown_word("the name of a key"))
}

fn keys_from(word: &str) -> Result<KeysFrom, Problem> {
    [KeysFrom::KeyFile, KeysFrom::Text]
        .into_iter()
        .find(|from| from.as_str() == word)
        .ok_or_else(|| unknown_word("where keys come from"))
}

pub(super) fn audit_chain(chain: &AuditChain) -> client::AuditChain {
    match chain {
        AuditChain::Host => client::AuditChain::Host,
        AuditChain::Workspace(name) => client::AuditChain::Workspace(name.clone()),
    }
}

fn chain_of(chain: client::AuditChain) -> AuditChain {
    match chain {
        client::AuditChain::Host => AuditChain::Host,
        client::AuditChain::Workspace(name) => AuditChain::Workspace(name),
    }
}

pub(super) fn client_head(head: &AuditHead) -> client::AuditHead {
    client::AuditHead {
        chain: audit_chain(&head.chain),
        sequence: head.sequence,
        hash: head.hash,
        sealed_sequence: head.sealed_sequence,
    }
}

pub(super) fn audit_head(head: client::AuditHead) -> AuditHead {
    AuditHead {
        chain: chain_of(head.chain),
        sequence: head.sequence,
        hash: head.hash,
        sealed_sequence: head.sealed_sequence,
    }
}

/// What a server found of chains: of `only` this workspace, or of all. That all is well is not taken from an answer to
/// another question.
pub(super) fn checked_chains(
    verified: client::AuditVerified,
    only: Option<&WorkspaceName>,
) -> Result<Vec<CheckedChain>, Problem> {
    let client::AuditVerified { whole, chains } = verified;
    let is_whole = chains.iter().all(|chain| chain.findings.is_empty());
    let chains: Vec<CheckedChain> = chains.into_iter().map(checked_chain).collect();
    let first = chains.first().map(|checked| &checked.chain);
    let is_answered = match only {
        None => first == Some(&AuditChain::Host),
        Some(name) => chains.len() == 1 && first.and_then(AuditChain::workspace) == Some(name),
    };
    if whole == is_whole && is_answered {
        return Ok(chains);
    }
    let message = "the server does not tell of the chains that it was asked for";
    Err(Problem::new(Exit::Host, "strange_server", message)
        .hint("check `LOCKSTEP_URL`: is it a Lockstep server, of this release?"))
}

fn checked_chain(checked: client::ChainVerified) -> CheckedChain {
    let findings = checked.findings.into_iter().map(|found| Found {
        code: found.code,
        sequence: found.sequence,
        message: found.message,
    });
    CheckedChain {
        chain: chain_of(checked.chain),
        entries: checked.entries,
        hash: checked.hash,
        sealed_sequence: checked.sealed_sequence,
        seal_unchecked: checked.seal_unchecked,
        findings: findings.collect(),
    }
}

pub(super) fn audit_entry(entry: client::AuditEntry) -> AuditEntry {
    AuditEntry {
        chain: chain_of(entry.chain),
        sequence: entry.sequence,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        workflow: entry.workflow,
        step: entry.step,
        run: entry.run,
        scope: entry.scope,
        key: entry.key,
        version: entry.version,
        mode: entry.mode,
        host: entry.host,
        detail: entry.detail,
        target: entry.target,
        hash: entry.hash,
    }
}

/// A word that this release does not know. It is not repeated: whoever answers may be no server of ours.
pub(super) fn unknown_word(what: &str) -> Problem {
    let message = format!("the server has a word for {what} that this release does not know");
    Problem::new(Exit::Host, "strange_server", message)
        .hint("use a `lockstep` of the server's release")
}
