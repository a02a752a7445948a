//! What would become of a request: decided by what decides about the requests of runs, and sent nowhere.

use std::net::IpAddr;

use http::Method;
use url::Url;

use lockstep_step::{Scheme, Sealing, WorkflowEgress};

use super::attach;
use super::error::EgressError;
use super::outlet::{Egress, decide};
use super::target::Target;

/// A request that somebody asks about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The rules of the workflow that would make it.
    pub rules: &'a WorkflowEgress,
    /// Its method.
    pub method: &'a str,
    /// Its URL.
    pub url: &'a str,
    /// How a sealed credential may be used that would be in it.
    pub sealing: Option<&'a Sealing>,
}

/// What would become of a request.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Where the URL leads, as it is read; `None` if it cannot be requested at all.
    pub origin: Option<Origin>,
    /// Everything that was looked at, in its order.
    pub findings: Vec<Finding>,
    /// Why the request would be refused, as a step would be told; `None`: it would be sent.
    pub refusal: Option<String>,
}

/// Scheme, host and port in the one spelling that rules look at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What.
    pub of: Examined,
    /// Whether it speaks for the request.
    pub allows: bool,
    /// What there is to say.
    pub message: String,
}

/// What is looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Examined {
    /// Method and URL.
    Url,
    /// What the operator says of the host, whatever its addresses are.
    Operator,
    /// One of the addresses of the host.
    Address(IpAddr),
    /// The name of the host, where it has no address.
    Name,
    /// The rules of the workflow.
    Workflow {
        /// The number of the one that allows, from 0 on.
        rule: Option<usize>,
    },
    /// A sealed credential.
    Credential,
}

impl Egress {
    /// Tells what would become of a request. The host is resolved, and nothing is sent.
    pub(crate) async fn explain(&self, question: Question<'_>) -> Explanation {
        let mut explanation = Explanation {
            origin: None,
            findings: Vec::new(),
            refusal: None,
        };
        match read(question) {
            Ok((method, target, url)) => {
                explanation.origin = Some(Origin {
                    scheme: target.scheme,
                    host: target.host.clone(),
                    port: target.port,
                });
                let reading = format!("{method} {target}{}", url.path());
                explanation.add(Examined::Url, true, reading);
                self.examine(question, &method, &target, &url, &mut explanation)
                    .await;
            }
            Err(refusal) => {
                explanation.add(Examined::Url, false, refusal.clone());
                explanation.refusal = Some(refusal);
            }
        }
        explanation
    }

    async fn examine(
        &self,
        question: Question<'_>,
        method: &Method,
        target: &Target,
        url: &Url,
        explanation: &mut Explanation,
    ) {
        let config = self.config();
        let allows = config.may_reach_some(&target.host);
        let says = config.in_words(&target.host);
        explanation.add(Examined::Operator, allows, says);
        let dialled = self.examine_addresses(target, explanation).await;
        examine_rules(question.rules, method, target, url, explanation);
        // In the order in which a run would see it.
        let decided = decide(config, question.rules, method, target, url);
        explanation.refuse(decided.map(drop).map_err(|error| error.message));
        if let Some(sealing) = question.sealing {
            let may = attach::may_carry(config, sealing, target);
            let places: Vec<_> = sealing.places().map(|place| place.as_str()).collect();
            let message = match &may {
                Ok(()) => format!("the credential may go there, in: {}", places.join(", ")),
                Err(reason) => format!("the credential {reason}"),
            };
            explanation.add(Examined::Credential, may.is_ok(), message.clone());
            explanation.refuse(may.map_err(|_| message));
        }
        explanation.refuse(dialled.map_err(|error| error.message));
    }

    /// Whether one of the host's addresses may be dialled.
    async fn examine_addresses(
        &self,
        target: &Target,
        explanation: &mut Explanation,
    ) -> Result<(), EgressError> {
        let resolved = self.dialer().resolve(&target.host).await;
        let found = resolved.inspect_err(|error| {
            explanation.add(Examined::Name, false, error.message.clone());
        })?;
        for address in &found {
            let ground = self.config().ground(&target.host, *address);
            let message = match &ground {
                Some(ground) => ground.to_string(),
                None => "neither public nor listed by the operator".to_owned(),
            };
            explanation.add(Examined::Address(*address), ground.is_some(), message);
        }
        self.dialer().allowed(&target.host, found).map(drop)
    }
}

/// Method and URL as a run reads them.
fn read(question: Question<'_>) -> Result<(Method, Target, Url), String> {
    let method = Method::from_bytes(question.method.as_bytes())
        .map_err(|_| "it is no method of HTTP".to_owned())?;
    let url = Url::parse(question.url).map_err(|error| format!("it is no URL: {error}"))?;
    let (target, url) = Target::of(&url).map_err(|error| error.message)?;
    Ok((method, target, url))
}

fn examine_rules(
    rules: &WorkflowEgress,
    method: &Method,
    target: &Target,
    url: &Url,
    explanation: &mut Explanation,
) {
    let decided = rules.decide(target.with(method.as_str(), url.path()));
    let rule = decided.unwrap_or(None);
    let message = match (rules, rule) {
        (WorkflowEgress::Only(rules), Some(number)) => {
            format!("rule {} allows it: {}", number + 1, rules[number])
        }
        (WorkflowEgress::Only(rules), None) => match rules.len() {
            0 => "the workflow may make no requests".to_owned(),
            count => format!("none of its {count} rules allows it"),
        },
        (WorkflowEgress::All, _) => "the workflow has no rules of its own".to_owned(),
    };
    explanation.add(Examined::Workflow { rule }, decided.is_ok(), message);
}

// === impl Explanation ===

impl Explanation {
    fn add(&mut self, of: Examined, allows: bool, message: String) {
        self.findings.push(Finding {
            of,
            allows,
            message,
        });
    }

    /// The first reason is the one that a step is told.
    fn refuse(&mut self, decided: Result<(), String>) {
        if let (None, Err(reason)) = (&self.refusal, decided) {
            self.refusal = Some(reason);
        }
    }
}
