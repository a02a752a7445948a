//! Where requests may go: what a workflow and a credential say about it. Pure: no address is resolved here.

mod destination;
mod host_pattern;
mod method;
mod path;
mod public_suffix;
mod rule;

pub use destination::{Destination, InvalidDestination};
pub use host_pattern::{HostPattern, InvalidHostPattern};
pub use method::{InvalidMethod, Method};
pub use path::{InvalidPath, PathPattern};
pub use rule::{EgressRule, InvalidRule, MAX_RULES, NoRule, RequestTarget, Scheme, WorkflowEgress};
