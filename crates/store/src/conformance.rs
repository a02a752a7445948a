//! What every store must do, as a suite that runs against the contract. A backend's tests call [`conformance`] and
//! [`conformance_shared`]; a broken promise panics at the line that states it.

mod audit;
mod bulk;
mod credentials;
mod egress;
mod idempotency;
mod keks;
mod life;
mod members;
mod refusals;
mod runs;
mod sealing;
mod setup;
mod shared;
mod snapshots;
mod steps;
mod tokens;
mod workspaces;

use std::sync::Arc;

use crate::store::Store;

/// Runs the suite. Each claim gets a store of its own from `make`, which is empty but for the default workspace.
pub async fn conformance(make: impl AsyncFn() -> Arc<dyn Store>) {
    workspaces::claims(&make).await;
    credentials::claims(&make).await;
    life::claims(&make).await;
    bulk::claims(&make).await;
    sealing::claims(&make).await;
    egress::claims(&make).await;
    keks::claims(&make).await;
    snapshots::claims(&make).await;
    steps::claims(&make).await;
    tokens::claims(&make).await;
    members::claims(&make).await;
    runs::claims(&make).await;
    idempotency::claims(&make).await;
    audit::claims(&make).await;
    refusals::claims(&make).await;
}

/// Runs the claims about two stores on the same data, as two processes have. `make` opens both.
pub async fn conformance_shared(make: impl AsyncFn() -> [Arc<dyn Store>; 2]) {
    shared::claims(&make).await;
}
