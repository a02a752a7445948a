//! The server that stands for the world, as a sandbox sees it: its authority is trusted, and `*.test` are its names.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lockstep_sandbox::{EgressConfig, Resolve, SandboxConfig};
use lockstep_upstream::Upstream;

/// Knows that `*.test` are at [`Upstream::ADDRESS`], and what a test tells of other names.
///
/// Held by an [`Arc`], so that a test can go on telling, and ask what was resolved.
#[derive(Default)]
pub struct Names {
    others: Mutex<HashMap<String, Told>>,
    asked: Mutex<Vec<String>>,
}

/// The answers for one name.
struct Told {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    /// `name` has these addresses.
    pub fn tell(&self, name: &str, addresses: &[&str]) {
        self.rebind(name, &[addresses]);
    }

    /// `name` has other addresses each time that somebody asks; when all were told, the last ones.
    pub fn rebind(&self, name: &str, answers: &[&[&str]]) {
        let parse = |addresses: &&[&str]| addresses.iter().map(|it| it.parse().unwrap()).collect();
        let told = Told {
            answers: answers.iter().map(parse).collect(),
            asked: AtomicUsize::new(0),
        };
        self.others.lock().unwrap().insert(name.to_owned(), told);
    }

    /// All names that were asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        if let Some(told) = self.others.lock().unwrap().get(host) {
            let at = told.asked.fetch_add(1, Ordering::SeqCst);
            return Ok(told.answers[at.min(told.answers.len() - 1)].clone());
        }
        if host.ends_with(".test") {
            return Ok(vec![Upstream::ADDRESS]);
        }
        Err(io::Error::other("no such host in this test"))
    }
}

/// An operator who lists `*.test`, trusts the authority of this server, and lets `names` resolve.
#[must_use]
pub fn egress_to(upstream: &Upstream, names: Arc<Names>) -> EgressConfig {
    let mut egress = EgressConfig {
        hosts: vec!["*.test".parse().unwrap()],
        resolver: names,
        ..EgressConfig::default()
    };
    egress.trust(upstream.root().as_bytes()).unwrap();
    egress
}

/// A sandbox with a place for four runs, whose steps reach this server as `https://api.slack.test:PORT/..` and the like.
#[must_use]
pub fn sandbox_to(upstream: &Upstream) -> SandboxConfig {
    SandboxConfig {
        egress: egress_to(upstream, Arc::default()),
        ..SandboxConfig::for_runs(4)
    }
}
