//! stand-in until the real one lands
use crate::InvalidStep;
use lockstep_step::CredentialKey;
use serde::{Deserialize, Serialize};
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Language {
    JavaScript,
    TypeScript,
}
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Form {
    Module,
    Plain,
}
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) code: String,
    pub(crate) map: Vec<u8>,
    pub(crate) keys: Vec<CredentialKey>,
    pub(crate) dynamic: bool,
}
pub(crate) fn parse(name: &str, _language: Language, text: &[u8]) -> Result<Script, InvalidStep> {
    let code = String::from_utf8_lossy(text).into_owned();
    let form = if code.contains("export default") {
        Form::Module
    } else {
        Form::Plain
    };
    Ok(Script {
        name: name.to_owned(),
        form,
        code,
        map: Vec::new(),
        keys: Vec::new(),
        dynamic: false,
    })
}

impl Script {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [MAGIC, &serde_json::to_vec(self).unwrap_or_default()].concat()
    }
    pub(crate) fn is_script(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidStep> {
        serde_json::from_slice(&bytes[MAGIC.len()..]).map_err(|e| InvalidStep::new(format!("{e}")))
    }
}
const MAGIC: &[u8] = b"lockstep script 1\n";
