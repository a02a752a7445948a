//! A component that uses a sealed credential: its whole memory is searched for the value while it still has all it got.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::{Received, Wanted, guest, guest_memory};
use lockstep_secret::{Masker, MaskerConfig, Secret};
use lockstep_step::{OutcomeKind, RunId};

use super::{Scene, until};

/// All of the memory of the step `keeps`, once it has used the credential of this key in each way that it can.
async fn memory_with(scene: &Scene, key: &str) -> Vec<u8> {
    let mark = ["first half ", "of the mark "].map(|half| format!("{half}{}", RunId::generate()));
    let input = json!({
        "key": key,
        "echo": scene.upstream.https("api.test", "/echo"),
        "never": scene.upstream.https("api.test", &format!("/slow/never?{key}")),
        "mark": mark,
    });
    let cancel = CancellationToken::new();
    let wanted = Wanted::of(guest("keeps"))
        .input(input.to_string())
        .cancelled_by(&cancel);
    let searched = async {
        let is_last = |it: &Received| it.path == "/slow/never" && it.query.as_deref() == Some(key);
        let waits = || scene.upstream.received().iter().any(is_last);
        until("the step waits for the last answer", waits).await;
        let memory = guest_memory(&mark);
        cancel.cancel();
        memory
    };
    let (ran, memory) = tokio::join!(scene.host.run(wanted), searched);
    assert_eq!(ran.kind(), OutcomeKind::Cancelled);
    memory
}

/// Whether the value is there, in any spelling that the masker knows.
fn holds(memory: &[u8], value: &str) -> bool {
    let masker = Masker::new(MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    });
    masker.register(&Secret::new(value.to_owned())).unwrap();
    masker.mask_bytes(memory).as_bytes() != memory
}

#[tokio::test]
async fn a_sealed_value_is_nowhere_in_the_memory_of_a_component_that_used_it() {
    let scene = Scene::new().await;
    let (sealed, revealed) = ("sealed-canary-5b\"1e/7", "revealed-canary-0d'44/9");
    scene.host.guard(sealed);
    let to = format!("api.test:{}", scene.upstream.https_port());
    let places = "header,query,basic,body";
    let set = [
        "credential",
        "set",
        "SEALED",
        "--sealed",
        "--host",
        &to,
        "--in",
        places,
    ];
    scene.host.lockstep_with(sealed, &set).exits(0);
    scene.host.set("REVEALED", revealed).await;

    let memory = memory_with(&scene, "SEALED").await;
    let received = scene.upstream.received();
    assert_eq!(received.len(), 6);
    let bearer = format!("Bearer {sealed}");
    let with_value = |it: &&Received| {
        it.header("authorization") == Some(&bearer) && it.body == sealed.as_bytes()
    };
    assert_eq!(received.iter().filter(with_value).count(), 1);
    assert!(!holds(&memory, sealed));
    // What was masked in an answer is there, so that the answers are; and the search finds what a step does get.
    assert!(memory.windows(10).any(|it| it == b"Bearer ***"));
    assert!(holds(&memory_with(&scene, "REVEALED").await, revealed));
}
