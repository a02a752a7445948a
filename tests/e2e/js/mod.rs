//! Steps in JavaScript, as their authors see them.

mod context;
mod credentials;
mod errors;
mod fetch;
mod hostile;
mod memory;
mod output;
mod promises;
mod recursion;
mod stacks;
mod tasks;

use lockstep_e2e::{Ran, TestHost, Wanted};
use lockstep_step::OutcomeKind;

/// Runs some code in a host of its own.
async fn run(source: &str) -> Ran {
    run_in(&TestHost::new().await, source).await
}

/// Runs some code; it is a plain script where it has no default export.
async fn run_in(host: &TestHost, source: &str) -> Ran {
    host.run(Wanted::script("step.js", source)).await
}

/// How a run failed, in words.
fn failure(ran: &Ran) -> (OutcomeKind, String) {
    match ran.report.outcome.failure() {
        Some(failure) => (failure.kind, failure.message.as_str().to_owned()),
        None => panic!("the step completed with {}", ran.output()),
    }
}

/// Runs pieces of code, and expects each to fail so, with a message that begins so.
async fn check_failures(kind: OutcomeKind, cases: &[(&str, &str)]) {
    let host = TestHost::new().await;
    for (source, beginning) in cases {
        let (found, message) = failure(&run_in(&host, source).await);
        assert_eq!(found, kind, "{source}: {message}");
        assert!(message.starts_with(beginning), "{source}: {message}");
    }
}

/// Runs pieces of code, and expects each to give this output.
async fn check_outputs(cases: &[(&str, serde_json::Value)]) {
    let host = TestHost::new().await;
    for (source, output) in cases {
        let ran = run_in(&host, source).await;
        if let Some(failure) = ran.report.outcome.failure() {
            panic!("{source}: {}", failure.message);
        }
        assert_eq!(ran.output(), *output, "{source}");
    }
}
