//! Each example does what its folder says.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use lockstep_e2e::{TestHost, Wanted, guest, repository};
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
        if !folder.join("input.json").exists() || !folder.join("Cargo.toml").exists() {
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
            .run(Wanted::of(guest(name)).input(read(&folder.join("input.json"))))
            .await;
        let expected: Value = serde_json::from_str(&read(&folder.join("expected.json"))).unwrap();
        assert_eq!(ran.output(), expected, "example `{name}`");
    }
    assert!(examples >= 4, "{examples} examples");
}

#[tokio::test]
async fn the_example_that_requires_its_credentials_first_names_them_all() {
    let host = TestHost::new().await;
    let input = read(&repository().join("examples/require-first/input.json"));
    let ran = host
        .run(Wanted::of(guest("require-first")).input(input))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
    for key in ["CRM_USER", "CRM_PASSWORD", "MAILING_LIST_KEY"] {
        assert!(ran.message().contains(key), "{}", ran.message());
    }
    assert_eq!(ran.log, "");
}
