//! A host that cannot open a sealed credential: that is no fault of the step's, and nothing that it could hide.

use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::{Upstream, guest, sandbox_to};
use lockstep_sandbox::{
    Credentials, Handling, Invocation, LogSink, Reveal, RevealError, Sandbox, SandboxError,
    StepCode, StepContext, StepFile,
};
use lockstep_step::{CredentialKey, DenialReason, Limits, LogChunk, Sealing};

/// Every key is sealed for this host, and cannot be opened.
struct Unreadable(Sealing);

impl Credentials for Unreadable {
    fn reveal(&self, _: &CredentialKey) -> Result<Reveal, RevealError> {
        Err(RevealError::Sealed(self.0.clone()))
    }

    fn open_sealed(&self, _: &CredentialKey) -> Result<Reveal, RevealError> {
        Err(RevealError::Host("the disk is gone".into()))
    }

    fn check(&self, _: &CredentialKey) -> Result<Handling, DenialReason> {
        Ok(Handling::Sealed(self.0.clone()))
    }

    fn keys(&self) -> Vec<CredentialKey> {
        Vec::new()
    }
}

struct Unheard;

impl LogSink for Unheard {
    fn write(&self, _: LogChunk) {}
}

#[tokio::test]
async fn a_run_ends_as_a_fault_of_the_host() {
    let upstream = Upstream::start();
    let sandbox = Sandbox::new(sandbox_to(&upstream)).unwrap();
    let artifact = sandbox.prepare("test", StepFile::wasm(guest("requests")));
    let artifact = artifact.await.unwrap();
    let step = sandbox.load("test", artifact.digest, async {
        Ok(StepCode::Artifact(artifact.bytes))
    });
    let step = step.await.unwrap();
    let host = format!("api.test:{}", upstream.https_port());
    let request = json!({
        "url": upstream.https("api.test", "/echo"),
        "headers": [["authorization", "Bearer @TOKEN@"]],
    });
    let invocation = Invocation {
        input: &json!({"send": request}).to_string(),
        context: StepContext::default(),
        limits: Limits::default(),
        share: "test",
        threshold: None,
        trace: None,
        egress: Arc::default(),
        credentials: Arc::new(Unreadable(
            Sealing::new([host.parse().unwrap()], []).unwrap(),
        )),
        log: Arc::new(Unheard),
        cancel: CancellationToken::new(),
    };
    let place = sandbox
        .admit(sandbox.ticket("test").unwrap())
        .await
        .unwrap();
    let ended = sandbox.run(place, &step, invocation).await;
    assert!(
        matches!(ended.outcome, Err(SandboxError::HostCall(_))),
        "{:?}",
        ended.outcome
    );
    assert!(upstream.received().is_empty());
}
