//! A run behind a server, while it goes on.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

const WAITS: &str = "export default async (input, ctx) => {
  console.log('begun with', ctx.credential('CANARY'))
  await new Promise(done => setTimeout(done, 600_000)) }";

#[tokio::test]
async fn the_log_is_told_while_a_run_goes_on_and_an_interrupt_cancels_it() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let file = host.scratch().join("waits.js");
    std::fs::write(&file, WAITS).unwrap();
    let mut running = server
        .command(&runner)
        .args(["run", file.to_str().unwrap(), "--timeout", "10m"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(running.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    assert_eq!(first, "begun with ***\n");
    assert_eq!(running.try_wait().unwrap(), None);
    let listed = ["runs", "list", "--json", "--status", "open"];
    let open = server.lockstep(&runner, &listed).exits(0).json();
    assert_eq!(open["runs"][0]["caller"], "token:runner", "{open}");
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    host.leaves("stderr of a command elsewhere", rest.as_bytes());
    assert!(rest.starts_with("error: cancelled"), "{rest}");
    assert_eq!(running.wait().unwrap().code(), Some(1));
    let listed = ["runs", "list", "--json", "--status", "cancelled"];
    let cancelled = server.lockstep(&runner, &listed).exits(0).json();
    assert_eq!(cancelled["runs"][0]["run"], open["runs"][0]["run"]);
}
