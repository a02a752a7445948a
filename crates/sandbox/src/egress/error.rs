//! Why a request did not succeed, as the step that made it is told.

use std::error::Error;
use std::sync::Arc;

use lockstep_step::{CredentialKey, RequestFault};

/// The host cannot open or mask a sealed credential.
#[derive(Debug, thiserror::Error)]
#[error("sealed credential `{key}` cannot be used")]
pub(crate) struct NotOpened {
    pub(super) key: CredentialKey,
    pub(super) source: Box<dyn Error + Send + Sync>,
}

/// What the host has to do for a request, and cannot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostFault {
    /// Open a sealed credential.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    /// Cross the threshold of the run.
    #[error("what has to be done before a request of a run leaves failed")]
    Threshold(#[source] Box<dyn Error + Send + Sync>),
}

/// A request that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct EgressError {
    /// A stable code.
    pub(crate) fault: RequestFault,
    /// The host that it was for, if it has come so far.
    pub(crate) host: Option<String>,
    /// A sentence for people: what failed, and what to do about it.
    pub(crate) message: String,
    /// The host is at fault: the run ends with it.
    pub(crate) of_the_host: Option<Arc<HostFault>>,
}

impl EgressError {
    pub(crate) fn new(fault: RequestFault, message: impl Into<String>) -> Self {
        Self {
            fault,
            host: None,
            message: message.into(),
            of_the_host: None,
        }
    }

    /// The host cannot do what it has to do for a request.
    pub(super) fn of_the_host(fault: HostFault) -> Self {
        Self {
            of_the_host: Some(Arc::new(fault)),
            ..Self::new(RequestFault::Aborted, "the host failed")
        }
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(RequestFault::EgressDenied, message)
    }

    /// What a body did.
    pub(crate) fn body(message: impl Into<String>) -> Self {
        Self::new(RequestFault::Body, message)
    }

    pub(crate) fn at(mut self, host: &str) -> Self {
        self.host.get_or_insert_with(|| host.to_owned());
        self
    }

    /// What is behind an error of the client: ours, if one of ours caused it.
    pub(super) fn of_client(error: &(dyn Error + 'static), host: &str) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<Self>() {
                return ours.clone().at(host);
            }
            cause = error.source();
        }
        let message = format!(
            "`{host}` did not answer as a server of HTTP does: {}",
            innermost(error)
        );
        Self::new(RequestFault::Protocol, message).at(host)
    }
}

/// What an error says at its root.
pub(super) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}
