//! Whether a chain is what was written: entry by entry, in its order, then its end, then what it says of the credentials.
//!
//! Nothing here reads a database, so that a chain is checked in the same way wherever it is kept.

use std::collections::BTreeMap;

use lockstep_step::Digest;

use super::{
    AuditAction, AuditChain, AuditEntry, AuditFinding, AuditHead, CredentialFinding, genesis,
};

/// Findings about credentials that are told. One is enough to look closer; the others say where.
const MAX_FINDINGS: usize = 20;

/// How far a chain is sealed with the key of its workspace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SealState {
    /// No seal is there: nobody wrote to it who had the key.
    None,
    /// Up to this entry.
    UpTo(u64),
    /// There is a seal, up to this entry, and it cannot be checked.
    Unchecked {
        /// The last entry that it is for.
        sequence: u64,
        /// Why not.
        reason: String,
    },
}

/// What a check of a chain found.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// Which chain.
    pub chain: AuditChain,
    /// How many entries fit together, from the first on.
    pub entries: u64,
    /// Of the last of them.
    pub hash: Digest,
    /// How far it is sealed.
    pub seal: SealState,
    /// What is wrong: of the chain the first, of the credentials each.
    pub findings: Vec<AuditFinding>,
}

/// A credential as the database has it.
#[derive(Clone, Debug)]
pub(crate) struct CredentialRow {
    /// The workflow, empty for the workspace's own.
    pub(crate) workflow: String,
    pub(crate) key: String,
    pub(crate) version: u64,
    pub(crate) is_there: bool,
    /// Whether its record says another end than the database does.
    pub(crate) has_other_end: bool,
}

/// A check that goes on.
#[derive(Debug)]
pub struct AuditCheck {
    chain: AuditChain,
    /// The last place that was checked.
    last: u64,
    /// Its hash; `None` before the first entry of a part, as what that stands behind is not known.
    hash: Option<Digest>,
    entries: u64,
    finding: Option<AuditFinding>,
    credentials: BTreeMap<(String, String), Known>,
    /// Places at which hashes are known by other means.
    expected: BTreeMap<u64, (Digest, Source)>,
    begins: bool,
    has_sealed_entries: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    version: u64,
    is_there: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Head,
    Export,
}

// === impl AuditCheck ===

impl AuditCheck {
    /// The check of a whole chain, from its first entry on.
    #[must_use]
    pub fn whole(chain: AuditChain) -> Self {
        Self {
            hash: Some(genesis()),
            ..Self::after(chain, 0)
        }
    }

    /// The check of what comes after the entry `last`, which is not at hand.
    #[must_use]
    pub fn after(chain: AuditChain, last: u64) -> Self {
        Self {
            chain,
            last,
            hash: None,
            entries: 0,
            finding: None,
            credentials: BTreeMap::new(),
            expected: BTreeMap::new(),
            begins: false,
            has_sealed_entries: false,
        }
    }

    /// Expects an entry as it was when its head was exported.
    pub fn expect_exported(&mut self, head: &AuditHead) {
        self.expect(head.sequence, head.hash, Source::Export);
    }

    /// Expects the end that the database keeps apart.
    pub(crate) fn expect_head(&mut self, sequence: u64, hash: Digest) {
        self.expect(sequence, hash, Source::Head);
    }

    fn expect(&mut self, sequence: u64, hash: Digest, source: Source) {
        // What was exported says more than what stands in the same database.
        let known = self.expected.entry(sequence).or_insert((hash, source));
        if source == Source::Export {
            *known = (hash, source);
        }
    }

    /// The next entry. After the first finding nothing more is looked at.
    pub fn entry(&mut self, entry: &AuditEntry) {
        if self.finding.is_none() {
            self.finding = self.checked(entry).err();
        }
    }

    /// The next entry, which cannot be read.
    pub fn unreadable(&mut self, sequence: u64, reason: String) {
        if self.finding.is_none() {
            self.finding = Some(AuditFinding::Unreadable { sequence, reason });
        }
    }

    fn checked(&mut self, entry: &AuditEntry) -> Result<(), AuditFinding> {
        let sequence = entry.sequence;
        if sequence <= self.last {
            return Err(AuditFinding::OutOfOrder { sequence });
        }
        if sequence > self.last + 1 {
            let (first, last) = (self.last + 1, sequence - 1);
            return Err(AuditFinding::Missing { first, last });
        }
        let is_as_written = |before: Digest| entry.expected_hash(&before) == entry.hash;
        if entry.chain != self.chain || !self.hash.is_none_or(is_as_written) {
            return Err(AuditFinding::Altered { sequence });
        }
        if let Some((hash, source)) = self.expected.remove(&sequence)
            && hash != entry.hash
        {
            return Err(match source {
                Source::Head => AuditFinding::OtherHead { sequence },
                Source::Export => AuditFinding::OtherThanExported { sequence },
            });
        }
        if sequence == 1 {
            self.begins = self.is_beginning(entry);
        }
        self.follow(entry)?;
        (self.last, self.hash) = (sequence, Some(entry.hash));
        self.entries += 1;
        Ok(())
    }

    fn is_beginning(&self, entry: &AuditEntry) -> bool {
        let begin = [AuditAction::WorkspaceAdded, AuditAction::WorkspaceAnchored];
        self.chain == AuditChain::Host
            || begin
                .iter()
                .any(|action| action.as_str() == entry.action.as_str())
    }

    /// Follows what the entry says of credentials.
    fn follow(&mut self, entry: &AuditEntry) -> Result<(), AuditFinding> {
        let Ok(action) = entry.action.parse::<AuditAction>() else {
            // A later release wrote it: its hash is checked all the same.
            return Ok(());
        };
        match action {
            AuditAction::WorkspaceRemoved => self.credentials.clear(),
            AuditAction::CredentialCreated | AuditAction::CredentialRotated => {
                self.has_sealed_entries = true;
                self.set(entry)?;
            }
            AuditAction::CredentialAnchored => {
                let (name, version) = named(entry);
                let is_there = true;
                self.credentials.insert(name, Known { version, is_there });
            }
            AuditAction::CredentialDeleted => {
                let (name, version) = named(entry);
                let is_there = false;
                self.credentials.insert(name, Known { version, is_there });
            }
            AuditAction::HostSealed => self.has_sealed_entries = true,
            AuditAction::WorkspaceAnchored
            | AuditAction::WorkspaceAdded
            | AuditAction::WorkflowAdded
            | AuditAction::WorkflowRemoved
            | AuditAction::CredentialUsed
            | AuditAction::CredentialDenied
            | AuditAction::PermissionSet
            | AuditAction::EgressSet
            | AuditAction::SealingSet
            | AuditAction::StepRegistered
            | AuditAction::StepRemoved
            | AuditAction::TokenCreated
            | AuditAction::TokenRevoked
            | AuditAction::MemberAdded
            | AuditAction::MemberSet
            | AuditAction::MemberRemoved
            | AuditAction::RunCancelled
            | AuditAction::AccessDenied
            | AuditAction::AuthenticationFailed
            | AuditAction::WorkspaceKeyRewrapped
            | AuditAction::KekAdded
            | AuditAction::KekRetired
            | AuditAction::BackupTaken
            | AuditAction::BackupRestored => {}
        }
        Ok(())
    }

    fn set(&mut self, entry: &AuditEntry) -> Result<(), AuditFinding> {
        let (name, version) = named(entry);
        let before = self.credentials.get(&name).map_or(0, |known| known.version);
        // In a part of a chain, what came before is not known.
        if self.begins && version != before + 1 {
            return Err(AuditFinding::Skipped {
                sequence: entry.sequence,
                credential: in_words(&name),
                version,
                before,
            });
        }
        let is_there = true;
        self.credentials.insert(name, Known { version, is_there });
        Ok(())
    }

    /// What was found in entries alone: those of an export, of which the end is not known.
    #[must_use]
    pub fn finish(mut self) -> AuditReport {
        let last = self.last;
        let furthest = self.expected.last_key_value().map(|(place, _)| *place);
        if self.finding.is_none()
            && let Some(expected) = furthest.filter(|furthest| *furthest > last)
        {
            self.finding = Some(AuditFinding::Truncated { last, expected });
        }
        AuditReport {
            chain: self.chain,
            entries: self.entries,
            hash: self.hash.unwrap_or_else(genesis),
            seal: SealState::None,
            findings: self.finding.into_iter().collect(),
        }
    }

    /// What was found in a database: `head` is the end that it keeps apart, `seal` what is known of its seal, and `rows`
    /// the credentials of the workspace, if there is one.
    pub(crate) fn finish_in_database(
        mut self,
        head: Option<u64>,
        seal: SealState,
        is_seal_good: bool,
        rows: Option<Vec<CredentialRow>>,
    ) -> AuditReport {
        let last = self.last;
        let (begins, was_sealed) = (self.begins, self.has_sealed_entries);
        let credentials = std::mem::take(&mut self.credentials);
        let mut report = self.finish();
        report.seal = seal;
        if report.findings.is_empty() {
            let of_end = match (head, &report.seal) {
                (None, _) if last > 0 => Some(AuditFinding::NoHead),
                (None, _) if rows.is_some() => Some(AuditFinding::NoChain),
                (Some(head), _) if last > head => {
                    Some(AuditFinding::BeyondHead { sequence: head + 1 })
                }
                (
                    Some(_),
                    SealState::UpTo(expected)
                    | SealState::Unchecked {
                        sequence: expected, ..
                    },
                ) if *expected > last => Some(AuditFinding::Truncated {
                    last,
                    expected: *expected,
                }),
                (Some(_), SealState::UpTo(sequence)) if !is_seal_good => {
                    Some(AuditFinding::SealBroken {
                        sequence: *sequence,
                    })
                }
                (Some(_), SealState::None) if was_sealed => Some(AuditFinding::SealGone),
                (Some(_), _) if !begins && last > 0 => Some(AuditFinding::NoBeginning),
                _ => None,
            };
            report.findings.extend(of_end);
        }
        if report.findings.is_empty()
            && let Some(rows) = rows
        {
            report.findings = of_rows(credentials, rows);
        }
        report
    }
}

fn named(entry: &AuditEntry) -> ((String, String), u64) {
    let workflow = match entry.scope.as_deref() {
        Some("workflow") => entry.workflow.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let key = entry.key.clone().unwrap_or_default();
    ((workflow, key), entry.version.unwrap_or(0))
}

fn in_words((workflow, key): &(String, String)) -> String {
    if workflow.is_empty() {
        format!("credential `{key}`")
    } else {
        format!("credential `{key}` of workflow `{workflow}`")
    }
}

/// How the credentials in the database differ from what the chain says of them.
fn of_rows(
    mut chain: BTreeMap<(String, String), Known>,
    rows: Vec<CredentialRow>,
) -> Vec<AuditFinding> {
    let mut findings = Vec::new();
    let mut found = |name: &(String, String), finding| {
        let credential = in_words(name);
        findings.push(AuditFinding::Credential {
            credential,
            finding,
        });
    };
    for row in rows {
        let name = (row.workflow, row.key);
        match chain.remove(&name) {
            None => found(&name, CredentialFinding::Unknown),
            Some(Known { version, .. }) if row.version != version => {
                let (found_version, expected) = (row.version, version);
                let finding = CredentialFinding::OtherVersion {
                    found: found_version,
                    expected,
                };
                found(&name, finding);
            }
            Some(known) if row.is_there && !known.is_there => {
                found(&name, CredentialFinding::Back);
            }
            Some(Known { version, is_there }) if is_there && !row.is_there => {
                found(&name, CredentialFinding::Gone { expected: version });
            }
            Some(_) if row.has_other_end => found(&name, CredentialFinding::OtherEnd),
            Some(_) => {}
        }
    }
    for (name, Known { version, .. }) in chain {
        found(&name, CredentialFinding::Gone { expected: version });
    }
    findings.truncate(MAX_FINDINGS);
    findings
}
