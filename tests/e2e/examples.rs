//! Each example does what its folder says.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use lockstep_e2e::{TestHost, Wanted, bundle, guest, repository};
use lockstep_step::OutcomeKind;

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

#[tokio::test]
async fn each_example_gives_the_output_that_its_folder_expects() {
    let mut examples = 0;
    for entry in fs::read_dir(repository().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("input.json").exists() {
            continue;
        }
        examples += 1;
        let name = folder.file_name().unwrap().to_str().unwrap();
        let host = TestHost::new().await;
        let credentials: Map<String, Value> =
            serde_json::from_str(&read(&folder.join("credentials.json"))).unwrap();
        for (key, value) in &credentials {
            host.set(key, value.as_str().unwrap()).await;
        }
        let ran = host
            .run(step_of(&folder, name).input(read(&folder.join("input.json"))))
            .await;
        let expected: Value = serde_json::from_str(&read(&folder.join("expected.json"))).unwrap();
        assert_eq!(ran.output(), expected, "example `{name}`");
    }
    assert!(examples >= 10, "{examples} examples");
}

/// The step of an example: the one file that it is, or what `cargo xtask guests` made of it.
fn step_of(folder: &Path, name: &str) -> Wanted {
    for file in ["step.js", "step.ts"] {
        if folder.join(file).exists() {
            return Wanted::script(file, &read(&folder.join(file)));
        }
    }
    if folder.join("package.json").exists() {
        return Wanted::script("step.js", &bundle(name));
    }
    Wanted::of(guest(name))
}

#[tokio::test]
async fn the_examples_that_require_their_credentials_first_name_them_all() {
    for (name, keys) in [
        (
            "require-first",
            ["CRM_USER", "CRM_PASSWORD", "MAILING_LIST_KEY"],
        ),
        (
            "validate-early",
            ["SHOP_USER", "SHOP_PASSWORD", "MAILING_LIST_KEY"],
        ),
    ] {
        let host = TestHost::new().await;
        let folder = repository().join("examples").join(name);
        let input = read(&folder.join("input.json"));
        let ran = host.run(step_of(&folder, name).input(input)).await;
        assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
        for key in keys {
            assert!(ran.message().contains(key), "{}", ran.message());
        }
        assert_eq!(ran.log, "");
    }
}
