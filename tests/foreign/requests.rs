//! Steps that tell a shop of an order, with a token which they never hold.

use serde_json::{Value, json};

use lockstep_e2e::{Ran, TestHost, Upstream, Wanted, sandbox_to};
use lockstep_step::{Decision, OutcomeKind, RunId};

use crate::{KEY, register};

const HOST: &str = "shop.test";

/// What a tool makes of the error of a request that was denied.
enum Denial {
    /// The step can tell it, and the run ends as denied.
    Told,
    /// An error like any other.
    Hidden,
}

/// A step, and the shop.
struct Scene {
    step: String,
    upstream: Upstream,
    host: TestHost,
}

impl Scene {
    async fn of(tool: &str) -> Self {
        let upstream = Upstream::start();
        let host = TestHost::with(sandbox_to(&upstream)).await;
        let step = format!("{tool}-request");
        register(&host, &step);
        Self {
            step,
            upstream,
            host,
        }
    }

    async fn run(&self, host: &str) -> Ran {
        let url = self.upstream.https(host, "/echo?of=orders");
        let input = json!({"url": url, "order": 1017});
        let wanted = Wanted::step(&self.step).input(input.to_string());
        self.host.run(wanted).await
    }

    /// Runs the step without its credential, with it, and with a shop that the credential may not go to.
    async fn check(&self, denial: Denial) {
        let ran = self.run(HOST).await;
        assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
        assert!(ran.message().contains(KEY), "{}", ran.message());

        let to = format!("{HOST}:{}", self.upstream.https_port());
        let token = format!("shop-{}", RunId::generate());
        self.host.set_sealed(KEY, &token, &to).await;
        self.check_told(&self.run(HOST).await, &token);

        let ran = self.run("evil.test").await;
        let message = ran.message();
        let expected = match denial {
            Denial::Told => OutcomeKind::EgressDenied,
            Denial::Hidden => OutcomeKind::StepFailed,
        };
        assert_eq!(ran.kind(), expected, "{message}");
        assert!(message.contains("not to `evil.test`"), "{message}");
        assert_eq!(ran.report.receipt.outbound[0].decision, Decision::Denied);
        // The shop was told once, and nobody else.
        assert_eq!(self.upstream.received().len(), 1);
    }

    fn check_told(&self, ran: &Ran, token: &str) {
        let output = ran.output();
        assert_eq!(output["status"], 200);
        let received = self.upstream.only();
        let sent = received.header("authorization").unwrap();
        assert_eq!(sent, format!("Bearer {token}"));
        assert_eq!(received.query.as_deref(), Some("of=orders"));
        assert!(received.is_complete && received.is_secure);
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(body, json!({"order": 1017}));

        let echoed = output["answer"]["headers"].to_string();
        assert!(
            echoed.contains(r#"["authorization","Bearer ***"]"#),
            "{echoed}"
        );
        let receipt = &ran.report.receipt.outbound[..];
        assert_eq!(receipt.len(), 1);
        assert_eq!(receipt[0].method.as_str(), "POST");
        assert_eq!(receipt[0].host.as_str(), HOST);
        assert_eq!(receipt[0].status, Some(200));
        let used = &ran.report.receipt.credentials[..];
        assert_eq!(used.len(), 1);
        assert!(used[0].sealed && used[0].key.as_str() == KEY);
    }
}

#[tokio::test]
async fn a_step_that_jco_built_makes_a_request() {
    Scene::of("jco").await.check(Denial::Hidden).await;
}

#[tokio::test]
async fn a_step_that_componentize_py_built_makes_a_request() {
    Scene::of("python").await.check(Denial::Told).await;
}

#[tokio::test]
async fn a_step_that_clang_and_wit_bindgen_built_makes_a_request() {
    Scene::of("c").await.check(Denial::Told).await;
}
