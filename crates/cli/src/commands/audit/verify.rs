//! `lockstep audit verify`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use lockstep_runner::{
    AuditChain, AuditCheck, AuditEntry, AuditFinding, AuditHead, AuditReport, SealState,
};
use lockstep_step::{Digest, WorkspaceName};

use super::head::Heads;
use super::needs_the_database;
use crate::config::Config;
use crate::console::{Answer, Console, Mood, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// Only the chain of this workspace; without this, all of them and the host's.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<WorkspaceName>,
    /// A file with heads that `lockstep audit head --json` wrote earlier: what was there then must be there still.
    #[arg(long, value_name = "PATH")]
    heads: Option<PathBuf>,
    /// A file that `lockstep audit export` wrote, in place of the database.
    #[arg(long, value_name = "PATH", conflicts_with = "workspace")]
    pub(super) file: Option<PathBuf>,
    /// The file was exported with `--after` this entry: what came before is not in it.
    #[arg(long, value_name = "NUMBER", requires = "file", default_value_t = 0)]
    after: u64,
}

#[derive(Serialize)]
struct Verified {
    /// Whether a file was checked, in which there are no seals.
    #[serde(skip)]
    of_file: bool,
    /// Whether nothing was found.
    whole: bool,
    chains: Vec<Chain>,
}

#[derive(Serialize)]
struct Chain {
    chain: AuditChain,
    /// How many entries fit together, from the first that is there on.
    entries: u64,
    hash: Digest,
    /// Up to which entry it is sealed with the key of the workspace.
    sealed_sequence: Option<u64>,
    /// Why the seal cannot be checked.
    seal_unchecked: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    code: &'static str,
    sequence: Option<u64>,
    message: String,
}

/// Needs no host: the file tells all.
pub(super) fn of_file(
    file: &Path,
    arguments: &VerifyArguments,
    console: &Console,
) -> Result<Exit, Problem> {
    let exported = exported(arguments)?;
    let reports = verify_file(file, arguments.after, &exported)?;
    show(reports, true, console)
}

pub(super) async fn of_database(
    arguments: VerifyArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    if config.server.is_some() {
        return Err(needs_the_database("checking the audit in the database"));
    }
    let exported = exported(&arguments)?;
    // The keys open the seals.
    let Host { runner, caller } = Host::open(config, Keys::Shown, console).await?;
    let only = arguments.workspace.map(AuditChain::Workspace);
    let verified = runner.verify_audit(&caller, only.as_ref(), &exported);
    show(verified.await?, false, console)
}

fn show(reports: Vec<AuditReport>, of_file: bool, console: &Console) -> Result<Exit, Problem> {
    let chains: Vec<Chain> = reports.into_iter().map(Chain::from).collect();
    let whole = chains.iter().all(|chain| chain.findings.is_empty());
    console.show(&Verified {
        of_file,
        whole,
        chains,
    })?;
    if !whole {
        console.hint(
            "keep the database as it is, and compare it with a backup: `lockstep audit export` writes what is there",
        );
        return Ok(Exit::NotCompleted);
    }
    Ok(Exit::Completed)
}

/// The heads that were kept elsewhere.
fn exported(arguments: &VerifyArguments) -> Result<Vec<AuditHead>, Problem> {
    let Some(path) = &arguments.heads else {
        return Ok(Vec::new());
    };
    let text = fs::read(path).map_err(|error| not_read(path, &error))?;
    let Heads { heads } = serde_json::from_slice(&text).map_err(|error| not_read(path, &error))?;
    Ok(heads)
}

/// Checks the entries of a file: of each chain, those that there are.
fn verify_file(
    path: &Path,
    after: u64,
    exported: &[AuditHead],
) -> Result<Vec<AuditReport>, Problem> {
    let file = File::open(path).map_err(|error| not_read(path, &error))?;
    let mut checks: BTreeMap<AuditChain, AuditCheck> = BTreeMap::new();
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|error| not_read(path, &error))?;
        let entry: AuditEntry = serde_json::from_str(&line).map_err(|error| {
            let message = format!("line {number} of `{}` is no entry", path.display());
            Problem::new(Exit::NotCompleted, "audit_unreadable", message).because(Some(&error))
        })?;
        let check = checks
            .entry(entry.chain.clone())
            .or_insert_with_key(|chain| begun(chain, after, exported));
        check.entry(&entry);
    }
    // Those of which nothing is left.
    for head in exported {
        checks
            .entry(head.chain.clone())
            .or_insert_with_key(|chain| begun(chain, after, exported));
    }
    Ok(checks.into_values().map(AuditCheck::finish).collect())
}

fn begun(chain: &AuditChain, after: u64, exported: &[AuditHead]) -> AuditCheck {
    let mut check = match after {
        0 => AuditCheck::whole(chain.clone()),
        after => AuditCheck::after(chain.clone(), after),
    };
    for head in exported.iter().filter(|head| head.chain == *chain) {
        check.expect_exported(head);
    }
    check
}

fn not_read(path: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::usage(format!("cannot read `{}`", path.display())).because(Some(error))
}

// === impl Chain ===

impl From<AuditReport> for Chain {
    fn from(report: AuditReport) -> Self {
        let (sealed_sequence, seal_unchecked) = match report.seal {
            SealState::None => (None, None),
            SealState::UpTo(sequence) => (Some(sequence), None),
            SealState::Unchecked { sequence, reason } => (Some(sequence), Some(reason)),
        };
        Self {
            chain: report.chain,
            entries: report.entries,
            hash: report.hash,
            sealed_sequence,
            seal_unchecked,
            findings: report.findings.iter().map(Finding::from).collect(),
        }
    }
}

impl From<&AuditFinding> for Finding {
    fn from(finding: &AuditFinding) -> Self {
        Self {
            code: finding.code(),
            sequence: finding.sequence(),
            message: finding.to_string(),
        }
    }
}

impl Chain {
    fn seal_in_words(&self) -> String {
        match (self.sealed_sequence, &self.seal_unchecked) {
            (None, _) => "not sealed".to_owned(),
            (Some(sequence), None) => format!("sealed up to entry {sequence}"),
            (Some(sequence), Some(reason)) => {
                format!("its seal of entry {sequence} cannot be checked: {reason}")
            }
        }
    }
}

impl Answer for Verified {
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
        for chain in &self.chains {
            let (name, entries) = (&chain.chain, chain.entries);
            if chain.findings.is_empty() {
                let label = paint.label("ok", Mood::Good);
                write!(out, "{label}    `{name}`: {entries} entries")?;
                if !self.of_file {
                    write!(out, ", {}", chain.seal_in_words())?;
                }
                writeln!(out)?;
            }
            for finding in &chain.findings {
                let label = paint.label("FOUND", Mood::Bad);
                writeln!(out, "{label} `{name}`: {}", finding.message)?;
            }
        }
        Ok(())
    }
}
