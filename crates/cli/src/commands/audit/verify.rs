//! `lockstep audit verify`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use lockstep_runner::{AuditChain, AuditCheck, AuditEntry, AuditHead};
use lockstep_step::WorkspaceName;

use super::head::Heads;
use crate::backend::{Backend, CheckedChain};
use crate::config::Config;
use crate::console::{Answer, Console, Mood, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// Only the chain of this workspace; without this, all of them and the host's. Through a server that takes an admin token
    /// of the workspace `default`; any other has the chain of its own workspace checked.
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
    chains: Vec<CheckedChain>,
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

/// What the host says of its database: the one here, or one behind a server.
pub(super) async fn of_host(
    arguments: VerifyArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let exported = exported(&arguments)?;
    // The keys open the seals.
    let backend = Backend::open(config, Keys::Shown, console).await?;
    let only = arguments.workspace.as_ref();
    let checked = backend.verify_audit(only, exported).await?;
    show(checked, false, console)
}

fn show(chains: Vec<CheckedChain>, of_file: bool, console: &Console) -> Result<Exit, Problem> {
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
) -> Result<Vec<CheckedChain>, Problem> {
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
    let reports = checks.into_values().map(AuditCheck::finish);
    Ok(reports.map(CheckedChain::from).collect())
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

fn seal_in_words(checked: &CheckedChain) -> String {
    match (checked.sealed_sequence, &checked.seal_unchecked) {
        (None, _) => "not sealed".to_owned(),
        (Some(sequence), None) => format!("sealed up to entry {sequence}"),
        (Some(sequence), Some(reason)) => {
            format!("its seal of entry {sequence} cannot be checked: {reason}")
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
                    write!(out, ", {}", seal_in_words(chain))?;
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
