//! What a run may use. Each limit has a unit, a default and a reason.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Largest value of a credential, in bytes: 64 KiB holds a certificate chain with its key, and no data file.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Longest note on a credential, in bytes: some sentences on where it comes from and who to ask.
pub const MAX_NOTE_BYTES: usize = 1024;

/// Largest step that is registered, in bytes: the engines of scripting languages fit, disk images do not.
pub const MAX_MODULE_BYTES: usize = 64 * 1024 * 1024;

/// Largest script that is registered, in bytes: bundles with some dozen packages have less than one megabyte.
pub const MAX_SOURCE_BYTES: usize = 4 * 1024 * 1024;

/// The limits of one run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Limits {
    /// Wall-clock and CPU time of the guest, the queue excluded. Default 30 s: a step is a step, not a job.
    pub timeout: Duration,
    /// Sum over all linear memories and tables of the run, in bytes. Default 128 MiB.
    pub memory_bytes: u64,
    /// Masked log that is kept, in bytes. Default 1 MiB; over it the log is cut and the run goes on.
    pub log_bytes: u64,
    /// Output JSON, in bytes. Default 1 MiB: outputs are kept with the run.
    pub output_bytes: u64,
    /// Input JSON, in bytes. Default 6 MiB: what the invocation APIs that engines use take at most.
    pub input_bytes: u64,
    /// Outbound requests, each hop of a redirect too. Default 100.
    pub requests: u32,
    /// Outbound requests at the same time; more wait. Default 64.
    pub concurrent_requests: u32,
    /// From a request to the head of its answer, connecting included. Default 30 s: as long as a run may take.
    pub first_byte_timeout: Duration,
    /// URL and headers of a request, in bytes. Default 64 KiB: servers take 8 to 32 KiB.
    pub request_header_bytes: u32,
    /// Body of a request, in bytes. Default 256 MiB.
    pub request_body_bytes: u64,
    /// Body of an answer, in bytes, decompressed. Default 256 MiB: it streams, so that memory is no reason.
    pub response_body_bytes: u64,
    /// Bodies of all requests and answers of the run, in bytes, as they travel. Default 1 GiB.
    pub transfer_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            memory_bytes: 128 << 20,
            log_bytes: 1 << 20,
            output_bytes: 1 << 20,
            input_bytes: 6 << 20,
            requests: 100,
            concurrent_requests: 64,
            first_byte_timeout: Duration::from_secs(30),
            request_header_bytes: 64 << 10,
            request_body_bytes: 256 << 20,
            response_body_bytes: 256 << 20,
            transfer_bytes: 1 << 30,
        }
    }
}
