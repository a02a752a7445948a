//! What a sandbox asks of whoever holds the credentials.

use std::error::Error;

use lockstep_secret::Secret;
pub use lockstep_step::Handling;
use lockstep_step::{CredentialKey, CredentialUse, DenialReason, Denied, Scope, Sealing};

/// The credentials of one run. The values are those of the moment at which it started.
pub trait Credentials: Send + Sync {
    /// Opens the credential `key` for the guest.
    ///
    /// # Errors
    /// [`RevealError::Denied`] is what the guest sees as `missing_credential`; of [`RevealError::Sealed`] it gets a
    /// placeholder; [`RevealError::Host`] ends the run.
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError>;

    /// Opens the sealed credential `key` for the host, which puts it into requests.
    ///
    /// # Errors
    /// As for [`Credentials::reveal`].
    fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError>;

    /// How `key` can be had, without opening it.
    ///
    /// # Errors
    /// The reason why not.
    fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason>;

    /// The keys that can be had, sorted.
    fn keys(&self) -> Vec<CredentialKey>;

    /// Hears of each use before it has an effect: before the guest has the value or the signature, before the request
    /// with it leaves. The same use may be told again. Who keeps no audit need not listen.
    ///
    /// What is told here is on its way out of the run only behind [`Threshold::cross`](crate::Threshold::cross).
    fn used(&self, _: &CredentialUse, _: Purpose<'_>) {}

    /// Hears of each credential that was asked for and not given.
    fn denied(&self, _: &Denied) {}
}

/// What a credential is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose<'a> {
    /// The guest is given the value.
    Reveal,
    /// The host signs with it. The guest is given the signature.
    Sign,
    /// The host puts it into a request to this host, with the port if it is not the usual one.
    Request(&'a str),
}

/// A credential, opened.
#[derive(Debug)]
pub struct Reveal {
    /// The value.
    pub secret: Secret,
    /// Whose credential it is.
    pub scope: Scope,
    /// Which version.
    pub version: u64,
}

/// Why a credential was not opened.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// The run may not have it, or there is none.
    #[error("the credential is not available to this run")]
    Denied(DenialReason),
    /// It is sealed: the guest never holds its value.
    #[error("the credential is sealed")]
    Sealed(Sealing),
    /// The host could not open it.
    #[error("the host cannot open the credential")]
    Host(#[source] Box<dyn Error + Send + Sync>),
}
