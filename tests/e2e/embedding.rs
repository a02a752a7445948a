//! The example for engines that embed the runner does what it says.

use tempfile::TempDir;

use lockstep_step::Outcome;

#[path = "../../crates/runner/examples/rotation.rs"]
#[expect(dead_code, reason = "its main prints what is looked at here")]
mod rotation;

#[tokio::test]
async fn an_embedded_runner_gives_each_step_the_version_of_the_moment_it_started() {
    let directory = TempDir::new().unwrap();
    let reports = rotation::run_workflow(directory.path()).await.unwrap();
    let told: Vec<_> = reports
        .iter()
        .map(|report| {
            let Outcome::Completed(output) = &report.outcome else {
                panic!("{:?}", report.outcome);
            };
            let used = &report.receipt.credentials[0];
            (used.key.as_str(), used.version, output.as_str())
        })
        .collect();
    let orders = r#"{"orders":[{"id":1,"total":20},{"id":2,"total":22}]}"#;
    assert_eq!(
        told,
        [
            ("SHOP_TOKEN", 1, orders),
            ("SHOP_TOKEN", 2, r#"{"total":42}"#)
        ]
    );
}
