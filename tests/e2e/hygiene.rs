//! What is left in memory after runs have ended: nothing of their credentials.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use lockstep_e2e::{Canary, Machine, Needles, TestHost, Wanted, guest, lockstep_binary, wat};
use lockstep_runner::{NewCredential, PutRule};
use lockstep_secret::Zeroizing;
use lockstep_step::{OutcomeKind, Scope, WorkspaceName};

async fn put(host: &TestHost, key: &str, canary: &Canary) {
    let credential = NewCredential {
        key: key.parse().unwrap(),
        value: canary.value(),
        note: None,
        expires_at: None,
        handling: None,
    };
    let (workspace, scope) = (WorkspaceName::default_name(), Scope::Workspace);
    let rule = PutRule::CreateOrRotate;
    host.runner
        .put_credentials(&host.admin, &workspace, &scope, &[credential], rule)
        .await
        .unwrap();
}

#[test]
fn a_value_that_is_left_in_memory_is_found() {
    let canary = Canary::new();
    let needles = canary.needles("the canary");
    needles.assert_absent("before it was made");
    let value = canary.value();
    assert!(!needles.remnants().is_empty(), "a value that is there");
    drop(value);
    needles.assert_absent("after it was wiped");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_credential_is_left_in_memory_after_its_runs() {
    let [first, second] = [Canary::new(), Canary::new()];
    let host = TestHost::new().await;
    put(&host, "HIDDEN", &first).await;
    for to in ["stdout", "stderr", "output", "failure", "panic"] {
        for spelling in ["raw", "base64", "hex_lower", "utf16_le", "percent"] {
            let input = json!({"keys": ["HIDDEN"], "spellings": [spelling], "to": to});
            host.run(Wanted::of(guest("credentials")).input(input.to_string()))
                .await;
        }
    }
    first
        .needles("the first value")
        .assert_absent("while the host lives, after its runs");
    put(&host, "HIDDEN", &second).await;
    second
        .needles("the second value")
        .assert_absent("while the host lives, after the rotation");
    drop(host);
    for (canary, name) in [(first, "the first value"), (second, "the second value")] {
        canary.needles(name).assert_absent("after the host is gone");
    }
}

/// Scripts that say a value where a host may keep it, next to what has escapes in JSON.
const FAILING: [&str; 6] = [
    r#"throw new Error(`"no"\n${credential('HIDDEN')}\u0001`)"#,
    r#"throw `"no"\n${credential('HIDDEN')}`"#,
    r#"throw new TypeError('outer', { cause: new Error(`"no"\n${credential('HIDDEN')}`) })"#,
    r#"const error = new Error('x'); error.stack = `"no"\n${credential('HIDDEN')}`; throw error"#,
    r#"throw new MissingCredentialError([`"no"\n${credential('HIDDEN')}`, 'OTHER'])"#,
    r#"return { ['"' + credential('HIDDEN')]: 1n }"#,
];
const COMPLETING: [&str; 2] = [
    r#"console.log(`"no"\n${credential('HIDDEN')}`); console.error([credential('HIDDEN')]); return 1"#,
    r#"return { ['"' + credential('HIDDEN')]: `"no"\n${credential('HIDDEN')}` }"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_credential_is_left_in_memory_after_scripts_that_say_it() {
    let canary = Canary::new();
    let host = TestHost::new().await;
    put(&host, "HIDDEN", &canary).await;
    for (sources, kind, when) in [
        (&FAILING[..], OutcomeKind::StepFailed, "after failures"),
        (&COMPLETING, OutcomeKind::Completed, "after outputs"),
    ] {
        for source in sources {
            let ran = host.run(Wanted::script("step.js", source)).await;
            assert_eq!(ran.kind(), kind, "{source}");
        }
        canary.needles("the value").assert_absent(when);
    }
    drop(host);
    canary
        .needles("the value")
        .assert_absent("after the host is gone");
}

/// Digits and bytes of the key in a key file.
fn key_needles(path: &Path) -> [Needles; 2] {
    let text = Zeroizing::new(fs::read(path).unwrap());
    let line = text
        .split(|byte| *byte == b'\n')
        .find(|line| line.starts_with(b"lockstep-kek"))
        .unwrap();
    let digits = &line[line.len() - 64..];
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap();
    }
    [
        Needles::of_text("the digits of the key", digits),
        Needles::of_bytes("the key", &*bytes),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_in_memory_as_long_as_its_host_and_no_longer() {
    let host = TestHost::new().await;
    host.run(Wanted::of(guest("credentials")).input(r#"{"keys":["CANARY"]}"#))
        .await;
    let [digits, key] = key_needles(&host.key_file());
    digits.assert_absent("once the key file is read");
    assert!(!key.remnants().is_empty(), "the vault holds the key");
    drop(host);
    key.assert_absent("after the host is gone");
}

/// Of one user, a sleeping `lockstep run` and a `sleep`.
struct Sleepers {
    lockstep: Child,
    sleep: Child,
    machine: Machine,
}

/// As nobody if we are root, as what root may see tells nothing.
fn sleepers() -> Sleepers {
    const NOBODY: u32 = 65_534;
    let machine = Machine::new();
    let binary = machine.home().join("lockstep");
    let step = machine.home().join("sleep.wat");
    fs::copy(lockstep_binary(), &binary).unwrap();
    fs::write(&step, wat("long-sleep")).unwrap();
    let mut lockstep = Command::new(binary);
    lockstep
        .env_clear()
        .env("HOME", machine.home())
        .env("LOCKSTEP_DATA", &machine.data)
        .args(["run", "--timeout", "60s"])
        .arg(step);
    let mut sleep = Command::new("sleep");
    sleep.arg("60");
    if is_root() {
        std::os::unix::fs::chown(machine.home(), Some(NOBODY), None).unwrap();
        lockstep.uid(NOBODY);
        sleep.uid(NOBODY);
    }
    let [lockstep, sleep] = [lockstep, sleep].map(|mut command| {
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.spawn().unwrap()
    });
    Sleepers {
        lockstep,
        sleep,
        machine,
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

impl Sleepers {
    /// Waits until the step runs: its store is open then, and it holds the list of its pages.
    fn wait(&self) {
        while !fs::read_dir(self.machine.data.join("owners")).is_ok_and(|owners| owners.count() > 0)
        {
            std::thread::yield_now();
        }
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in [&mut self.lockstep, &mut self.sleep] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

#[test]
fn the_binary_writes_no_core_and_lets_nobody_look_into_it() {
    let sleepers = sleepers();
    sleepers.wait();
    let of = |child: &Child, file: &str| format!("/proc/{}/{file}", child.id());
    let limits = fs::read_to_string(of(&sleepers.lockstep, "limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
        ["0", "0"]
    );
    // The kernel gives the files of a process that may not be looked into to root.
    let owner = |child| fs::metadata(of(child, "environ")).unwrap().uid();
    let user = fs::metadata(of(&sleepers.sleep, "")).unwrap().uid();
    assert_ne!(user, 0);
    assert_eq!(owner(&sleepers.sleep), user);
    assert_eq!(owner(&sleepers.lockstep), 0);
}

#[test]
fn a_user_without_privileges_has_runs_reset_page_by_page() {
    let sleepers = sleepers();
    sleepers.wait();
    if !is_root() {
        // Its files are root's, and we cannot look.
        return;
    }
    let folder = format!("/proc/{}/fd", sleepers.lockstep.id());
    let is_pagemap =
        |path: PathBuf| fs::read_link(path).is_ok_and(|target| target.ends_with("pagemap"));
    let mut files = fs::read_dir(folder).unwrap();
    assert!(files.any(|file| is_pagemap(file.unwrap().path())));
}
