//! What requests of a step cost, against a server of this process that does next to nothing.
//!
//! `cargo bench -p lockstep-sandbox --bench fetch`. With `-- one` only what one request costs; with `-- sealed` only what
//! looking for the value of a sealed credential costs.
//!
//! One request is measured in three ways: as a task of the runtime, as the handlers of a server are; driven by the only thread
//! there is, as by `lockstep run`; and from a thread that is none of the runtime's, where each who waits for a connection
//! waits twice until a processor is awake. Processors that sleep while they wait take long to wake, and their caches are empty
//! then; so each is measured with processors that are kept awake, too.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{EgressConfig, Ended, LoadedStep, SandboxConfig, StepFile};
use lockstep_step::OutcomeKind;

use crate::alone::Alone;
use crate::awake::Awake;
use crate::times::Times;

#[path = "stand/alone.rs"]
mod alone;
#[path = "stand/awake.rs"]
mod awake;
#[path = "stand/bodies.rs"]
mod bodies;
#[path = "stand/server.rs"]
mod server;
#[path = "stand/times.rs"]
mod times;

const WARM_UP: usize = 200;
const RUNS: usize = 3_000;
const STREAMED_MB: usize = 100;

const NO_REQUEST: &str = "export default async (url) => 5";
const ONE: &str = "export default async (url) => (await (await fetch(url)).text()).length";
const FIFTY: &str = "export default async (url) => {
    const texts = await Promise.all(Array.from({ length: 50 }, async () => (await fetch(url + 'wait')).text()));
    return texts.length;
}";
const READ: &str = "export default async (url) => {
    let length = 0;
    for await (const chunk of (await fetch(url + 'bytes/100000000')).body) length += chunk.length;
    if (length !== 1e8) throw new Error(`${length} bytes`);
}";
const WHOLE: &str = "export default async (url) => {
    const { length } = await (await fetch(url + 'bytes/50000000')).bytes();
    if (length !== 5e7) throw new Error(`${length} bytes`);
}";
const PIPED: &str = "export default async (url) => {
    const { body } = await fetch(url + 'bytes/100000000');
    await (await fetch(url, { method: 'PUT', body, duplex: 'half' })).text();
}";
/// Reads an answer to its end. With `#sealed` there is a value to look for in it.
const READ_FOR: &str = "export default async (url) => {
    const headers = {};
    if (url.endsWith('#sealed')) {
        const placeholder = credential('SEALED');
        if (!placeholder.startsWith('lockstep_sealed_')) throw new Error('it is not sealed');
        headers.authorization = `Bearer ${placeholder}`;
    }
    let length = 0;
    for await (const chunk of (await fetch(url, { headers })).body) length += chunk.length;
    if (length !== 1e8) throw new Error(`${length} bytes`);
}";
const SCRUBBED_RUNS: usize = 11;

/// A sandbox, and a server that its steps may ask.
struct Stand {
    runtime: Runtime,
    sandbox: Arc<Alone>,
    server: SocketAddr,
}

/// Who polls what is measured.
#[derive(Clone, Copy)]
enum Driven {
    AsTask,
    ByItsThread,
    FromOutside,
}

fn main() {
    let server = server::start();
    let egress = EgressConfig {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        sealed_in_the_clear: vec![server.to_string().parse().unwrap()],
        ..EgressConfig::default()
    };
    let config = SandboxConfig {
        egress,
        ..SandboxConfig::for_runs(4)
    };
    let stand = Stand {
        runtime: Runtime::new().unwrap(),
        sandbox: Arc::new(Alone::new(config.clone())),
        server,
    };
    let only = |what: &str| std::env::args().any(|argument| argument == what);
    if only("sealed") {
        return stand.scrubbed();
    }
    let one_thread = Builder::new_current_thread().enable_all().build();
    let alone = Stand {
        runtime: one_thread.unwrap(),
        sandbox: Arc::new(Alone::new(config)),
        server,
    };
    let one = || {
        stand.one(Driven::AsTask);
        alone.one(Driven::ByItsThread);
        stand.one(Driven::FromOutside);
    };
    println!(
        "one request, processors awake     no request        bare       both  a request   over both"
    );
    let awake = Awake::new();
    one();
    drop(awake);
    println!("the same, processors as they are");
    one();
    if only("one") {
        return;
    }
    stand.fifty();
    // The first takes memory that later ones find.
    for _ in 0..2 {
        stand.stream("read by chunks", READ, STREAMED_MB);
        stand.stream("piped into a request", PIPED, STREAMED_MB);
        stand.stream("read whole", WHOLE, STREAMED_MB / 2);
    }
    stand.scrubbed();
}

impl Stand {
    /// A step that makes a request, and in turns with it the same step without and then the bare client, so that each finds
    /// processors and caches as the other does.
    fn one(&self, driven: Driven) {
        let (sandbox, input) = (Arc::clone(&self.sandbox), self.input());
        let (with, without) = (self.load(ONE), self.load(NO_REQUEST));
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let uri: http::Uri = format!("http://{}/", self.server).parse().unwrap();
        let in_turns = async move {
            let [mut one, mut none, mut bare, mut both] = [0; 4].map(|_| Times::default());
            for _ in 0..WARM_UP + RUNS {
                let start = Instant::now();
                is_completed(sandbox.run(&with, &input, CancellationToken::new()).await);
                one.push(start.elapsed());

                let start = Instant::now();
                is_completed(
                    sandbox
                        .run(&without, &input, CancellationToken::new())
                        .await,
                );
                let ran = start.elapsed();
                let answer = client.get(uri.clone()).await.unwrap();
                answer.into_body().collect().await.unwrap();
                let asked = start.elapsed();
                none.push(ran);
                bare.push(asked - ran);
                both.push(asked);
            }
            [one, none, bare, both].map(|times| times.p50_p99(WARM_UP).0)
        };
        let [one, none, bare, both] = match driven {
            Driven::AsTask => self.runtime.block_on(self.runtime.spawn(in_turns)).unwrap(),
            Driven::ByItsThread | Driven::FromOutside => self.runtime.block_on(in_turns),
        };
        let over = one.saturating_sub(both);
        println!(
            "{:<30} {none:>13.1?} {bare:>11.1?} {both:>10.1?} {one:>10.1?} {over:>11.1?}",
            driven.name()
        );
    }

    fn fifty(&self) {
        let step = self.load(FIFTY);
        let mut times = Times::default();
        for _ in 0..20 {
            times.time(|| self.run(&step));
        }
        let (p50, p99) = times.p50_p99(2);
        println!("50 at once, 50 ms each                      {p50:>10.1?}, at most {p99:.1?}");
    }

    fn stream(&self, name: &str, source: &str, megabytes: usize) {
        let step = self.load(source);
        let before = resident_kib("VmRSS:");
        // The peak is counted anew.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let began = Instant::now();
        self.run(&step);
        let rate = rate(megabytes, began.elapsed());
        let more = resident_kib("VmHWM:").saturating_sub(before);
        println!("{megabytes} MB {name:<24} {rate:>10.0} MB/s, {more} KiB more resident at most");
    }

    /// The same answer, read by the same step: with a sealed credential in the request, and without.
    fn scrubbed(&self) {
        let step = self.load(READ_FOR);
        for body in ["text", "json", "escaped", "random"] {
            let url = format!("http://{}/{body}/100000000", self.server);
            let (mut plain, mut sealed) = (Times::default(), Times::default());
            for _ in 0..=SCRUBBED_RUNS {
                plain.time(|| self.run_with(&step, &format!("\"{url}\"")));
                sealed.time(|| self.run_with(&step, &format!("\"{url}#sealed\"")));
            }
            let [plain, sealed] =
                [plain, sealed].map(|times| rate(STREAMED_MB, times.p50_p99(1).0));
            println!(
                "{STREAMED_MB} MB of {body:<8} {plain:>6.0} MB/s, {sealed:>6.0} MB/s looked through: {:.2} of it",
                sealed / plain
            );
        }
    }

    fn load(&self, source: &str) -> Arc<LoadedStep> {
        let file = StepFile::named("bench.js", source.as_bytes().to_vec());
        self.runtime.block_on(self.sandbox.load(file))
    }

    fn run(&self, step: &LoadedStep) {
        self.run_with(step, &self.input());
    }

    fn input(&self) -> String {
        format!("\"http://{}/\"", self.server)
    }

    fn run_with(&self, step: &LoadedStep, input: &str) {
        let running = self.sandbox.run(step, input, CancellationToken::new());
        is_completed(self.runtime.block_on(running));
    }
}

impl Driven {
    fn name(self) -> &'static str {
        match self {
            Self::AsTask => "as a task",
            Self::ByItsThread => "by the only thread",
            Self::FromOutside => "from outside of the runtime",
        }
    }
}

fn is_completed(ended: Ended) {
    let outcome = ended.outcome.unwrap();
    assert_eq!(outcome.kind(), OutcomeKind::Completed, "{outcome:?}");
}

/// In MB/s.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(megabytes: usize, took: Duration) -> f64 {
    megabytes as f64 / took.as_secs_f64()
}

/// A line of `/proc/self/status`.
fn resident_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}
