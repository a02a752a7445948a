//! Calls that were refused.

use rusqlite::Connection;

use crate::audit::{AuditAction, AuditChain, Fields, Refusal, Refused};
use crate::error::StoreError;

use super::super::credentials::Stamp;
use super::{Appending, HOST};

/// Who shows a token that lets nobody in.
const NOBODY: &str = "nobody";

/// Appends to `chain` what is told there.
pub(in super::super) fn append_refusals(
    connection: &Connection,
    chain: &AuditChain,
    refusals: &[Refusal],
) -> Result<(), StoreError> {
    let mut appending = Appending::to(connection, chain.clone())?;
    for refusal in refusals {
        let (action, by) = match &refusal.what {
            Refused::Access { actor, .. } => (AuditAction::AccessDenied, actor.as_str()),
            Refused::Token(_) => (AuditAction::AuthenticationFailed, NOBODY),
            Refused::Others => (AuditAction::AccessDenied, HOST),
        };
        let stamp = Stamp { at: refusal.at, by };
        let detail = refusal.detail();
        let fields = Fields {
            detail: Some(&detail),
            target: refusal.first.as_deref(),
            ..Fields::of(action)
        };
        appending.add(stamp, fields)?;
    }
    appending.finish()
}
