//! The server of a checkout, as far as tests that `fetch` need it: `wptserve`, which is in Python.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Listens on a port of 127.0.0.1, says which, and goes on until its input ends.
const SERVE: &str = r#"
import os, sys
root = os.path.abspath(sys.argv[1])
third_party = [f"third_party/{name}" for name in ("h2/src", "hpack/src", "hyperframe/src", "six", "pywebsocket3")]
sys.path[:0] = [os.path.join(root, "tools", name) for name in ["", "wptserve", *third_party]]
from wptserve.server import WebTestHttpd
from wptserve.stash import StashServer
with StashServer(None, authkey="wpt"):
    server = WebTestHttpd(host="127.0.0.1", port=0, doc_root=root, use_ssl=False)
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()
"#;

/// Runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts it. `None`: the checkout has none.
    pub(crate) fn start(checkout: &Path) -> Result<Option<Self>, String> {
        if !checkout.join("tools/wptserve").is_dir() {
            return Ok(None);
        }
        let failed = |error: &dyn std::fmt::Display| {
            format!("the server of the checkout does not start, it takes `python3`: {error}")
        };
        let mut child = Command::new("python3")
            .args(["-c", SERVE])
            .arg(checkout)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(|error| failed(&error))?;
        }
        let port = line.trim().parse().map_err(|error| failed(&error))?;
        Ok(Some(Self { child, port }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.child.stdin.take());
        if self.child.wait().is_err() {
            // Then it is gone already.
        }
    }
}
