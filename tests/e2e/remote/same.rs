//! A table of commands, carried out one after the other on two hosts: on the machine of the one, and elsewhere, through
//! the server of the other. What they print differs in ids, times and names of callers, and in nothing else.

use std::path::PathBuf;

use regex::{Captures, Regex};

use lockstep_e2e::{Finished, Served, TestHost};
use lockstep_step::Role;

/// What is on stdin, what is called, and the exit code. `@NAME` stands for a file of the test, `{run}` for the last run.
type Row = (&'static str, &'static [&'static str], i32);

const VALUE: &str = "a value of the table 4711";
const FILES: [(&str, &str); 6] = [
    ("vars.env", "ONE='the first of the file'\nTWO='the second of the file'\n"),
    (
        "tells.js",
        "export default (input, ctx) => { console.log('got', ctx.credential('TOKEN')); console.error('and told')
         return { input, length: ctx.credential('TOKEN').length } }",
    ),
    ("fails.ts", "export default () => { throw new Error('on purpose' as string) }"),
    ("misses.js", "export default () => credential('NOWHERE')"),
    ("broken.js", "export default ("),
    ("echo.wat", include_str!("../../guests/echo-command.wat")),
];

const TABLE: &[Row] = &[
    ("", &["workspace", "list"], 0),
    ("", &["workspace", "show"], 0),
    ("", &["workspace", "show", "--json"], 0),
    ("", &["workflow", "add", "billing"], 0),
    ("", &["workflow", "add", "billing"], 2),
    ("", &["workflow", "list"], 0),
    ("", &["workflow", "list", "--json"], 0),
    (VALUE, &["credential", "set", "TOKEN"], 0),
    (VALUE, &["credential", "set", "TOKEN", "--json"], 0),
    (VALUE, &["credential", "rotate", "TOKEN"], 0),
    (VALUE, &["credential", "rotate", "NONE"], 2),
    (VALUE, &["credential", "set", "token"], 2),
    ("", &["credential", "set", "EMPTY"], 2),
    (
        "short",
        &["credential", "set", "SHORT", "--workflow", "billing"],
        0,
    ),
    (
        VALUE,
        &[
            "credential",
            "set",
            "SEALED",
            "--sealed",
            "--host",
            "api.example.com",
            "--in",
            "header,body",
        ],
        0,
    ),
    (VALUE, &["credential", "set", "SEALED"], 0),
    (
        "two\nlines",
        &[
            "credential",
            "set",
            "LINES",
            "--sealed",
            "--host",
            "*.example.com",
        ],
        0,
    ),
    ("", &["credential", "import", "@vars.env"], 0),
    (
        "",
        &[
            "credential",
            "import",
            "@vars.env",
            "--workflow",
            "billing",
            "--json",
        ],
        0,
    ),
    ("", &["credential", "list"], 0),
    (
        "",
        &["credential", "list", "--effective", "--workflow", "billing"],
        0,
    ),
    ("", &["credential", "list", "--effective", "--json"], 0),
    ("", &["credential", "list", "--json"], 0),
    ("", &["credential", "list", "--workflow", "billing"], 0),
    ("", &["credential", "list", "--workflow", "nowhere"], 2),
    ("", &["credential", "show", "TOKEN"], 0),
    ("", &["credential", "show", "TOKEN", "--json"], 0),
    ("", &["credential", "show", "TOKENS"], 2),
    ("", &["step", "add", "tells", "@tells.js"], 0),
    ("", &["step", "add", "tells", "@tells.js", "--json"], 0),
    (
        "",
        &[
            "step",
            "add",
            "misses",
            "@misses.js",
            "--workflow",
            "billing",
        ],
        0,
    ),
    ("", &["step", "show", "tells"], 0),
    (
        "",
        &["step", "show", "misses", "--workflow", "billing", "--json"],
        0,
    ),
    ("", &["step", "show", "nowhere"], 2),
    ("", &["credential", "usage", "TOKEN"], 0),
    ("", &["credential", "usage", "TOKEN", "--json"], 0),
    ("", &["credential", "delete", "TOKEN"], 2),
    ("", &["run", "tells", "--input", "{\"a\": 1.50}"], 0),
    ("", &["runs", "show", "{run}"], 0),
    ("", &["runs", "show", "{run}", "--json"], 0),
    ("", &["runs", "logs", "{run}"], 0),
    ("", &["runs", "logs", "{run}", "--json"], 0),
    ("", &["run", "tells", "--json"], 0),
    ("", &["run", "misses", "--workflow", "billing"], 1),
    ("", &["run", "nowhere"], 2),
    ("", &["run", "@fails.ts"], 1),
    ("", &["run", "@fails.ts", "--json"], 1),
    ("", &["run", "@echo.wat", "--input", "{\"a\": 1.50}"], 0),
    (
        "",
        &[
            "run",
            "tells",
            "--concurrent-requests",
            "2",
            "--first-byte-timeout",
            "5s",
            "--request-header-bytes",
            "8KiB",
            "--request-body-bytes",
            "1MiB",
            "--response-body-bytes",
            "1MiB",
            "--transfer-bytes",
            "2MiB",
        ],
        0,
    ),
    ("", &["runs", "list", "--json", "--limit", "3"], 0),
    ("", &["runs", "list", "--status", "missing_credential"], 0),
    ("", &["runs", "list", "--status", "trap"], 0),
    ("", &["runs", "list", "--step", "tells"], 0),
    ("", &["runs", "list", "--since", "2099-01-01T00:00:00Z"], 0),
    ("", &["runs", "list", "--until", "2099-01-01T00:00:00Z"], 0),
    ("", &["egress", "show"], 0),
    (
        "",
        &[
            "egress",
            "set",
            "--allow",
            "GET api.example.com/v1",
            "--allow",
            "*.com",
        ],
        0,
    ),
    ("", &["egress", "show", "--json"], 0),
    (
        "",
        &["egress", "explain", "POST", "https://127.0.0.1/v1"],
        1,
    ),
    (
        "",
        &[
            "egress",
            "explain",
            "GET",
            "https://127.0.0.1/v1",
            "--json",
            "--key",
            "TOKEN",
        ],
        1,
    ),
    ("", &["egress", "set", "--all"], 0),
    ("", &["permission", "show"], 0),
    ("", &["permission", "set", "TOKEN", "UNKNOWN"], 0),
    ("", &["permission", "show", "--json"], 0),
    ("", &["run", "tells"], 0),
    ("", &["permission", "set", "--none"], 0),
    ("", &["run", "tells"], 1),
    (
        "",
        &["permission", "set", "--all", "--workflow", "nowhere"],
        2,
    ),
    ("", &["permission", "set", "--all"], 0),
    ("", &["audit", "list"], 0),
    ("", &["audit", "list", "--json"], 0),
    ("", &["audit", "list", "--limit", "3", "--before", "9"], 0),
    ("", &["audit", "list", "--limit", "0"], 0),
    ("", &["audit", "list", "--run", "{run}"], 0),
    ("", &["audit", "list", "--workflow", "billing", "--json"], 0),
    (
        "",
        &[
            "audit",
            "list",
            "--key",
            "TOKEN",
            "--action",
            "credential.used",
        ],
        0,
    ),
    ("", &["audit", "list", "--actor", "test:admin"], 0),
    ("", &["audit", "list", "--actor", "cli:a b&limit=x"], 0),
    ("", &["audit", "list", "--since", "2099-01-01T00:00:00Z"], 0),
    ("", &["audit", "list", "--until", "2099-01-01T00:00:00Z"], 0),
    ("", &["audit", "list", "--action", "nothing"], 2),
    ("", &["step", "list"], 0),
    ("", &["step", "list", "--json"], 0),
    ("", &["step", "list", "--workflow", "billing"], 0),
    (
        "",
        &["step", "remove", "misses", "--workflow", "billing"],
        0,
    ),
    (
        "",
        &["step", "remove", "misses", "--workflow", "billing"],
        2,
    ),
    ("", &["step", "add", "broken", "@broken.js"], 1),
    ("", &["member", "add", "alice", "--role", "editor"], 0),
    ("", &["member", "add", "alice", "--role", "editor"], 2),
    ("", &["member", "set", "alice", "--role", "viewer"], 0),
    ("", &["member", "set", "bob", "--role", "viewer"], 2),
    ("", &["member", "list"], 0),
    ("", &["member", "list", "--json"], 0),
    (
        "",
        &["token", "create", "laptop", "--member", "alice", "--json"],
        0,
    ),
    ("", &["token", "create", "laptop", "--role", "viewer"], 2),
    (
        "",
        &[
            "token", "create", "other", "--member", "alice", "--role", "admin",
        ],
        2,
    ),
    ("", &["token", "list"], 0),
    ("", &["token", "list", "--json"], 0),
    ("", &["token", "revoke", "laptop"], 0),
    ("", &["token", "revoke", "nowhere"], 2),
    ("", &["member", "remove", "alice"], 0),
    ("", &["credential", "delete", "TOKEN", "--force"], 0),
    ("", &["workflow", "remove", "billing"], 2),
    ("", &["workflow", "remove", "billing", "--force"], 0),
    ("", &["workflow", "remove", "default"], 2),
    ("[1, 2", &["run", "tells", "--input", "-"], 1),
    ("", &["workspace", "set", "--require-sealing", "true"], 0),
    (
        "REVEALED",
        &["credential", "set", "REVEALED", "--revealed"],
        2,
    ),
    ("", &["audit", "export"], 0),
    ("", &["audit", "export", "--after", "40"], 0),
    ("", &["workspace", "add", "acme", "--admin-token", "one"], 0),
    ("", &["workspace", "add", "acme", "--admin-token", "two"], 2),
    (
        "",
        &[
            "workspace",
            "add",
            "other",
            "--admin-token",
            "one",
            "--json",
        ],
        0,
    ),
    ("", &["workspace", "list"], 0),
    ("", &["workspace", "remove", "acme"], 0),
    ("", &["workspace", "remove", "acme", "--json"], 2),
    ("", &["workspace", "remove", "default", "--force"], 2),
];

/// What differs from host to host, from run to run and from caller to caller.
struct Likeness(Vec<(Regex, &'static str)>);

impl Likeness {
    fn new() -> Self {
        let rules = [
            (
                r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
                "RUN",
            ),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"lsk_[A-Za-z0-9_-]{43}", "lsk_TOKEN"),
            (r"cli:\w+|token:admin", "CALLER"),
            (r#""(\w+_us|peak_memory_bytes)":\d+"#, "\"$1\":0"),
            (r"\d+(\.\d+)? ms", "0 ms"),
            (r"\d+ KiB at most", "0 KiB at most"),
            (r"[0-9a-f]{64}", "DIGEST"),
            // Columns are as wide as what is in them.
            (r" {2,}", "  "),
        ];
        let compiled = rules.map(|(rule, like)| (Regex::new(rule).unwrap(), like));
        Self(compiled.into())
    }

    fn of(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (rule, like) in &self.0 {
            text = rule.replace_all(&text, *like).into_owned();
        }
        text
    }
}

/// One of the two hosts.
struct Side<'a> {
    host: &'a TestHost,
    server: Option<(&'a Served<'a>, String)>,
    last_run: String,
}

impl Side<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.host.scratch().join(name)
    }

    fn carry_out(&mut self, row: &Row) -> Finished {
        let (stdin, arguments, _) = row;
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match argument.strip_prefix('@') {
                Some(name) => self.file(name).to_str().unwrap().to_owned(),
                None => argument.replace("{run}", &self.last_run),
            })
            .collect();
        let finished = match &self.server {
            None => self.host.lockstep_with(stdin, &arguments),
            Some((server, token)) => server.lockstep_with(token, stdin, &arguments),
        };
        if arguments[0] == "run" {
            self.last_run = self.newest_run();
        }
        finished
    }

    fn newest_run(&self) -> String {
        let runs = self
            .host
            .lockstep(&["runs", "list", "--json", "--limit", "1"]);
        let id = runs.json()["runs"][0]["run"].clone();
        id.as_str().unwrap_or_default().to_owned()
    }
}

/// What the commands of one side are not told by the other: names of files and of tokens.
fn without_what_is_of_one_side(text: &str) -> String {
    let first = Regex::new(r#"(?m)\{"name":"(first|admin)"[^}]*\},?|^(first|admin) .*\n"#).unwrap();
    let text = first.replace_all(text, |_: &Captures<'_>| String::new());
    // A server names source that is not kept by its language.
    text.replace("fails.ts", "inline.ts")
        .replace("echo.wat", "inline.wasm")
        .replace(",]", "]")
}

#[tokio::test]
async fn commands_answer_through_a_server_as_they_do_on_the_machine_of_the_host() {
    let (here, there) = (TestHost::new().await, TestHost::new().await);
    let admin = there.token(Role::Admin).await;
    // Nobody shows this one: it is there so that the two audits begin alike.
    here.token(Role::Admin).await;
    let server = Served::start(&there, &[]).await;
    let mut sides = [(&here, None), (&there, Some((&server, admin)))].map(|(host, server)| {
        for value in [VALUE, "the first of the file", "the second of the file"] {
            host.guard(value);
        }
        for (name, source) in FILES {
            std::fs::write(host.scratch().join(name), source).unwrap();
        }
        let last_run = String::new();
        Side {
            host,
            server,
            last_run,
        }
    });
    let likeness = Likeness::new();
    for row in TABLE {
        let [local, remote] = sides.each_mut().map(|side| side.carry_out(row));
        let (arguments, code) = (row.1, row.2);
        assert_eq!(local.code, code, "{arguments:?}: {local:?}");
        assert_eq!(remote.code, code, "{arguments:?}: {remote:?}");
        let like = |text: &str| without_what_is_of_one_side(&likeness.of(text));
        assert_eq!(like(&local.stdout), like(&remote.stdout), "{arguments:?}");
        assert_eq!(like(&local.stderr), like(&remote.stderr), "{arguments:?}");
    }
}
