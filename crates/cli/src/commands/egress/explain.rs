//! `lockstep egress explain`: what would become of a request.

use std::fmt;
use std::net::IpAddr;

use clap::Args;
use serde::Serialize;

use lockstep_runner::RequestQuestion;
use lockstep_sandbox::{Examined, Explanation, Finding, Origin};
use lockstep_step::{CredentialKey, WorkflowName, WorkspaceName};

use crate::arguments::InWorkflow;
use crate::backend::Backend;
use crate::console::{Answer, Console, Mood, Paint};
use crate::problem::{Exit, Problem};
use crate::value;

const EXAMPLES: &str = "\
Examples:
  lockstep egress explain GET https://api.example.com/v1/users
  lockstep egress explain POST https://slack.com/api/chat.postMessage --workflow alerts --key SLACK_BOT_TOKEN";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArguments {
    /// The method.
    method: String,
    /// The URL.
    url: String,
    /// A credential that would be in the request.
    #[arg(long, value_name = "KEY", value_parser = value::key)]
    key: Option<CredentialKey>,
    #[command(flatten)]
    place: InWorkflow,
}

#[derive(Serialize)]
struct Explained {
    workspace: WorkspaceName,
    workflow: WorkflowName,
    allowed: bool,
    /// Why not, as a step would be told; null if it is.
    reason: Option<String>,
    scheme: Option<&'static str>,
    host: Option<String>,
    port: Option<u16>,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    of: &'static str,
    allows: bool,
    message: String,
    /// Of an address.
    address: Option<IpAddr>,
    /// The number of the workflow's rule that allows, from 1 on.
    rule: Option<usize>,
}

pub(super) async fn carry_out(
    arguments: ExplainArguments,
    host: &Backend,
    console: &Console,
) -> Result<Exit, Problem> {
    let ExplainArguments {
        method,
        url,
        key,
        place,
    } = arguments;
    let question = RequestQuestion {
        method: &method,
        url: &url,
        key: key.as_ref(),
    };
    let explanation = host
        .explain_request(&place.workspace, &place.workflow, question)
        .await?;
    let explained = Explained::new(explanation, place);
    console.show(&explained)?;
    Ok(if explained.allowed {
        Exit::Completed
    } else {
        Exit::NotCompleted
    })
}

impl Explained {
    fn new(explanation: Explanation, place: InWorkflow) -> Self {
        let Explanation {
            origin,
            findings,
            refusal,
        } = explanation;
        let (scheme, host, port) = match origin {
            Some(Origin { scheme, host, port }) => (Some(scheme.as_str()), Some(host), Some(port)),
            None => (None, None, None),
        };
        Self {
            workspace: place.workspace,
            workflow: place.workflow,
            allowed: refusal.is_none(),
            reason: refusal,
            scheme,
            host,
            port,
            findings: findings.into_iter().map(Found::from).collect(),
        }
    }
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        let (of, address, rule) = match finding.of {
            Examined::Url => ("url", None, None),
            Examined::Operator => ("operator", None, None),
            Examined::Address(address) => ("address", Some(address), None),
            Examined::Name => ("name", None, None),
            Examined::Workflow { rule } => ("workflow", None, rule.map(|rule| rule + 1)),
            Examined::Credential => ("credential", None, None),
        };
        Self {
            of,
            allows: finding.allows,
            message: finding.message,
            address,
            rule,
        }
    }
}

impl Answer for Explained {
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
        for found in &self.findings {
            let label = if found.allows {
                paint.label("ok  ", Mood::Good)
            } else {
                paint.label("no  ", Mood::Bad)
            };
            write!(out, "{label}  {:<11}", found.of)?;
            if let Some(address) = found.address {
                write!(out, "{address}: ")?;
            }
            writeln!(out, "{}", found.message)?;
        }
        match &self.reason {
            None => writeln!(out, "the request would be sent"),
            Some(reason) => writeln!(out, "the request would be refused: {reason}"),
        }
    }
}
