//! The host as a service: the HTTP API.
//!
//! [`serve`] answers on a listener. What there is to call is the table in `api.rs`, and the OpenAPI document is generated
//! from the same handlers. Everything that a caller asks for goes through the runner with the caller's role.
#![forbid(unsafe_code)]

mod serve;

mod accept;
mod answer_headers;
mod connection;
mod gate;
mod patience;
mod peer;
mod tls;

mod api;
mod forms;
mod route;

mod authorization;
mod caller;
mod failures;
mod host;
mod place;
mod refusals;

mod again;
mod audit;
mod audit_check;
mod audit_query;
mod body;
mod bulk;
mod cancel;
mod causes;
mod changes;
mod condition;
mod copies;
mod credentials;
mod docs;
mod egress_change;
mod ending;
mod follow;
mod force;
mod heads;
mod health;
mod idempotency;
mod inline;
mod keys;
mod last_event;
mod list_header;
mod media;
mod members;
mod metrics;
mod object;
mod page;
mod parse;
mod permissions;
mod prefer;
mod problem;
mod query;
mod replacing;
mod run_limits;
mod run_query;
mod running;
mod runs;
mod setting;
mod step_lists;
mod steps;
mod tokens;
mod trace;
mod trace_headers;
mod usage;
mod whole;
mod wire;
mod workflows;
mod workspaces;

pub use api::document;
pub use patience::Patience;
pub use replacing::{RestoreEnd, RestoreFailure};
pub use serve::{Ended, ServerConfig, ToRestore, serve};
pub use tls::{Tls, TlsError};
