//! Tests of the whole, in one binary. Each that runs a step is a leak test: see `lockstep_e2e::TestHost`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends with a message"
)]

mod audit;
mod backup;
mod backup_disk;
mod bombs;
mod cli;
mod compiling;
mod crash;
mod dependencies;
mod disk;
mod doctor;
mod egress;
mod embedding;
mod examples;
mod expiry;
mod hostile;
mod hygiene;
mod js;
mod keys;
mod leaks;
mod leaving;
mod masking;
mod new;
mod outcomes;
mod platform;
mod records;
mod remote;
mod resolution;
mod s3;
mod sdk;
mod sealing;
mod server;
mod slots;
mod soak;
mod wasi_http;
