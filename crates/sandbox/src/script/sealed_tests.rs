//! A script that uses a sealed credential: its whole memory is searched for the value when it has ended.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine};

use lockstep_secret::{Masker, MaskerConfig, Secret};
use lockstep_step::{CredentialKey, DenialReason, Limits, LogChunk, Scope, Sealing};
use lockstep_upstream::Upstream;

use super::answer::Answer;
use super::state::ScriptState;
use crate::egress::{Egress, WayOut};
use crate::host::{CredentialDesk, Guest};
use crate::load::LoadedCode;
use crate::log::{LogSink, RunLog};
use crate::run::{self, StepContext};
use crate::{
    Credentials, EgressConfig, Handling, Resolve, Reveal, RevealError, Sandbox, SandboxConfig,
    StepCode, StepFile,
};

const VALUE: &str = "memory-canary-7c1e\"94/b";

/// A step that uses its credential in each way that it can, and keeps what it got.
const STEP: &str = "
    globalThis.kept = [];
    export default async ({ url }, { sign }) => {
        for (const method of ['GET', 'POST', 'PUT']) {
            const headers = { authorization: `Bearer ${credential('TOKEN')}` };
            const body = method === 'GET' ? undefined : credential('TOKEN');
            const response = await fetch(url, { method, headers, body });
            kept.push([...response.headers], await response.text());
        }
        const response = await fetch(url, { headers: { authorization: sign.basic('ada', 'TOKEN') } });
        kept.push([...response.headers], await response.text());
        const account = { accessKeyId: 'AKIDEXAMPLE', sessionToken: 'TOKEN', region: 'eu-central-1', service: 's3' };
        kept.push(sign.hmac('TOKEN', 'data'), sign.jwt('TOKEN', {}), sign.awsV4('TOKEN', { url }, account));
        return kept.length;
    }";

/// Has one credential, sealed or not.
struct One(Handling);

impl Credentials for One {
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        match &self.0 {
            Handling::Reveal => self.open_sealed(key),
            Handling::Sealed(sealing) => Err(RevealError::Sealed(sealing.clone())),
        }
    }

    fn open_sealed(&self, _: &CredentialKey) -> Result<Reveal, RevealError> {
        Ok(Reveal {
            secret: Secret::new(VALUE.to_owned()),
            scope: Scope::Workspace,
            version: 1,
        })
    }

    fn check(&self, _: &CredentialKey) -> Result<Handling, DenialReason> {
        Ok(self.0.clone())
    }

    fn keys(&self) -> Vec<CredentialKey> {
        Vec::new()
    }
}

struct Here;

#[async_trait]
impl Resolve for Here {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Upstream::ADDRESS])
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn write(&self, _: LogChunk) {}
}

/// All of the guest's memory when the step has ended, after `Bearer ..` has come to the server.
async fn memory_after(upstream: &Upstream, handling: Handling) -> Vec<u8> {
    let mut config = EgressConfig {
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        resolver: Arc::new(Here),
        ..EgressConfig::default()
    };
    config.trust(upstream.root().as_bytes()).unwrap();
    let sandbox = Sandbox::new(SandboxConfig::for_runs(1)).unwrap();
    let file = StepFile::named("step.js", STEP.as_bytes().to_vec());
    let digest = file.load_digest();
    let code = async { Ok(StepCode::Source(file)) };
    let step = sandbox.load("test", digest, code).await.unwrap();
    let LoadedCode::Script(script) = &step.code else {
        panic!("a script")
    };

    let (limits, masker) = (Limits::default(), Masker::new(MaskerConfig::default()));
    let egress = Arc::new(Egress::new(config, None).unwrap());
    let way_out = WayOut::new(&egress, "test", Arc::default(), &limits);
    let desk = CredentialDesk::new(Arc::new(One(handling)), masker.clone());
    let guest = Guest::new(desk, way_out, limits.memory_bytes);
    let began = Instant::now();
    let log = RunLog::new(&masker, Arc::new(Nowhere), began, limits.log_bytes);
    let state = ScriptState::new(guest, StepContext::default(), &log, (began, &limits));
    let place = sandbox
        .admit(sandbox.ticket("test").unwrap())
        .await
        .unwrap();
    let mut store = run::store(sandbox.engine(), state, (began, &limits));
    let input = format!(r#"{{"url":"{}"}}"#, upstream.https("api.test", "/echo"));
    let answer = script.enter(&mut store, &input).await.unwrap();
    assert!(matches!(answer, Answer::Output(_)), "the step ended well");
    let memory = store.data().memory.unwrap().data(&store).to_vec();
    drop(place);
    memory
}

/// Whether the value is there, in any spelling that the masker knows.
fn holds_value(memory: &[u8]) -> bool {
    let config = MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    };
    let masker = Masker::new(config);
    masker.register(&Secret::new(VALUE.to_owned())).unwrap();
    masker.mask_bytes(memory).as_bytes() != memory
}

#[tokio::test]
async fn a_sealed_value_is_nowhere_in_the_memory_of_its_guest() {
    let upstream = Upstream::start();
    let to = format!("api.test:{}", upstream.https_port());
    let places = lockstep_step::SealedPlace::ALL;
    let sealing = Sealing::new([to.parse().unwrap()], places).unwrap();
    let memory = memory_after(&upstream, Handling::Sealed(sealing)).await;
    let bearer = format!("Bearer {VALUE}");
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ada:{VALUE}")));
    let received = upstream.received();
    assert_eq!(received.len(), 4);
    for (received, value) in received.iter().zip([&bearer, &bearer, &bearer, &basic]) {
        let expected = ("authorization".to_owned(), value.clone());
        assert!(received.headers.contains(&expected), "{received:?}");
    }
    assert!(!holds_value(&memory));
    // One that is revealed is found: the search can find it.
    assert!(holds_value(
        &memory_after(&upstream, Handling::Reveal).await
    ));
}
