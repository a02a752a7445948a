//! Prepares a message to a Slack channel: the request to send, but for its authorization.

use std::collections::BTreeMap;

use lockstep_step::{Failure, credential};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Input {
    channel: String,
    build: Build,
}

#[derive(Deserialize)]
struct Build {
    branch: String,
    passed: bool,
    seconds: u32,
    url: String,
}

#[derive(Serialize)]
struct Output {
    request: Request,
    /// Whether a token of Slack's kind was at hand.
    authorized: bool,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    url: &'static str,
    body: BTreeMap<&'static str, String>,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Output, Failure> {
    let token = credential("SLACK_TOKEN")?;
    let request = Request {
        method: "POST",
        url: "https://slack.com/api/chat.postMessage",
        body: BTreeMap::from([("channel", input.channel), ("text", text(&input.build))]),
    };

    // What a debugging session leaves behind. Lockstep writes `Authorization: Bearer ***`.
    println!("{} {}", request.method, request.url);
    println!("Authorization: Bearer {token}");
    Ok(Output {
        request,
        authorized: token.starts_with("xoxb-"),
    })
}

fn text(build: &Build) -> String {
    let (sign, verb) = if build.passed {
        (":white_check_mark:", "passed")
    } else {
        (":x:", "failed")
    };
    let (minutes, seconds) = (build.seconds / 60, build.seconds % 60);
    format!(
        "{sign} <{}|{}> {verb} after {minutes} min {seconds} s",
        build.url, build.branch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_says_so() {
        let build = Build {
            branch: "main".into(),
            passed: false,
            seconds: 61,
            url: "https://ci.test/7".into(),
        };
        assert_eq!(
            text(&build),
            ":x: <https://ci.test/7|main> failed after 1 min 1 s"
        );
    }
}
