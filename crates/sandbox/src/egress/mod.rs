//! The one way out of a run: nothing else in this crate opens a socket.
//!
//! A request is held against the rules of its workflow and of the operator, its host is resolved, each address that is
//! dialled is checked, and so is every hop of a redirect. What leaves and what comes back is counted and limited.

mod address;
mod config;
mod error;
mod target;

mod dial;
mod pool;
mod resolve;
mod spawner;
mod tls;

mod attach;
mod attach_body;
mod crossing;
mod scrub;
mod sealed;

mod body;
mod budget;
mod decode;
mod ledger;
mod outgoing;
mod outlet;
mod redirect;
mod slots;

mod explain;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod upstream_tests;
#[cfg(test)]
mod wire_tests;

pub use config::{EgressConfig, InvalidRoots, Reach};
pub use explain::{Examined, Explanation, Finding, Origin, Question};
pub use resolve::{Resolve, SystemResolver};

pub(crate) use body::BodyStream;
pub(crate) use dial::connecting_within;
pub(crate) use error::{EgressError, HostFault, NotOpened};
pub(crate) use outgoing::{Incoming, Outgoing, RequestBody};
pub(crate) use outlet::{Egress, Outlet, WayOut};
pub(crate) use redirect::Redirects;
pub(crate) use sealed::{NoPlaceholder, Sealed};
pub use tls::InvalidRoot;
