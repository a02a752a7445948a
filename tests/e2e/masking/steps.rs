//! The cases in steps: the guest `speaks` is given the values as credentials, and writes the input to every channel.

use std::time::Instant;

use serde_json::{Value, json};

use lockstep_e2e::corpus::{self, Case, Event};
use lockstep_e2e::{Ran, TestHost, Wanted, guest};
use lockstep_runner::{NewCredential, PutRule};
use lockstep_secret::Secret;
use lockstep_step::{LogStream, OutcomeKind, Scope, WorkspaceName};

use super::cuts::Cut;
use super::{ATTEMPTS, Failures, WEAK_HOLD};

/// A credential has at most so many bytes, and at least one.
const LONGEST_CREDENTIAL_BYTES: usize = 65_536;
/// The input of the guest is JSON, in which a byte takes up to four.
const LONGEST_TEXT_BYTES: usize = 100_000;
/// A longer message of a failure is cut.
const LONGEST_MESSAGE_BYTES: usize = 1_000;
/// A write of a guest is a call of the host: a longer input comes in longer pieces.
const BY_BYTES_UP_TO: usize = 400;

pub(super) async fn check_file(file: &str) {
    let host = TestHost::new().await;
    let cases: Vec<Case> = corpus::cases(file).into_iter().filter(fits).collect();
    set_credentials(&host, &cases).await;
    let mut failures = Failures::default();
    for (number, case) in cases.iter().enumerate() {
        check_log(&host, number, case, &mut failures).await;
        check_ends(&host, number, case, &mut failures).await;
    }
    // Its own check first: a failure below prints all that left it.
    drop(host);
    failures.none();
}

/// Whether a step can do it.
fn fits(case: &Case) -> bool {
    let values = case.values().into_iter().chain(late_values(case));
    case.settings.is_usual()
        && !case.is_refused()
        && case.happenings().iter().all(|event| match event {
            Event::Write(text) => text.bytes().len() <= LONGEST_TEXT_BYTES,
            Event::Register(_) | Event::Shown(_) => true,
            // `when.rs` has steps that wait: a wait in each of these takes too long.
            Event::Quiet => false,
        })
        && values
            .into_iter()
            .all(|value| (1..=LONGEST_CREDENTIAL_BYTES).contains(&value.len()))
}

fn late_values(case: &Case) -> Vec<String> {
    case.events
        .iter()
        .filter_map(|event| match event {
            Event::Register(value) => Some(value.utf8()),
            Event::Write(_) | Event::Shown(_) | Event::Quiet => None,
        })
        .collect()
}

/// Sets the values of all cases. They are no canaries: a case may well say that its value passes.
async fn set_credentials(host: &TestHost, cases: &[Case]) {
    let mut credentials = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let values = case.values().into_iter().chain(late_values(case));
        for (index, value) in values.enumerate() {
            credentials.push(NewCredential {
                key: key(number, index).parse().unwrap(),
                value: Secret::new(value),
                note: None,
                expires_at: None,
                handling: None,
            });
        }
    }
    let workspace = WorkspaceName::default_name();
    let put = host.runner.put_credentials(
        &host.admin,
        &workspace,
        &Scope::Workspace,
        &credentials,
        PutRule::CreateOrRotate,
    );
    put.await.unwrap();
}

fn key(case: usize, index: usize) -> String {
    format!("CASE_{case}_VALUE_{index}")
}

/// Writes the input to stdout whole and to stderr in pieces.
async fn check_log(host: &TestHost, number: usize, case: &Case, failures: &mut Failures) {
    let expected = case.expected.bytes();
    // One stream at a time where it matters what comes before a registration.
    let rounds: &[&[(&str, LogStream)]] = if late_values(case).is_empty() {
        &[&[("stdout", LogStream::Stdout), ("stderr", LogStream::Stderr)]]
    } else {
        &[
            &[("stdout", LogStream::Stdout)],
            &[("stderr", LogStream::Stderr)],
        ]
    };
    for streams in rounds {
        let mut acts = reveals(number, case.secrets.len());
        for (name, stream) in *streams {
            acts.extend(writes(number, case, name, cut_for(*stream, case)));
        }
        let expect = |ran: &Ran| {
            streams
                .iter()
                .all(|(_, stream)| ran.wrote(*stream) == expected)
        };
        let ran = run(host, &json!({ "acts": acts }), expect).await;
        assert_eq!(
            ran.kind(),
            OutcomeKind::Completed,
            "{}: {:?}",
            case.id,
            ran.report
        );
        for (name, stream) in *streams {
            failures.note(&case.id, name, &expected, &ran.wrote(*stream));
            let recorded = recorded(host, &ran, *stream).await;
            let how = format!("{name} in the record");
            failures.note(&case.id, &how, &expected, &recorded);
        }
    }
}

/// Gives the input as the output, and as the message of a failure: whole texts in UTF-8.
async fn check_ends(host: &TestHost, number: usize, case: &Case, failures: &mut Failures) {
    let Some(input) = case.input.as_ref().map(corpus::Text::bytes) else {
        return;
    };
    let (Ok(input), Ok(expected)) = (
        String::from_utf8(input),
        String::from_utf8(case.expected.bytes()),
    ) else {
        return;
    };
    let acts = reveals(number, case.secrets.len());
    let is_plain = json!(input).to_string().len() == input.len() + 2;
    if is_plain {
        let ends = json!({ "acts": acts, "end": { "output": input } });
        let ran = run(host, &ends, |_| true).await;
        let output = ran.output();
        let output = output.as_str().unwrap_or_default();
        failures.note(&case.id, "output", expected.as_bytes(), output.as_bytes());
    }
    if input.len() <= LONGEST_MESSAGE_BYTES && !input.is_empty() {
        let ends = json!({ "acts": acts, "end": { "failure": input } });
        let ran = run(host, &ends, |_| true).await;
        let message = ran.message();
        failures.note(&case.id, "failure", expected.as_bytes(), message.as_bytes());
    }
}

/// Runs the guest until it is as expected, or was not slower than a weak hold lasts.
async fn run(host: &TestHost, input: &Value, is_expected: impl Fn(&Ran) -> bool) -> Ran {
    let mut attempt = 1;
    loop {
        let start = Instant::now();
        let wanted = Wanted::of(guest("speaks")).input(input.to_string());
        let ran = host.run(wanted).await;
        if is_expected(&ran) || start.elapsed() < WEAK_HOLD || attempt == ATTEMPTS {
            return ran;
        }
        attempt += 1;
    }
}

async fn recorded(host: &TestHost, ran: &Ran, stream: LogStream) -> Vec<u8> {
    let workspace = WorkspaceName::default_name();
    let log = host
        .runner
        .run_log(&host.admin, &workspace, &ran.report.run, 0, u32::MAX)
        .await
        .unwrap();
    log.into_iter()
        .filter(|entry| entry.chunk.stream == stream)
        .flat_map(|entry| entry.chunk.text.into_inner())
        .collect()
}

fn reveals(number: usize, secrets: usize) -> Vec<Value> {
    (0..secrets)
        .map(|index| json!({ "reveal": key(number, index) }))
        .collect()
}

fn writes(number: usize, case: &Case, stream: &str, cut: Cut) -> Vec<Value> {
    let mut acts = Vec::new();
    let mut late = case.secrets.len();
    for event in case.happenings() {
        match event {
            Event::Write(text) => {
                let bytes = text.bytes();
                acts.extend(
                    cut.pieces(&bytes)
                        .iter()
                        .map(|piece| json!({ stream: piece })),
                );
            }
            Event::Register(_) => {
                acts.push(json!({ "reveal": key(number, late) }));
                late += 1;
            }
            Event::Shown(_) | Event::Quiet => {}
        }
    }
    acts
}

fn cut_for(stream: LogStream, case: &Case) -> Cut {
    match (stream, case.longest_write()) {
        (LogStream::Stdout, _) => Cut::Whole,
        (LogStream::Stderr, ..=BY_BYTES_UP_TO) => Cut::Bytes,
        (LogStream::Stderr, _) => Cut::RandomLong(11),
    }
}
