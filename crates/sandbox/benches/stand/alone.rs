//! A sandbox with nothing around it: every key has one value, one may be sealed, and the log goes nowhere.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{
    Credentials, Ended, Handling, Invocation, LoadedStep, LogSink, Reveal, RevealError, Sandbox,
    SandboxConfig, StepCode, StepContext, StepFile,
};
use lockstep_secret::Secret;
use lockstep_step::{CredentialKey, DenialReason, Limits, LogChunk, Scope, Sealing};

/// What every credential is.
pub(crate) const VALUE: &str = "a value of the usual length, 1f93";

/// The key that is sealed, for headers, if the operator lets sealed credentials go to some host in the clear.
const SEALED: &str = "SEALED";

pub(crate) struct Alone {
    sandbox: Sandbox,
    sealing: Option<Sealing>,
}

struct OneValue {
    sealing: Option<Sealing>,
}

struct Nowhere;

impl Alone {
    pub(crate) fn new(config: SandboxConfig) -> Self {
        Self {
            sealing: Sealing::new(config.egress.sealed_in_the_clear.clone(), []).ok(),
            sandbox: Sandbox::new(config).unwrap(),
        }
    }

    pub(crate) async fn load(&self, file: StepFile) -> Arc<LoadedStep> {
        let digest = file.load_digest();
        let code = async { Ok(StepCode::Source(file)) };
        self.sandbox.load("bench", digest, code).await.unwrap()
    }

    /// Until it ends, or until `cancel`.
    pub(crate) async fn run(
        &self,
        step: &LoadedStep,
        input: &str,
        cancel: CancellationToken,
    ) -> Ended {
        let place = self
            .sandbox
            .admit(self.sandbox.ticket("bench").unwrap())
            .await
            .unwrap();
        let invocation = Invocation {
            input,
            context: StepContext::default(),
            limits: Limits::default(),
            share: "bench",
            threshold: None,
            trace: None,
            egress: Arc::default(),
            credentials: Arc::new(OneValue {
                sealing: self.sealing.clone(),
            }),
            log: Arc::new(Nowhere),
            cancel,
        };
        self.sandbox.run(place, step, invocation).await
    }
}

impl OneValue {
    fn opened() -> Reveal {
        Reveal {
            secret: Secret::new(VALUE.to_owned()),
            scope: Scope::Workspace,
            version: 1,
        }
    }

    fn sealing(&self, key: &CredentialKey) -> Option<Sealing> {
        self.sealing.clone().filter(|_| key.as_str() == SEALED)
    }
}

impl Credentials for OneValue {
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        match self.sealing(key) {
            Some(sealing) => Err(RevealError::Sealed(sealing)),
            None => Ok(Self::opened()),
        }
    }

    fn open_sealed(&self, _key: &CredentialKey) -> Result<Reveal, RevealError> {
        Ok(Self::opened())
    }

    fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
        Ok(self.sealing(key).map_or(Handling::Reveal, Handling::Sealed))
    }

    fn keys(&self) -> Vec<CredentialKey> {
        Vec::new()
    }
}

impl LogSink for Nowhere {
    fn write(&self, _chunk: LogChunk) {}
}
