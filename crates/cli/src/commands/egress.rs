//! `lockstep egress`: where the requests of a workflow may go.

mod explain;

use std::fmt;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use lockstep_step::{EgressRule, WorkflowEgress, WorkflowName, WorkspaceName};

use self::explain::ExplainArguments;
use super::show::time;
use crate::arguments::InWorkflow;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};

const EXAMPLES: &str = "\
Examples:
  lockstep egress set --workflow billing --allow 'GET,POST api.stripe.com/v1' --allow '*.example.com'
  lockstep egress set --workflow billing --allow 'GET api.github.com~/repos/[^/]+/issues'
  lockstep egress set --workflow billing --nothing
  lockstep egress set --workflow billing --all

A rule is `[METHOD,.. ][http://]HOST[:PORT][/PATH or ~EXPRESSION]`: without a scheme https, without a port that of the \
scheme, without methods any. `*.example.com` is any host below `example.com` and never itself. `/v1` is that path and all \
below it; an expression (of the Rust crate regex) has to match the whole path.";

#[derive(Debug, Subcommand)]
pub(crate) enum EgressCommand {
    /// Show where the requests of a workflow may go.
    Show {
        #[command(flatten)]
        place: InWorkflow,
    },
    /// Set where the requests of a workflow may go. The operator must allow it, too.
    #[command(after_help = EXAMPLES)]
    Set {
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        place: InWorkflow,
    },
    /// Tell what would happen to a request, and which rule decides. Sends nothing; exit code 1 if it would be refused.
    Explain(ExplainArguments),
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Choice {
    /// Wherever the operator allows.
    #[arg(long)]
    all: bool,
    /// Nowhere.
    #[arg(long)]
    nothing: bool,
    /// Only where this rule, or another `--allow`, allows.
    #[arg(long, value_name = "RULE")]
    allow: Vec<EgressRule>,
}

/// Where requests may go, in two fields: `egress` is `all` or `only`, `rules` those that allow or null.
#[derive(Serialize)]
struct Egress {
    workspace: WorkspaceName,
    workflow: WorkflowName,
    egress: &'static str,
    rules: Option<Vec<Rule>>,
    /// Null if it was never set.
    set_at: Option<Timestamp>,
    set_by: Option<String>,
}

/// A rule as it is written, and its number, from 1 on.
#[derive(Clone, Serialize)]
struct Rule {
    number: usize,
    rule: String,
}

pub(crate) async fn carry_out(
    command: EgressCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    let place = match command {
        EgressCommand::Explain(arguments) => {
            return explain::carry_out(arguments, &host, console).await;
        }
        EgressCommand::Show { place } => place,
        EgressCommand::Set { choice, place } => {
            let InWorkflow {
                workspace,
                workflow,
            } = &place;
            let egress = choice.into();
            host.set_egress(workspace, workflow, &egress).await?;
            warn_of_public_suffixes(&egress, console);
            place
        }
    };
    console.show(&shown(&host, place).await?)?;
    Ok(Exit::Completed)
}

/// A rule only narrows, so that this is no error; but it may narrow less than whoever wrote it thinks.
fn warn_of_public_suffixes(egress: &WorkflowEgress, console: &Console) {
    let rules: &[EgressRule] = match egress {
        WorkflowEgress::All => &[],
        WorkflowEgress::Only(rules) => rules,
    };
    for (at, rule) in rules.iter().enumerate() {
        if let Some(suffix) = rule.host().public_suffix() {
            console.warn(&format!(
                "rule {} allows every host below `{suffix}`, whoever owns it: {rule}",
                at + 1
            ));
        }
    }
}

async fn shown(host: &Backend, place: InWorkflow) -> Result<Egress, Problem> {
    let entry = host.workflow(&place.workspace, &place.workflow).await?;
    let (egress, rules) = match &entry.egress {
        WorkflowEgress::All => ("all", None),
        WorkflowEgress::Only(rules) => ("only", Some(numbered(rules))),
    };
    Ok(Egress {
        workspace: place.workspace,
        workflow: place.workflow,
        egress,
        rules,
        set_at: entry.egress_set_at,
        set_by: entry.egress_set_by,
    })
}

fn numbered(rules: &[EgressRule]) -> Vec<Rule> {
    let rules = rules.iter().enumerate();
    rules
        .map(|(at, rule)| Rule {
            number: at + 1,
            rule: rule.to_string(),
        })
        .collect()
}

impl From<Choice> for WorkflowEgress {
    fn from(choice: Choice) -> Self {
        if choice.all {
            Self::All
        } else {
            Self::Only(choice.allow)
        }
    }
}

impl Answer for Egress {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let workflow = &self.workflow;
        match self.rules.as_deref() {
            None => writeln!(
                out,
                "requests of workflow `{workflow}` may go wherever the operator allows"
            )?,
            Some([]) => writeln!(out, "requests of workflow `{workflow}` may go nowhere")?,
            Some(rules) => {
                writeln!(
                    out,
                    "requests of workflow `{workflow}` may go where one of these allows:"
                )?;
                for Rule { number, rule } in rules {
                    writeln!(out, "{number:>3}  {rule}")?;
                }
            }
        }
        if let (Some(at), Some(by)) = (self.set_at, &self.set_by) {
            writeln!(out, "set at {} by {by}", time(at))?;
        }
        Ok(())
    }
}
