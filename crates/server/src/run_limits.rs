//! What a run may use, as the body that asks for it says it.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use lockstep_step::Limits;

use crate::problem::Problem;
use crate::whole::whole;

/// Somebody waits for the answer, and so do the proxies between: ten minutes is what these bear.
const MAX_TIMEOUT_MS: u64 = 600_000;
/// Log and output of a run are kept with it, and held in memory before.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// A hundred times the default.
const MAX_REQUESTS: u64 = 10_000;
/// What is held in memory for each: no more than by default.
const MAX_CONCURRENT_REQUESTS: u64 = 64;
const MAX_REQUEST_HEADER_BYTES: u64 = 64 << 10;
/// Bodies stream, and are no matter of memory: some times the default.
const MAX_BODY_BYTES: u64 = 1 << 30;
const MAX_TRANSFER_BYTES: u64 = 16 << 30;

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

impl RunLimits {
    /// What is said, where it is within what the API allows, and else the default.
    pub(crate) fn checked(self) -> Result<Limits, Problem> {
        let default = Limits::default();
        at_most("timeout_ms", self.timeout_ms, MAX_TIMEOUT_MS)?;
        at_most("log_bytes", self.log_bytes, MAX_TEXT_BYTES)?;
        at_most("output_bytes", self.output_bytes, MAX_TEXT_BYTES)?;
        at_most("requests", self.requests.map(u64::from), MAX_REQUESTS)?;
        self.check_of_requests()?;
        let timeout = self.timeout_ms.map(Duration::from_millis);
        Ok(Limits {
            timeout: timeout.unwrap_or(default.timeout),
            memory_bytes: self.memory_bytes.unwrap_or(default.memory_bytes),
            log_bytes: self.log_bytes.unwrap_or(default.log_bytes),
            output_bytes: self.output_bytes.unwrap_or(default.output_bytes),
            requests: self.requests.unwrap_or(default.requests),
            concurrent_requests: self
                .concurrent_requests
                .unwrap_or(default.concurrent_requests),
            first_byte_timeout: self
                .first_byte_timeout_ms
                .map_or(default.first_byte_timeout, Duration::from_millis),
            request_header_bytes: self
                .request_header_bytes
                .unwrap_or(default.request_header_bytes),
            request_body_bytes: self
                .request_body_bytes
                .unwrap_or(default.request_body_bytes),
            response_body_bytes: self
                .response_body_bytes
                .unwrap_or(default.response_body_bytes),
            transfer_bytes: self.transfer_bytes.unwrap_or(default.transfer_bytes),
            ..default
        })
    }

    fn check_of_requests(&self) -> Result<(), Problem> {
        if self.concurrent_requests == Some(0) {
            let detail = "`concurrent_requests` is 0: every request would wait for ever";
            return Err(Problem::bad_request("limit_too_small", detail)
                .hint("`\"requests\": 0` is for a run that may make none"));
        }
        let concurrent = self.concurrent_requests.map(u64::from);
        at_most("concurrent_requests", concurrent, MAX_CONCURRENT_REQUESTS)?;
        at_most(
            "first_byte_timeout_ms",
            self.first_byte_timeout_ms,
            MAX_TIMEOUT_MS,
        )?;
        let header = self.request_header_bytes.map(u64::from);
        at_most("request_header_bytes", header, MAX_REQUEST_HEADER_BYTES)?;
        at_most(
            "request_body_bytes",
            self.request_body_bytes,
            MAX_BODY_BYTES,
        )?;
        at_most(
            "response_body_bytes",
            self.response_body_bytes,
            MAX_BODY_BYTES,
        )?;
        at_most("transfer_bytes", self.transfer_bytes, MAX_TRANSFER_BYTES)
    }
}

fn at_most(name: &str, asked: Option<u64>, limit: u64) -> Result<(), Problem> {
    match asked {
        Some(asked) if asked > limit => {
            let detail = format!("`{name}` is {asked}, over the limit of {limit}");
            Err(Problem::bad_request("limit_too_large", detail))
        }
        Some(_) | None => Ok(()),
    }
}
