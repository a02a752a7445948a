//! The limits of a run, as options.

use std::time::Duration;

use clap::Args;

use lockstep_step::Limits;

use crate::quantity;

/// What is not said keeps its default.
#[derive(Args, Debug)]
pub(crate) struct LimitArguments {
    /// How long it may run, such as `500ms`, `30s` or `2m` [default: 30s].
    #[arg(long, value_name = "TIME", value_parser = quantity::time)]
    timeout: Option<Duration>,
    /// How much memory it may have, such as `64MiB` or `1GiB` [default: 128MiB].
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    memory: Option<u64>,
    /// How many requests it may make, each hop of a redirect too; 0 for none [default: 100].
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    requests: Option<u32>,
    /// How many of them at the same time; more wait [default: 64].
    #[arg(long, value_name = "NUMBER", hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..))]
    concurrent_requests: Option<u32>,
    /// How long an answer may take to begin, connecting included [default: 30s].
    #[arg(long, value_name = "TIME", hide_short_help = true, value_parser = quantity::time)]
    first_byte_timeout: Option<Duration>,
    /// How long URL and headers of a request may be together [default: 64KiB].
    #[arg(long, value_name = "SIZE", hide_short_help = true, value_parser = header_size)]
    request_header_bytes: Option<u32>,
    /// How long the body of a request may be [default: 256MiB].
    #[arg(long, value_name = "SIZE", hide_short_help = true, value_parser = quantity::size)]
    request_body_bytes: Option<u64>,
    /// How long the body of an answer may be, decompressed [default: 256MiB].
    #[arg(long, value_name = "SIZE", hide_short_help = true, value_parser = quantity::size)]
    response_body_bytes: Option<u64>,
    /// How long all bodies may be together, as they travel [default: 1GiB].
    #[arg(long, value_name = "SIZE", hide_short_help = true, value_parser = quantity::size)]
    transfer_bytes: Option<u64>,
}

fn header_size(text: &str) -> Result<u32, quantity::InvalidQuantity> {
    let size = quantity::size(text)?;
    u32::try_from(size).map_err(|_| quantity::InvalidQuantity::TooLarge)
}

impl From<LimitArguments> for Limits {
    fn from(said: LimitArguments) -> Self {
        let usual = Self::default();
        Self {
            timeout: said.timeout.unwrap_or(usual.timeout),
            memory_bytes: said.memory.unwrap_or(usual.memory_bytes),
            requests: said.requests.unwrap_or(usual.requests),
            concurrent_requests: said
                .concurrent_requests
                .unwrap_or(usual.concurrent_requests),
            first_byte_timeout: said.first_byte_timeout.unwrap_or(usual.first_byte_timeout),
            request_header_bytes: said
                .request_header_bytes
                .unwrap_or(usual.request_header_bytes),
            request_body_bytes: said.request_body_bytes.unwrap_or(usual.request_body_bytes),
            response_body_bytes: said
                .response_body_bytes
                .unwrap_or(usual.response_body_bytes),
            transfer_bytes: said.transfer_bytes.unwrap_or(usual.transfer_bytes),
            ..usual
        }
    }
}
