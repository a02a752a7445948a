//! Steps that compute. Ours and quickjs-emscripten interpret, each time in something fresh; Node.js runs a function that it
//! has compiled by then.

use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{SandboxConfig, StepFile};

use crate::alone::Alone;
use crate::figures::Figures;
use crate::node::Node;
use crate::times::Times;

const RUNS: usize = 10;
const WARM_UP: usize = 1;
const INPUT_BYTES: usize = 1_000_000;

/// One thing to compute.
struct Task {
    what: &'static str,
    step: &'static str,
    input: String,
    in_quickjs: InQuickJs,
}

/// What quickjs-emscripten runs.
enum InQuickJs {
    Same,
    /// Another step to the same end, as it has no web platform: once, as it takes so long.
    InJavaScript(&'static str),
}

pub(crate) fn measure(figures: &mut Figures) {
    let runtime = Runtime::new().unwrap();
    let sandbox = Alone::new(SandboxConfig::for_runs(1));
    let mut node = Node::start();
    for task in tasks() {
        let file = StepFile::named("heavy.js", task.step.into());
        let step = runtime.block_on(sandbox.load(file));
        let run = || {
            runtime
                .block_on(sandbox.run(&step, &task.input, CancellationToken::new()))
                .outcome
                .unwrap()
        };
        let [mut ours, mut compiled, mut quickjs] = [(); 3].map(|()| Times::default());
        let (in_quickjs, quickjs_rounds) = task.in_quickjs(RUNS + WARM_UP);
        for round in 0..RUNS + WARM_UP {
            let outcome = ours.time(run);
            let output = outcome.output().unwrap().as_str();
            let theirs = node.run("node", task.step, &task.input, 1, &mut compiled);
            assert!(theirs == output, "node: {}", task.what);
            if round < quickjs_rounds {
                let peer = "quickjs-emscripten";
                let theirs = node.run(peer, in_quickjs, &task.input, 1, &mut quickjs);
                assert!(theirs == output, "{peer}: {}", task.what);
            }
        }
        let group = figures.group(task.what, None);
        group.times("lockstep, the sandbox", ours, WARM_UP);
        group.times("node, the same function again and again", compiled, WARM_UP);
        match task.in_quickjs {
            InQuickJs::Same => {
                group.times("quickjs-emscripten, a new context", quickjs, WARM_UP);
            }
            InQuickJs::InJavaScript(_) => {
                group.times("quickjs-emscripten, in JavaScript", quickjs, 0);
            }
        }
    }
}

fn tasks() -> [Task; 3] {
    [
        Task {
            what: "JSON of 1 MB parsed, mapped, printed",
            step: include_str!("steps/json.js"),
            input: items(),
            in_quickjs: InQuickJs::Same,
        },
        Task {
            what: "a loop of 1,000,000 turns",
            step: include_str!("steps/loop.js"),
            input: json!({ "turns": 1_000_000 }).to_string(),
            in_quickjs: InQuickJs::Same,
        },
        Task {
            what: "SHA-256 of 10 MB",
            step: include_str!("steps/sha256.js"),
            input: json!({ "bytes": 10_000_000 }).to_string(),
            in_quickjs: InQuickJs::InJavaScript(include_str!("steps/sha256-in-javascript.js")),
        },
    ]
}

/// Orders of a shop, as JSON text of `INPUT_BYTES`.
fn items() -> String {
    let mut text = String::from("[");
    for id in 0.. {
        let tags = ["new", "small", "blue"];
        let item =
            json!({ "id": id, "name": format!("item number {id}"), "price": id * 3, "tags": tags });
        text += &format!("{item},");
        if text.len() >= INPUT_BYTES {
            break;
        }
    }
    text.pop();
    text + "]"
}

impl Task {
    /// The step that it runs, and how often, if ours runs so often.
    fn in_quickjs(&self, runs: usize) -> (&'static str, usize) {
        match self.in_quickjs {
            InQuickJs::Same => (self.step, runs),
            InQuickJs::InJavaScript(step) => (step, 1),
        }
    }
}
