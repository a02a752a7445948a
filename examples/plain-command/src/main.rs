//! A WASI command as a step, without an SDK: the input is on stdin, the output goes to `set-output`, and an exit code
//! other than 0 is a failure. Any language that compiles to WASI can do the same.

mod host;

use std::{
    io::{self, Read},
    process::ExitCode,
};

use serde_json::{Value, json};

fn main() -> ExitCode {
    let mut input = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut input) {
        return failed(&format!("cannot read stdin: {error}"));
    }
    let Ok(Value::Object(input)) = serde_json::from_str(&input) else {
        return failed("the input is no JSON object");
    };
    let Some(text) = input.get("text").and_then(Value::as_str) else {
        return failed("the input has no `text`");
    };
    let token = match host::credential("READABILITY_TOKEN") {
        Ok(token) => token,
        Err(message) => return failed(&message),
    };
    println!("would ask the service with {token}");
    host::set_output(&json!({ "words": words(text), "sentences": sentences(text) }).to_string());
    ExitCode::SUCCESS
}

fn failed(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn sentences(text: &str) -> usize {
    text.split(['.', '!', '?'])
        .filter(|sentence| !sentence.trim().is_empty())
        .count()
}
