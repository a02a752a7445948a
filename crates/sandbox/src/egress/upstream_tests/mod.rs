//! Requests to a real server: what arrives there, and what does not even leave.

mod broken;
mod leaving;
mod limits;
mod names;
mod reach;
mod receipts;
mod redirects;
mod rules;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use lockstep_secret::{Masker, MaskerConfig};
use lockstep_step::{Limits, RequestFault, RequestReceipt, WorkflowEgress};
use lockstep_upstream::Upstream;

use super::error::EgressError;
use super::outgoing::{Incoming, Outgoing, RequestBody};
use super::outlet::{Egress, Outlet, WayOut};
use super::redirect::Redirects;
use super::sealed::Sealed;
use super::{EgressConfig, Reach, Resolve};
use crate::tests::Held;

/// `*.test` are at the server; what else there is a test tells, one answer for each time that somebody asks, and the last
/// one from then on.
#[derive(Default)]
struct Names {
    told: Mutex<HashMap<&'static str, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn tell(&self, name: &'static str, answers: &[&[&str]]) {
        let parse = |addresses: &&[&str]| addresses.iter().map(|it| it.parse().unwrap()).collect();
        let answers = answers.iter().map(parse).collect();
        self.told.lock().unwrap().insert(name, answers);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        if let Some(answers) = self.told.lock().unwrap().get_mut(host) {
            return Ok(if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            });
        }
        match host.ends_with(".test") {
            true => Ok(vec![Upstream::ADDRESS]),
            false => Err(io::Error::other("no such host")),
        }
    }
}

/// A server, and a run that may make requests.
struct Scene {
    upstream: Upstream,
    names: Arc<Names>,
    config: EgressConfig,
    rules: WorkflowEgress,
    limits: Limits,
}

impl Scene {
    /// The operator lists `*.test`; the workflow has no rules.
    fn new() -> Self {
        let upstream = Upstream::start();
        let names = Arc::new(Names::default());
        let mut config = EgressConfig {
            hosts: vec!["*.test".parse().unwrap()],
            resolver: Arc::clone(&names) as Arc<dyn Resolve>,
            ..EgressConfig::default()
        };
        config.trust(upstream.root().as_bytes()).unwrap();
        Self {
            upstream,
            names,
            config,
            rules: WorkflowEgress::All,
            limits: Limits::default(),
        }
    }

    /// The operator has listed nothing.
    fn unlisted() -> Self {
        let mut scene = Self::new();
        scene.config.hosts.clear();
        scene
    }

    fn limited(change: impl FnOnce(&mut Limits)) -> Self {
        let mut scene = Self::new();
        change(&mut scene.limits);
        scene
    }

    fn ruled(rules: &[&str]) -> Self {
        let mut scene = Self::new();
        let rules = rules.iter().map(|rule| rule.parse().unwrap());
        scene.rules = WorkflowEgress::Only(rules.collect());
        scene
    }

    fn egress(&self) -> Arc<Egress> {
        Arc::new(Egress::new(self.config.clone(), None).unwrap())
    }

    /// A run.
    fn outlet(&self) -> Outlet {
        self.outlet_of(&self.egress(), "workspace")
    }

    fn outlet_of(&self, egress: &Arc<Egress>, workspace: &str) -> Outlet {
        let rules = Arc::new(self.rules.clone());
        let sealed = Sealed::new(Arc::new(Held::default()), masker());
        WayOut::new(egress, workspace, rules, &self.limits)
            .open(&Arc::new(sealed))
            .clone()
    }

    /// Status and body of one request of a run.
    async fn get(&self, url: &str) -> Result<(u16, Vec<u8>), EgressError> {
        self.outlet().get(url).await
    }

    /// That a request is refused or fails so.
    async fn fails(&self, url: &str, fault: RequestFault, part: &str) {
        let error = self.get(url).await.unwrap_err();
        check(url, &error, fault, part);
    }

    /// That a request is refused, and nothing has arrived.
    async fn denied(&self, url: &str, part: &str) {
        let before = self.upstream.connections();
        self.fails(url, RequestFault::EgressDenied, part).await;
        assert_eq!(self.upstream.connections(), before, "{url}");
    }

    /// That a request arrives.
    async fn arrives(&self, url: &str) {
        let before = self.upstream.received().len();
        let (status, _) = self
            .get(url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(status, 200, "{url}");
        assert_eq!(self.upstream.received().len(), before + 1, "{url}");
    }
}

#[track_caller]
fn check(what: &str, error: &EgressError, fault: RequestFault, part: &str) {
    assert_eq!(error.fault, fault, "{what}: {error}");
    assert!(error.message.contains(part), "{what}: {error}");
}

fn masker() -> Masker {
    Masker::new(MaskerConfig::default())
}

fn request(method: Method, url: &str) -> Outgoing {
    Outgoing {
        method,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: RequestBody::None,
        redirects: Redirects::Follow,
        decodes: true,
    }
}

fn post(url: &str, body: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        body: RequestBody::Whole(body.into()),
        ..request(Method::POST, url)
    }
}

fn with_header(mut outgoing: Outgoing, name: &'static str, value: &str) -> Outgoing {
    let value = HeaderValue::from_str(value).unwrap();
    outgoing.headers.append(name, value);
    outgoing
}

async fn whole(incoming: Incoming) -> Result<(u16, Vec<u8>), EgressError> {
    let status = incoming.status.as_u16();
    let pieces = incoming.body.try_fold(Vec::new(), |mut whole, piece| {
        whole.extend(piece);
        std::future::ready(Ok(whole))
    });
    Ok((status, pieces.await?))
}

impl Outlet {
    async fn get(&self, url: &str) -> Result<(u16, Vec<u8>), EgressError> {
        self.fetch(request(Method::GET, url)).await
    }

    async fn fetch(&self, outgoing: Outgoing) -> Result<(u16, Vec<u8>), EgressError> {
        whole(self.send(outgoing).await?).await
    }

    fn told(&self) -> Vec<RequestReceipt> {
        self.receipts(&masker())
    }
}
