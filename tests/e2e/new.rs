//! `lockstep new`: what it makes runs, and its tests pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use lockstep_e2e::{Finished, TestHost, Wanted, finish, guest, repository};

const TOKEN: &str = "greeter-token-0c1f4e";

/// A host that has the credential of the new step.
async fn host() -> TestHost {
    let host = TestHost::new().await;
    host.set("GREETER_TOKEN", TOKEN).await;
    host
}

/// Makes a project in the scratch folder of the host.
fn make(host: &TestHost, lang: &str) -> (PathBuf, Value) {
    let made = host
        .lockstep_in(host.scratch(), &["new", "greet", "--lang", lang, "--json"])
        .exits(0)
        .json();
    (host.scratch().join("greet"), made)
}

/// The npm packages of the SDK stand for those that `npm install` would bring.
fn npm_packages() -> PathBuf {
    repository().join("guest-sdk/js/node_modules")
}

fn node(project: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new("node");
    command
        .current_dir(project)
        .args(arguments)
        .env("NODE_PATH", npm_packages());
    finish(&mut command, "")
}

#[tokio::test]
async fn a_new_step_runs_as_it_is() {
    for lang in ["ts", "js"] {
        let host = host().await;
        let (project, _) = make(&host, lang);
        let step = format!("src/step.{lang}");
        let ran = host
            .lockstep_in(
                &project,
                &["run", &step, "--input", "@input.json", "--json"],
            )
            .exits(0);
        let report = ran.json();
        assert_eq!(
            report["output"],
            json!({"greeting": "Hello Ada", "signed": true}),
            "{lang}"
        );
        let run = report["run"].as_str().unwrap();
        assert_eq!(
            ran.stderr,
            format!("run {run} greets Ada with ***\n"),
            "{lang}"
        );
    }
}

#[tokio::test]
async fn the_tests_of_a_new_step_pass_in_node() {
    for lang in ["ts", "js"] {
        let host = host().await;
        let (project, _) = make(&host, lang);
        let tested = node(
            &project,
            &["--test", "--test-reporter=tap", "test/step.test.js"],
        );
        assert_eq!(tested.code, 0, "{tested:?}");
        assert!(tested.stdout.contains("# pass 2\n"), "{tested:?}");
    }
}

#[tokio::test]
async fn the_tests_of_a_new_step_fail_when_the_step_is_wrong() {
    let host = host().await;
    let (project, _) = make(&host, "js");
    let step = project.join("src/step.js");
    let code = fs::read_to_string(&step).unwrap();
    fs::write(&step, code.replace("Hello", "Goodbye")).unwrap();
    let tested = node(
        &project,
        &["--test", "--test-reporter=tap", "test/step.test.js"],
    );
    assert_eq!(tested.code, 1, "{tested:?}");
}

#[tokio::test]
async fn a_new_step_has_types_and_can_be_bundled() {
    let tsc = npm_packages().join("typescript/bin/tsc");
    for (lang, config) in [("ts", "tsconfig.json"), ("js", "jsconfig.json")] {
        let host = host().await;
        let (project, _) = make(&host, lang);
        let checked = node(&project, &[tsc.to_str().unwrap(), "--noEmit", "-p", config]);
        assert_eq!(checked.code, 0, "{checked:?}");
        let step = format!("src/step.{lang}");
        let program = "node_modules/@lockstep/step/bin/lockstep-step.js";
        let built = node(&project, &[program, "build", &step, "-o", "dist/step.js"]);
        assert_eq!(built.code, 0, "{built:?}");
        check_bundle(&host, &project);
    }
}

/// What `lockstep-step build` made does in the host what the step does.
fn check_bundle(host: &TestHost, project: &Path) {
    let ran = host
        .lockstep_in(project, &["run", "dist/step.js", "--input", "@input.json"])
        .exits(0);
    assert_eq!(
        ran.json(),
        json!({"greeting": "Hello Ada", "signed": true}),
        "{ran:?}"
    );
    assert!(ran.stderr.ends_with(" greets Ada with ***\n"), "{ran:?}");
}

fn npm(folder: &Path, arguments: &[&str]) -> Finished {
    let mut npm = Command::new("npm");
    npm.current_dir(folder)
        .args(arguments)
        .env("npm_config_offline", "true")
        .env("npm_config_audit", "false")
        .env("NODE_PATH", npm_packages());
    finish(&mut npm, "").exits(0)
}

/// Without a registry, as a project in JavaScript needs nothing but the package that it has in itself.
#[tokio::test]
async fn npm_installs_and_tests_a_new_project() {
    let host = host().await;
    let (project, _) = make(&host, "js");
    // As after a fresh clone.
    fs::remove_dir_all(project.join("node_modules")).unwrap();
    npm(&project, &["install"]);
    npm(&project, &["test"]);
    let installed: Vec<_> = fs::read_dir(project.join("node_modules"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(installed, ["@lockstep"]);
    let build = ["build", "src/step.js", "-o", "dist/step.js"];
    npm(
        &project,
        &[&["exec", "--", "lockstep-step"], &build[..]].concat(),
    );
    check_bundle(&host, &project);
}

/// The package as it would be published, in the place of the folder.
#[tokio::test]
async fn a_new_project_works_with_the_package_that_npm_packs() {
    let host = host().await;
    let (project, _) = make(&host, "js");
    let sdk = repository().join("guest-sdk/js");
    let to = format!("--pack-destination={}", project.display());
    let packed = npm(&sdk, &["pack", "--silent", &to]).stdout;
    npm(&project, &["install", &format!("./{}", packed.trim())]);
    let package = project.join("node_modules/@lockstep/step");
    assert!(!package.is_symlink(), "it is what was packed");
    npm(&project, &["test"]);
}

#[tokio::test]
async fn a_new_step_names_its_credential() {
    let host = host().await;
    let (project, _) = make(&host, "ts");
    host.lockstep_in(&project, &["step", "add", "greet", "src/step.ts"])
        .exits(0);
    let shown = host
        .lockstep(&["step", "show", "greet", "--json"])
        .exits(0)
        .json();
    assert!(shown.to_string().contains("GREETER_TOKEN"), "{shown}");
}

#[tokio::test]
async fn a_new_step_in_rust_runs_once_it_is_built() {
    let host = host().await;
    let ran = host
        .run(Wanted::of(guest("new-project")).input(r#"{"name": "Ada"}"#))
        .await;
    assert_eq!(
        ran.output(),
        json!({"greeting": "Hello Ada", "signed": true})
    );
    assert_eq!(ran.log, "greeting Ada with ***\n");
}

/// The crates that it needs are those of the SDK, which `cargo xtask` has fetched.
#[tokio::test]
async fn the_tests_of_a_new_step_in_rust_pass() {
    let host = host().await;
    let (project, _) = make(&host, "rust");
    fs::copy(
        repository().join("guest-sdk/rust/Cargo.lock"),
        project.join("Cargo.lock"),
    )
    .unwrap();
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&project)
        .args(["test", "--offline", "--color=never"])
        .env("CARGO_TARGET_DIR", repository().join("target/guests/build"));
    let tested = finish(&mut cargo, "");
    assert_eq!(tested.code, 0, "{tested:?}");
    assert!(
        tested.stdout.contains("test result: ok. 2 passed"),
        "{tested:?}"
    );
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let host = host().await;
    let project = host.scratch().join("greet");
    fs::create_dir(&project).unwrap();
    let refused = host
        .lockstep_in(host.scratch(), &["new", "greet", "--json"])
        .exits(2);
    let error: Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(error["error"]["code"], "already_exists");
    assert_eq!(fs::read_dir(&project).unwrap().count(), 0);
}

#[tokio::test]
async fn a_name_that_npm_or_cargo_would_refuse_is_refused() {
    let host = host().await;
    for name in ["Greet", "../greet", "a_b"] {
        let refused = host.lockstep_in(host.scratch(), &["new", name]).exits(2);
        assert!(
            refused
                .stderr
                .contains("lower-case letters, digits and `-`"),
            "{refused:?}"
        );
    }
    assert!(!host.scratch().join("../greet").exists());
}

#[tokio::test]
async fn all_files_are_told_and_there() {
    let host = host().await;
    let (project, made) = make(&host, "ts");
    assert_eq!(
        (&made["name"], &made["lang"], &made["path"]),
        (&json!("greet"), &json!("ts"), &json!("greet"))
    );
    let files = made["files"].as_array().unwrap();
    for file in files {
        assert!(project.join(file.as_str().unwrap()).is_file(), "{file}");
    }
    assert!(files.contains(&json!("src/step.ts")) && files.contains(&json!(".gitignore")));
    assert!(
        project
            .join("node_modules/@lockstep/step/package.json")
            .is_file()
    );
}

/// What `npm pack` would put into the package is what a project gets.
#[tokio::test]
async fn the_sdk_of_a_new_project_is_the_one_that_would_be_published() {
    let host = host().await;
    let (_, made) = make(&host, "js");
    let vendored: Vec<&str> = made["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut vendored: Vec<&str> = vendored
        .iter()
        .filter_map(|file| file.strip_prefix("vendor/lockstep-step/"))
        .collect();
    let mut npm = Command::new("npm");
    npm.current_dir(repository().join("guest-sdk/js")).args([
        "pack",
        "--dry-run",
        "--json",
        "--offline",
    ]);
    let packed = finish(&mut npm, "").exits(0).json();
    let package = match &packed {
        Value::Array(packages) => &packages[0],
        packages => packages.as_object().unwrap().values().next().unwrap(),
    };
    let mut published: Vec<&str> = package["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    vendored.sort_unstable();
    published.sort_unstable();
    assert_eq!(vendored, published);
}
