//! Requests that steps sign for AWS, before a server that computes the signature by itself.

use serde_json::{Value, json};

use lockstep_e2e::{Accounts, S3Account, TestHost, Upstream, Wanted, sandbox_to};

const SECRET: &str = "s3-canary/9vKqT2mBnXcR7sLdPwZy";

/// Puts an object in the way that its input says, and tells status and code of the answer.
const PUT: &str = "export default async ({ url, headers, text, how }, { sign }) => {
    const account = { accessKeyId: 'AKIDCANARY', region: 'eu-central-1', service: 's3' };
    const request = { method: 'PUT', url, headers, body: text };
    let sent = { ...request, headers: { ...headers } };
    if (how === 'url') sent.url = sign.awsV4Url('KEY', { method: 'PUT', url, headers }, { ...account, expires: 60 });
    else Object.assign(sent.headers, sign.awsV4('KEY', request, account));
    if (how === 'changed') sent.body += '!';
    if (how === 'unsigned header') sent.headers['x-amz-acl'] = 'public-read';
    if (how === 'other path') sent.url += 'x';
    const answer = await fetch(sent.url, sent);
    return [answer.status, (await answer.text()).match(/<Code>(\\w+)</)?.[1] ?? null];
};";

struct Scene {
    upstream: Upstream,
    host: TestHost,
}

impl Scene {
    /// A server that knows the account, and a host that may make requests to it with the key `KEY`.
    async fn new(secret: &str) -> Self {
        let upstream = Upstream::with(Accounts {
            s3: S3Account {
                access_key_id: "AKIDCANARY".to_owned(),
                secret_access_key: SECRET.to_owned(),
            },
            ..Accounts::default()
        });
        let mut config = sandbox_to(&upstream);
        config.egress.networks = vec!["127.0.0.1/32".parse().unwrap()];
        config.egress.resolver = std::sync::Arc::new(super::examples::Everywhere);
        let host = TestHost::with(config).await;
        host.set_sealed("KEY", secret, "*.amazonaws.com").await;
        Self { upstream, host }
    }

    async fn put(&self, path: &str, headers: Value, how: &str) -> Value {
        let url = self
            .upstream
            .https("reports.s3.eu-central-1.amazonaws.com", path);
        let input = json!({ "url": url, "headers": headers, "text": "a,b\n1,2\n", "how": how });
        let wanted = Wanted::script("step.js", PUT).input(input.to_string());
        self.host.run(wanted).await.output()
    }
}

#[tokio::test]
async fn what_a_step_signs_for_s3_is_what_s3_computes() {
    let scene = Scene::new(SECRET).await;
    for path in [
        "/daily/2026-11-25.csv",
        "/a%20b/%C3%BC/c+d/(e)!'*~.txt",
        "//twice/slash/",
        "/a?tagging&x=1+2&x=%20&B=b%2Fc&b=",
    ] {
        for how in ["header", "url"] {
            let headers =
                json!({ "content-type": "text/csv", "x-amz-meta-name": "  two   words " });
            let answer = scene.put(path, headers, how).await;
            assert_eq!(answer, json!([200, null]), "{path} by {how}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_signed_by_another_key_or_changed_after_that_is_refused() {
    let plain = json!({ "content-type": "text/csv" });
    let other = Scene::new("another-key-than-that-of-the-server").await;
    for how in ["header", "url"] {
        let answer = other.put("/key", plain.clone(), how).await;
        assert_eq!(answer, json!([403, "SignatureDoesNotMatch"]), "{how}");
    }
    let scene = Scene::new(SECRET).await;
    for (how, status, code) in [
        ("other path", 403, "SignatureDoesNotMatch"),
        ("changed", 400, "XAmzContentSHA256Mismatch"),
        ("unsigned header", 403, "AccessDenied"),
    ] {
        let answer = scene.put("/key", plain.clone(), how).await;
        assert_eq!(answer, json!([status, code]), "{how}");
    }
    assert_eq!(scene.put("/key", plain, "header").await[0], 200);
}
