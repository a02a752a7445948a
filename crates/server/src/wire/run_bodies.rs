//! The bodies of requests for runs. This file knows nothing of the rest of the server, so that it can be fuzzed.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::object::object;
use crate::whole::whole;

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
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    JavaScript,
    TypeScript,
}

/// What a run may use. What is not said has the default of `lockstep run`.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunLimits {
    /// Wall-clock and CPU time, in milliseconds: at most 600000.
    #[schema(maximum = 600000)]
    #[serde(deserialize_with = "whole")]
    pub(crate) timeout_ms: Option<u64>,
    /// Memory, in bytes: at most what the host gives a run, which is 1073741824.
    #[schema(maximum = 1_073_741_824)]
    #[serde(deserialize_with = "whole")]
    pub(crate) memory_bytes: Option<u64>,
    /// Log that is kept, in bytes: at most 16777216.
    #[schema(maximum = 16777216)]
    #[serde(deserialize_with = "whole")]
    pub(crate) log_bytes: Option<u64>,
    /// Output, in bytes: at most 16777216.
    #[schema(maximum = 16777216)]
    #[serde(deserialize_with = "whole")]
    pub(crate) output_bytes: Option<u64>,
    /// Outbound requests: at most 10000.
    #[schema(maximum = 10000)]
    #[serde(deserialize_with = "whole")]
    pub(crate) requests: Option<u32>,
    /// Outbound requests at the same time; more wait: 1 to 64.
    #[schema(minimum = 1, maximum = 64)]
    #[serde(deserialize_with = "whole")]
    pub(crate) concurrent_requests: Option<u32>,
    /// How long an answer to a request may take to begin, in milliseconds: at most 600000.
    #[schema(maximum = 600000)]
    #[serde(deserialize_with = "whole")]
    pub(crate) first_byte_timeout_ms: Option<u64>,
    /// URL and headers of a request, in bytes: at most 65536.
    #[schema(maximum = 65536)]
    #[serde(deserialize_with = "whole")]
    pub(crate) request_header_bytes: Option<u32>,
    /// Body of a request, in bytes: at most 1073741824.
    #[schema(maximum = 1_073_741_824)]
    #[serde(deserialize_with = "whole")]
    pub(crate) request_body_bytes: Option<u64>,
    /// Body of an answer to a request, in bytes, decompressed: at most 1073741824.
    #[schema(maximum = 1_073_741_824)]
    #[serde(deserialize_with = "whole")]
    pub(crate) response_body_bytes: Option<u64>,
    /// Bodies of all requests and their answers, in bytes, as they travel: at most 17179869184.
    #[schema(maximum = 17_179_869_184_u64)]
    #[serde(deserialize_with = "whole")]
    pub(crate) transfer_bytes: Option<u64>,
}
