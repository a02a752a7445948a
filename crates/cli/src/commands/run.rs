//! `lockstep run`: a step once, its output on stdout, its log on stderr.

mod limits;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use lockstep_runner::StepSource;
use lockstep_sandbox::{LogSink, StepFile};
use lockstep_step::{
    DenialReason, Denied, Limits, MAX_MODULE_BYTES, Outcome, OutcomeKind, Receipt, RequestReceipt,
    RunId,
};

use self::limits::LimitArguments;
use super::requests::Line;
use super::show::{FailureFields, json};
use crate::arguments::InWorkflow;
use crate::backend::{Backend, Finished, Wanted};
use crate::config::Config;
use crate::console::{Console, Form};
use crate::input::Input;
use crate::live_log::{LiveLog, PATIENCE};
use crate::problem::{Exit, Problem};
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  lockstep run step.ts
  lockstep run step.wasm
  lockstep run step.wasm --input '{\"channel\": \"#general\"}' --timeout 5s
  lockstep run post --workflow billing --input @input.json --json | jq .output
  other-program | lockstep run post --input -

Exit codes: 0 completed, 1 the step did not complete, 2 the call is wrong, 70 the host failed.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArguments {
    /// JavaScript or TypeScript source, a component, a core module or the text format; or the name of a step that was
    /// added.
    #[arg(value_name = "FILE|STEP")]
    step: OsString,
    #[command(flatten)]
    place: InWorkflow,
    /// The input: JSON, a file of JSON, or stdin.
    #[arg(
        long,
        value_name = "JSON|@FILE|-",
        default_value = "null",
        allow_hyphen_values = true
    )]
    input: Input,
    #[command(flatten)]
    limits: LimitArguments,
}

/// A run, for programs.
#[derive(Serialize)]
struct Document {
    run: RunId,
    kind: OutcomeKind,
    output: Option<Box<RawValue>>,
    failure: Option<FailureFields>,
    receipt: Receipt,
}

pub(crate) async fn carry_out(
    arguments: RunArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let RunArguments {
        step,
        place,
        input,
        limits,
    } = arguments;
    let limits = Limits::from(limits);
    let source = source(&step)?;
    let input = input.read(limits.input_bytes)?;
    let host = Backend::open_to_run(&source, config, console).await?;
    let ran_in = place.clone();
    let log = Arc::new(LiveLog::new(console.clone()));
    let wanted = Wanted {
        workspace: place.workspace,
        workflow: place.workflow,
        step: source,
        input,
        limits,
        log: Arc::clone(&log) as Arc<dyn LogSink>,
        cancel: CancellationToken::new(),
    };
    let finished = run(&host, wanted, &log).await?;
    show(finished, &ran_in, console)
}

/// Where the code is: what names a file, or looks like the name of one, is one.
fn source(step: &OsStr) -> Result<StepSource, Problem> {
    let path = Path::new(step);
    if path.is_file() || looks_like_path(path) {
        return Ok(StepSource::Inline(read_step(path)?));
    }
    let name = step.to_string_lossy().parse().map_err(|error| {
        Problem::not_found(
            format!(
                "`{}` is neither a file nor the name of a step",
                path.display()
            ),
            None,
        )
        .because(Some(&error))
    })?;
    Ok(StepSource::Registered(name))
}

/// What the names of files with steps end with.
const STEP_FILES: [&str; 6] = ["wasm", "wat", "js", "mjs", "ts", "mts"];

fn looks_like_path(path: &Path) -> bool {
    let is_code = |extension: &OsStr| STEP_FILES.iter().any(|known| extension == *known);
    path.components().nth(1).is_some()
        || path.is_absolute()
        || path.extension().is_some_and(is_code)
}

fn label(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// The bytes of a step. Of a file that is too large only so much that it is seen.
pub(super) fn read_step(path: &Path) -> Result<StepFile, Problem> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(MAX_MODULE_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| {
            let problem = format!("cannot read the step `{}`", path.display());
            Problem::new(Exit::Usage, "unreadable", problem).because(Some(&error))
        })?;
    Ok(StepFile::named(label(path), bytes))
}

/// Runs the step, shows its log meanwhile, and ends it when somebody interrupts.
async fn run(host: &Backend, wanted: Wanted, log: &LiveLog) -> Result<Finished, Problem> {
    let cancel = wanted.cancel.clone();
    let mut signals = Signals::listen()?;
    let mut patience = interval(PATIENCE);
    let mut run = pin!(host.run(wanted));
    let result = loop {
        tokio::select! {
            result = &mut run => break result,
            _ = signals.next() => {
                if cancel.is_cancelled() {
                    return Err(Problem::new(Exit::NotCompleted, "interrupted", "interrupted before the run had ended"));
                }
                cancel.cancel();
            }
            _ = patience.tick() => log.release(),
        }
    };
    log.finish();
    result
}

fn show(finished: Finished, place: &InWorkflow, console: &Console) -> Result<Exit, Problem> {
    if let Some(failure) = finished.outcome.failure() {
        console.error(&format!("{}: {}", failure.kind, failure.message));
        for request in requests_at_fault(&finished) {
            console.note(&format!("request {}", Line(request)));
        }
        for hint in hints(&finished, place) {
            console.hint(&hint);
        }
    }
    let exit = match finished.outcome {
        Outcome::Completed(_) => Exit::Completed,
        Outcome::Failed(_) | Outcome::Stopped(_) => Exit::NotCompleted,
    };
    match (console.form(), finished.outcome.output()) {
        (Form::Json, _) => console.show_json(&Document::new(finished)?)?,
        (Form::Text, Some(output)) => console.write(format!("{output}\n").as_bytes())?,
        (Form::Text, None) => {}
    }
    Ok(exit)
}

/// Requests that did not come to their end, of which one may be why the run did not either.
fn requests_at_fault(finished: &Finished) -> impl Iterator<Item = &RequestReceipt> {
    const MOST: usize = 10;
    let outbound = finished.receipt.outbound.iter();
    outbound.filter(|it| it.fault.is_some()).take(MOST)
}

/// What would let the run have the credentials that it did not get.
fn hints(finished: &Finished, place: &InWorkflow) -> Vec<String> {
    if finished.outcome.kind() != OutcomeKind::MissingCredential {
        return Vec::new();
    }
    let InWorkflow {
        workspace,
        workflow,
    } = place;
    let hint = |denied: &Denied| {
        let key = denied.key.as_ref()?;
        match denied.reason {
            DenialReason::NotFound => Some(format!(
                "there is no `{key}`: `lockstep credential set {key} --workspace {workspace}` sets it"
            )),
            DenialReason::Expired => Some(format!(
                "`{key}` has expired: `lockstep credential rotate {key} --workspace {workspace}` gives it a new value"
            )),
            DenialReason::NotPermitted => Some(format!(
                "workflow `{workflow}` may not use `{key}`: `lockstep permission set --workspace {workspace} \
                 --workflow {workflow}` changes that"
            )),
            DenialReason::NotSealed => Some(format!(
                "`{key}` is not sealed, and workspace `{workspace}` allows sealed credentials only: `lockstep credential set {key} \
                 --workspace {workspace} --sealed --host HOST` seals it"
            )),
            DenialReason::InvalidKey => None,
        }
    };
    finished.denied.iter().filter_map(hint).collect()
}

// === impl Document ===

impl Document {
    fn new(finished: Finished) -> Result<Self, Problem> {
        Ok(Self {
            run: finished.run,
            kind: finished.outcome.kind(),
            output: finished.outcome.output().map(json).transpose()?,
            failure: finished.outcome.failure().map(FailureFields::from),
            receipt: finished.receipt,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_path: bool) {
        assert_eq!(looks_like_path(Path::new(text)), is_path, "{text}");
    }

    #[test]
    fn what_looks_like_a_path_is_not_taken_for_a_step() {
        check("dir/step", true);
        check("./step", true);
        check("/step", true);
        check("step.wasm", true);
        check("step.wat", true);
        check("step.ts", true);
        check("step.mjs", true);
        check("step", false);
        check("step.v2", false);
    }
}
