//! The whole database, over HTTP: carried away, and replaced.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost, fill_cache};
use lockstep_step::Role;

use super::{JSON, NOTHING, get, put_value, run, until};

const BACKUP: &str = "/v1/host/backup";
const RESTORE: &str = "/v1/host/restore";
const FORCED: &str = "/v1/host/restore?force=true";
const KIND: &str = "application/vnd.sqlite3";

/// A server on a data directory that nobody else has open, as the host of a test has its own.
struct Alone<'a> {
    server: Served<'a>,
    data: PathBuf,
    admin: String,
}

impl<'a> Alone<'a> {
    async fn start(host: &'a TestHost, arguments: &[&str]) -> Self {
        let data = host.scratch().join("alone");
        fill_cache(&data.join("cache")).await;
        let place = ["--data", data.to_str().unwrap()];
        let server = Served::start(host, &[&place, arguments].concat()).await;
        let admin = server.first_token.clone().unwrap();
        Self {
            server,
            data,
            admin,
        }
    }

    fn back_up(&self) -> Vec<u8> {
        get(&self.server, BACKUP, &self.admin).is(200).body
    }

    fn restore(&self, backup: &[u8]) -> Answer {
        self.post(FORCED, KIND, backup)
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        let admin = Some(&*self.admin);
        self.server.ask("POST", path, admin, (kind, body))
    }

    /// Says how long a body is, and so much of it.
    fn begin_restore(&self, length: &str, part: &[u8]) -> TcpStream {
        let head = format!("Content-Type: {KIND}\r\n{length}\r\n");
        let admin = Some(&*self.admin);
        self.server.say("POST", FORCED, admin, &head, part)
    }

    /// Runs a script, whose end is told on the connection.
    fn begin_run(&self, source: &str) -> TcpStream {
        let body = json!({"source": source}).to_string();
        let head = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
        let admin = Some(&*self.admin);
        let waits = self
            .server
            .say("POST", super::INLINE, admin, &head, body.as_bytes());
        super::latest(&self.server, &self.admin, "open");
        waits
    }

    /// What came of a restore, once the server answers that.
    fn end(&self, begun: &Value) -> Value {
        until(|| {
            let end = get(&self.server, RESTORE, &self.admin).is(200).json();
            assert_eq!(end["asked_at"], begun["asked_at"]);
            (end["state"] != "waiting").then_some(end)
        })
    }

    fn keys(&self) -> Vec<String> {
        let listed = get(&self.server, super::CREDENTIALS, &self.admin).is(200);
        let listed = listed.json()["credentials"].clone();
        let keys = listed.as_array().unwrap().iter();
        keys.map(|it| it["key"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Files beside the database that a restore could leave.
    fn left_over(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.data).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names
            .filter(|name| name.starts_with('.') || name.starts_with("replaced-"))
            .collect();
        names.sort();
        names
    }

    /// Its files leave the host when the server has ended.
    fn search(self, host: &TestHost) {
        let Self { server, data, .. } = self;
        assert_eq!(server.end(), Some(0));
        for entry in fs::read_dir(data).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                host.leaves(&path.display().to_string(), &fs::read(&path).unwrap());
            }
        }
    }
}

fn tampered(backup: &[u8], scratch: &Path, sql: &str) -> Vec<u8> {
    let path = scratch.join("tampered.db");
    fs::write(&path, backup).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    fs::read(&path).unwrap()
}

#[tokio::test]
async fn a_backup_is_restored_over_http_and_the_same_server_goes_on_with_it() {
    let host = TestHost::new().await;
    host.guard("a value of before");
    host.guard("a value of after");
    let alone = Alone::start(&host, &[]).await;
    put_value(&alone.server, "FIRST", &alone.admin, "a value of before").is(201);
    let taken = get(&alone.server, BACKUP, &alone.admin).is(200);
    assert_eq!(taken.header("content-type"), Some(KIND));
    let length = taken.body.len().to_string();
    assert_eq!(taken.header("content-length"), Some(&*length));
    assert!(taken.body.starts_with(b"SQLite format 3\0"));
    let backup = taken.body;
    get(&alone.server, RESTORE, &alone.admin).is_problem(404, "nothing_restored");

    put_value(&alone.server, "SECOND", &alone.admin, "a value of after").is(201);
    put_value(&alone.server, "FIRST", &alone.admin, "a value of after").is(200);
    let begun = alone.restore(&backup).is(202).json();
    assert_eq!(
        (&begun["workspaces"], &begun["credentials"], &begun["runs"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(begun["keys_missing"], json!([]));
    let end = alone.end(&begun);
    assert_eq!(end["state"], "restored", "{end}");
    assert_eq!(alone.left_over(), [end["replaced"].as_str().unwrap()]);

    // The value of the backup, opened with the same key; and everything goes on.
    assert_eq!(alone.keys(), ["FIRST"]);
    let source = "return credential('FIRST') === ['a value', 'of before'].join(' ')";
    let ran = run(&alone.server, &alone.admin, source, &Value::Null);
    assert_eq!(ran["output"], json!(true), "{ran}");
    put_value(&alone.server, "THIRD", &alone.admin, "a value of after").is(201);
    // Both chains tell it, and are whole.
    let verified = "/v1/host/audit/verify";
    let verified = alone
        .server
        .ask("POST", verified, Some(&alone.admin), NOTHING);
    assert_eq!(verified.is(200).json()["whole"], true);
    let told = get(&alone.server, "/v1/host/audit?limit=2", &alone.admin).is(200);
    let told = told.json()["entries"].clone();
    assert_eq!(
        (&told[0]["action"], &told[0]["detail"], &told[0]["actor"]),
        (
            &json!("backup.restored"),
            &json!("done"),
            &json!("default/token:first")
        )
    );
    assert_eq!(told[1]["action"], "backup.taken");
    // Once more, as the server is another one.
    let begun = alone.restore(&backup).is(202).json();
    assert_eq!(alone.end(&begun)["state"], "restored");
    assert_eq!(alone.left_over().len(), 2);
    alone.search(&host);
}

#[tokio::test]
async fn what_is_no_backup_changes_nothing_and_is_not_repeated() {
    let host = TestHost::new().await;
    host.guard("a value that stays");
    let alone = Alone::start(&host, &[]).await;
    put_value(&alone.server, "STAYS", &alone.admin, "a value that stays").is(201);
    let backup = alone.back_up();
    let canary = "CREATE TABLE words_of_the_body (a)";
    // Whoever speaks for the host is let into no other workspace, and does not get there by writing itself into a backup.
    let token = "UPDATE tokens SET role = 'viewer'";
    for body in [
        b"".to_vec(),
        b"words_of_the_body".repeat(500),
        backup[..backup.len() - 1].to_vec(),
        tampered(&backup, host.scratch(), canary),
        tampered(&backup, host.scratch(), token),
    ] {
        let problem = alone.post(FORCED, KIND, &body);
        let text = problem.is_problem(422, "backup_not_sealed").to_string();
        assert!(text.contains("on the machine of the host"), "{text}");
        assert!(!text.contains("words_of_the_body"), "{text}");
        assert!(!text.contains(host.scratch().to_str().unwrap()), "{text}");
    }
    alone
        .post(RESTORE, KIND, &backup)
        .is_problem(409, "already_exists");
    let no = "/v1/host/restore?force=no";
    alone
        .post(no, KIND, &backup)
        .is_problem(400, "invalid_query");
    alone
        .post(FORCED, JSON, &backup)
        .is_problem(415, "unsupported_media_type");
    // What does not say how long it is, and what ends before that.
    let mut endless = alone.begin_restore("Transfer-Encoding: chunked", b"");
    let answer = alone.server.hear(&mut endless);
    answer.is_problem(411, "length_required");
    let length = format!("Content-Length: {}", u64::MAX / 2);
    let mut huge = alone.begin_restore(&length, b"");
    let problem = alone.server.hear(&mut huge).is_problem(507, "no_room");
    assert_eq!(problem["size"], u64::MAX / 2);
    let length = format!("Content-Length: {}", backup.len());
    let half = alone.begin_restore(&length, &backup[..1000]);
    until(|| (!alone.left_over().is_empty()).then_some(()));
    drop(half);
    until(|| alone.left_over().is_empty().then_some(()));
    assert_eq!(alone.left_over(), [""; 0]);
    assert_eq!(alone.keys(), ["STAYS"]);
    get(&alone.server, RESTORE, &alone.admin).is_problem(404, "nothing_restored");
    alone.search(&host);
}

#[tokio::test]
async fn one_copy_is_on_its_way_at_a_time_and_the_next_when_it_was_taken() {
    let host = TestHost::new().await;
    let alone = Alone::start(&host, &[]).await;
    let backup = alone.back_up();
    let length = format!("Content-Length: {}", backup.len());
    let mut slow = alone.begin_restore(&length, &backup[..1000]);
    // From the moment on at which there is a place for it.
    until(|| (!alone.left_over().is_empty()).then_some(()));
    let other = get(&alone.server, BACKUP, &alone.admin);
    assert_eq!(other.header("retry-after"), Some("5"));
    other.is_problem(429, "too_many_copies");
    alone.restore(&backup).is_problem(429, "too_many_copies");
    slow.write_all(&backup[1000..]).unwrap();
    let begun = alone.server.hear(&mut slow).is(202).json();
    assert_eq!(alone.end(&begun)["state"], "restored");
    alone.back_up();
}

#[tokio::test]
async fn runs_end_before_the_database_is_replaced_and_are_in_the_record_of_that() {
    let host = TestHost::new().await;
    let alone = Alone::start(&host, &["--drain", "1s"]).await;
    let backup = alone.back_up();
    let mut waits = alone.begin_run("return new Promise(() => setInterval(() => {}, 1000))");
    let begun = alone.restore(&backup).is(202).json();
    // Who waits for the run hears how it ended.
    let ended = alone.server.hear(&mut waits).is(200).json();
    assert_eq!(ended["outcome"], "cancelled", "{ended}");
    let end = alone.end(&begun);
    assert_eq!(end["state"], "restored");
    let runs = get(&alone.server, super::RUNS, &alone.admin).is(200).json();
    assert_eq!(runs["runs"], json!([]));
    let kept = alone.data.join(end["replaced"].as_str().unwrap());
    let kept = Connection::open(kept).unwrap();
    let status: String = kept
        .query_row("SELECT status FROM runs", (), |row| row.get(0))
        .unwrap();
    assert_eq!(status, "cancelled");
}

#[tokio::test]
async fn a_database_that_another_process_has_open_is_not_replaced() {
    // The host of the test has it open.
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let backup = get(&server, BACKUP, &admin).is(200).body;
    let restore = || server.ask("POST", FORCED, Some(&admin), (KIND, &backup));
    restore().is_problem(409, "in_use");
    get(&server, RESTORE, &admin).is_problem(404, "nothing_restored");
}

#[tokio::test]
async fn a_database_that_another_process_opens_too_late_is_as_it_was_and_the_server_goes_on() {
    let host = TestHost::new().await;
    host.guard("a value that stays");
    let alone = Alone::start(&host, &["--drain", "5s"]).await;
    let backup = alone.back_up();
    put_value(&alone.server, "STAYS", &alone.admin, "a value that stays").is(201);
    // A run keeps the server from ending until somebody else is there.
    let mut waits = alone.begin_run("return new Promise(() => setInterval(() => {}, 1000))");
    let begun = alone.restore(&backup).is(202).json();
    let other = lockstep_runner::SqliteStore::open(&alone.data, jiff::Timestamp::now()).unwrap();
    alone.server.hear(&mut waits).is(200);
    let end = alone.end(&begun);
    assert_eq!(
        (&end["state"], &end["code"], &end["replaced"]),
        (&json!("failed"), &json!("in_use"), &Value::Null)
    );
    drop(other);
    assert_eq!(alone.keys(), ["STAYS"]);
    assert_eq!(alone.left_over(), [""; 0]);
    alone.search(&host);
}

#[tokio::test]
async fn who_says_nothing_more_keeps_no_backup_from_its_place() {
    let host = TestHost::new().await;
    let patient = ["--drain", "1s", "--client-timeout", "10m"];
    let alone = Alone::start(&host, &patient).await;
    let backup = alone.back_up();
    let path = format!("{}/HALF", super::CREDENTIALS);
    let head = "Content-Type: application/octet-stream\r\nContent-Length: 100\r\n";
    let admin = Some(&*alone.admin);
    let half = alone.server.say("PUT", &path, admin, head, b"half of it");
    // Its handler has the store, and waits for the rest.
    let begun = alone.restore(&backup).is(202).json();
    let end = alone.end(&begun);
    assert_eq!(end["state"], "restored", "{end}");
    drop(half);
    assert_eq!(alone.keys(), [""; 0]);
}
