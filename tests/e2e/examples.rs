//! Each example does what its folder says.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use serde_json::{Map, Value};

use lockstep_e2e::{TestHost, Wanted, bundle, guest, repository};
use lockstep_sandbox::{EgressConfig, Resolve, SandboxConfig};
use lockstep_step::OutcomeKind;
use lockstep_upstream::{Accounts, Upstream};

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

#[tokio::test]
async fn each_example_gives_the_output_that_its_folder_expects() {
    let mut examples = 0;
    for entry in fs::read_dir(repository().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("input.json").exists() {
            continue;
        }
        examples += 1;
        let name = folder.file_name().unwrap().to_str().unwrap();
        let internet = Internet::of(&read(&folder.join("credentials.json")));
        let host = TestHost::with(internet.sandbox()).await;
        internet.set_credentials(&host).await;
        let mut input = read(&folder.join("input.json"));
        if makes_requests(&folder) {
            input = internet.with_ports(&input);
        }
        let ran = host.run(step_of(&folder, name).input(input)).await;
        let expected: Value = serde_json::from_str(&read(&folder.join("expected.json"))).unwrap();
        assert_eq!(
            internet.without_ports(&ran.output()),
            expected,
            "example `{name}`"
        );
    }
    assert!(examples >= 14, "{examples} examples");
}

fn makes_requests(folder: &Path) -> bool {
    let source = fs::read_to_string(folder.join("step.ts"));
    source.is_ok_and(|source| source.contains("fetch("))
}

/// What stands for the internet in an example: each host that it names is the server of the tests.
struct Internet {
    upstream: Upstream,
    credentials: Map<String, Value>,
}

/// Knows every name, and that it is the server of the tests.
pub(super) struct Everywhere;

#[async_trait::async_trait]
impl Resolve for Everywhere {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Upstream::ADDRESS])
    }
}

impl Internet {
    /// For an example with these credentials, of which those of Slack and AWS are the ones that its servers take.
    fn of(credentials: &str) -> Self {
        let credentials: Map<String, Value> = serde_json::from_str(credentials).unwrap();
        let value = |key: &str| {
            let credential = credentials.get(key)?;
            let value = credential.as_str().or(credential["value"].as_str());
            value.map(str::to_owned)
        };
        let mut accounts = Accounts::default();
        for (key, known) in [
            ("SLACK_BOT_TOKEN", &mut accounts.slack_token),
            ("AWS_ACCESS_KEY_ID", &mut accounts.s3.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &mut accounts.s3.secret_access_key),
        ] {
            if let Some(value) = value(key) {
                *known = value;
            }
        }
        let upstream = Upstream::with(accounts);
        Self {
            upstream,
            credentials,
        }
    }

    fn sandbox(&self) -> SandboxConfig {
        let mut egress = EgressConfig {
            networks: vec!["127.0.0.1/32".parse().unwrap()],
            resolver: Arc::new(Everywhere),
            ..EgressConfig::default()
        };
        egress.trust(self.upstream.root().as_bytes()).unwrap();
        SandboxConfig {
            egress,
            ..SandboxConfig::for_runs(4)
        }
    }

    async fn set_credentials(&self, host: &TestHost) {
        for (key, credential) in &self.credentials {
            match credential.as_str() {
                Some(value) => host.set(key, value).await,
                None => {
                    let to = credential["sealed"]["to"][0].as_str().unwrap();
                    let to = format!("{to}:{}", self.upstream.https_port());
                    let value = credential["value"].as_str().unwrap();
                    host.set_sealed(key, value, &to).await;
                }
            }
        }
    }

    /// An output as it would be on the internet.
    fn without_ports(&self, output: &Value) -> Value {
        let port = format!(":{}", self.upstream.https_port());
        serde_json::from_str(&output.to_string().replace(&port, "")).unwrap()
    }

    /// The same input, with the port of the server in its URLs.
    fn with_ports(&self, input: &str) -> String {
        let mut parts = input.split("\"https://");
        let mut out = parts.next().unwrap().to_owned();
        for part in parts {
            let (host, rest) = part.split_at(part.find(['/', '"']).unwrap());
            out += &format!("\"{}{rest}", self.upstream.https(host, ""));
        }
        out
    }
}

/// The step of an example: the one file that it is, or what `cargo xtask guests` made of it.
fn step_of(folder: &Path, name: &str) -> Wanted {
    for file in ["step.js", "step.ts"] {
        if folder.join(file).exists() {
            return Wanted::script(file, &read(&folder.join(file)));
        }
    }
    if folder.join("package.json").exists() {
        return Wanted::script("step.js", &bundle(name));
    }
    Wanted::of(guest(name))
}

#[tokio::test]
async fn the_examples_that_require_their_credentials_first_name_them_all() {
    for (name, keys) in [
        (
            "require-first",
            ["CRM_USER", "CRM_PASSWORD", "MAILING_LIST_KEY"],
        ),
        (
            "validate-early",
            ["SHOP_USER", "SHOP_PASSWORD", "MAILING_LIST_KEY"],
        ),
    ] {
        let host = TestHost::new().await;
        let folder = repository().join("examples").join(name);
        let input = read(&folder.join("input.json"));
        let ran = host.run(step_of(&folder, name).input(input)).await;
        assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
        for key in keys {
            assert!(ran.message().contains(key), "{}", ran.message());
        }
        assert_eq!(ran.log, "");
    }
}
