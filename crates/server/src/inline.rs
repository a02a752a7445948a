//! The code of a run that hands it in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;

use lockstep_step::MAX_MODULE_BYTES;

use crate::problem::Problem;
use crate::wire::Language;

/// What is to be run, and not kept.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Code {
    JavaScript(String),
    TypeScript(String),
    WebAssembly(Vec<u8>),
}

/// What a body says of it: source code and perhaps its language, or WebAssembly in base64.
pub(crate) fn code(
    source: Option<String>,
    language: Option<Language>,
    wasm: Option<String>,
) -> Result<Code, Problem> {
    match (source, wasm, language) {
        (Some(source), None, None | Some(Language::JavaScript)) => Ok(Code::JavaScript(source)),
        (Some(source), None, Some(Language::TypeScript)) => Ok(Code::TypeScript(source)),
        (None, Some(wasm), None) => module(&wasm).map(Code::WebAssembly),
        (None, Some(_), Some(_)) => Err(invalid("`language` is of `source`, not of `wasm`")),
        (Some(_), Some(_), _) | (None, None, _) => {
            Err(invalid("a run takes one of `source` and `wasm`"))
        }
    }
}

fn module(wasm: &str) -> Result<Vec<u8>, Problem> {
    let bytes = STANDARD.decode(wasm);
    let bytes = bytes.map_err(|_| invalid("`wasm` is not base64"))?;
    if bytes.len() > MAX_MODULE_BYTES {
        let size = Some(bytes.len() as u64);
        let (code, what) = ("step_too_large", "the step");
        return Err(Problem::too_large(code, what, size, MAX_MODULE_BYTES));
    }
    Ok(bytes)
}

fn invalid(detail: &str) -> Problem {
    Problem::bad_request("invalid_body", detail)
}
