//! A sandbox with nothing around it: every key has one value, and the log goes nowhere.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{
    Credentials, Ended, Handling, Invocation, LoadedStep, LogSink, Reveal, RevealError, Sandbox,
    SandboxConfig, StepCode, StepContext, StepFile,
};
use lockstep_secret::Secret;
use lockstep_step::{CredentialKey, DenialReason, Limits, LogChunk, Scope};

/// What every credential is.
pub(crate) const VALUE: &str = "a value of the usual length, 1f93";

pub(crate) struct Alone(Sandbox);

struct OneValue;

struct Nowhere;

impl Alone {
    pub(crate) fn new(config: SandboxConfig) -> Self {
        Self(Sandbox::new(config).unwrap())
    }

    pub(crate) async fn load(&self, file: StepFile) -> Arc<LoadedStep> {
        let digest = file.load_digest();
        let code = async { Ok(StepCode::Source(file)) };
        self.0.load("bench", digest, code).await.unwrap()
    }

    /// Until it ends, or until `cancel`.
    pub(crate) async fn run(
        &self,
        step: &LoadedStep,
        input: &str,
        cancel: CancellationToken,
    ) -> Ended {
        let place = self.0.admit().await.unwrap();
        let invocation = Invocation {
            input,
            context: StepContext::default(),
            limits: Limits::default(),
            share: "bench",
            threshold: None,
            egress: Arc::default(),
            credentials: Arc::new(OneValue),
            log: Arc::new(Nowhere),
            cancel,
        };
        self.0.run(place, step, invocation).await
    }
}

impl Credentials for OneValue {
    fn reveal(&self, _key: &CredentialKey) -> Result<Reveal, RevealError> {
        Ok(Reveal {
            secret: Secret::new(VALUE.to_owned()),
            scope: Scope::Workspace,
            version: 1,
        })
    }

    fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.reveal(key)
    }

    fn check(&self, _key: &CredentialKey) -> Result<Handling, DenialReason> {
        Ok(Handling::Reveal)
    }

    fn keys(&self) -> Vec<CredentialKey> {
        Vec::new()
    }
}

impl LogSink for Nowhere {
    fn write(&self, _chunk: LogChunk) {}
}
