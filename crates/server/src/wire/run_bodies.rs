//! The bodies of requests for runs. This file knows nothing of the rest of the server, so that it can be fuzzed.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::object::object;
use crate::run_limits::RunLimits;

/// A run of a registered step.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepRun {
    /// What the step is given; null if there is none.
    #[schema(value_type = Option<serde_json::Value>)]
    pub(crate) input: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) limits: RunLimits,
}

/// A run of code that is handed in with it and not kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InlineRun {
    /// JavaScript or TypeScript; or there is `wasm`.
    pub(crate) source: Option<String>,
    /// Of `source`; null or nothing: `javascript`.
    pub(crate) language: Option<Language>,
    /// A component, a core module or the text format of either, in base64; or there is `source`.
    #[schema(content_encoding = "base64")]
    pub(crate) wasm: Option<String>,
    /// What the step is given; null if there is none.
    #[schema(value_type = Option<serde_json::Value>)]
    pub(crate) input: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) limits: RunLimits,
}

/// What source code is written in.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub(crate) enum Language {
    JavaScript,
    TypeScript,
}

/// A word is text: of an enumeration, serde would take `{"javascript": null}` too.
impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, &'static str> {
        match word.as_str() {
            "javascript" => Ok(Self::JavaScript),
            "typescript" => Ok(Self::TypeScript),
            _ => Err("neither `javascript` nor `typescript`"),
        }
    }
}
