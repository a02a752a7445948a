//! The step: what it returns is its output.

use lockstep_step::{Failure, credential};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Input {
    name: String,
}

#[derive(Serialize)]
struct Output {
    greeting: String,
    signed: bool,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Output, Failure> {
    let token = credential("GREETER_TOKEN")?;
    println!("greeting {} with {token}", input.name); // the log shows ***
    Ok(Output {
        greeting: format!("Hello {}", input.name),
        signed: !token.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use lockstep_step::testing;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_greets() {
        testing::set_credentials([("GREETER_TOKEN", "for-tests-only")]);
        let output = testing::run(run, json!({ "name": "Ada" }));
        let expected = json!({ "greeting": "Hello Ada", "signed": true });
        assert_eq!(output, Ok(expected));
    }

    #[test]
    fn without_the_token_it_fails_and_says_which_is_missing() {
        let failure = testing::run(run, json!({ "name": "Ada" })).unwrap_err();
        assert_eq!(failure.missing_credentials(), ["GREETER_TOKEN"]);
    }
}
