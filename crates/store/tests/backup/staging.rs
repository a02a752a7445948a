//! Backups that go elsewhere, come from elsewhere, and are sent to a store that is open.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use lockstep_store::{ArrivingBackup, PutError, Restored, StagedBackup, Unsealed};

use super::*;

fn host() -> HostPermit {
    HostPermit::check(&caller()).unwrap()
}

/// Sends the backup to the store, up to where it waits for the store to be closed.
async fn send(store: &SqliteStore, backup: &[u8]) -> Result<StagedBackup, RestoreError> {
    let staging = store.stage_backup(&host(), backup.len() as u64).await?;
    staging.file().unwrap().write_all(backup).unwrap();
    staging.finish(stamp())
}

/// Keys that a store seals with.
fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(Keyring::new(Kek::generate().unwrap())))
}

/// A backup with the workspace `acme`, sealed with the key of the vault.
async fn sealed(setup: &Setup, vault: &Arc<Vault>) -> Vec<u8> {
    setup.make("sealing", &["acme"]).await;
    let store = setup.open("sealing");
    store.seal_heads(Arc::clone(vault));
    let file = setup.path("sealed");
    let contents = back_up(&store, &file).await.unwrap();
    assert!(contents.is_sealed);
    let bytes = fs::read(&file).unwrap();
    assert_eq!(bytes.len() as u64, contents.bytes);
    bytes
}

fn put(staged: StagedBackup) -> Restored {
    staged.put_in_place(at(9)).unwrap()
}

#[tokio::test]
async fn a_copy_that_is_taken_is_a_backup_which_tells_that_it_was_taken() {
    let setup = Setup::new();
    setup.make("data", &["acme"]).await;
    let store = setup.open("data");
    let mut copy = store.take_backup(&host(), at(5)).await.unwrap();
    assert_eq!(copy.contents.workspaces, 2);
    // It has no name, and whoever looks for it finds nothing.
    let left: Vec<_> = setup.left_over("data");
    assert!(
        left.iter().all(|name| name.starts_with("lockstep.db-")),
        "{left:?}"
    );
    assert_eq!(copy.file.metadata().unwrap().len(), copy.contents.bytes);

    let file = setup.path("carried");
    let arriving = ArrivingBackup::begin(&file, IfThere::Refuse).unwrap();
    let mut bytes = Vec::new();
    copy.file.read_to_end(&mut bytes).unwrap();
    arriving.file().write_all(&bytes).unwrap();
    assert!(!file.exists());
    assert_eq!(arriving.finish().unwrap(), copy.contents);
    assert_eq!(mode(&file), 0o600);
    setup.restore(&file, "restored", IfThere::Refuse).unwrap();
    let restored = setup.open("restored");
    let told = restored.host_audit(&host(), &AuditFilter::all()).await;
    let told: Vec<_> = told.unwrap().into_iter().map(|it| it.action).collect();
    assert_eq!(told[..2], ["backup.restored", "backup.taken"]);
    assert_eq!(setup.workspaces("restored").await, ["acme"]);
}

#[tokio::test]
async fn what_arrives_is_there_when_it_is_whole_and_not_before() {
    let setup = Setup::new();
    let whole = fs::read(setup.backup(&["acme"]).await).unwrap();
    let target = setup.path("target");
    for (bytes, is_whole) in [
        (&whole[..whole.len() - 1], false),
        (&whole[..0], false),
        (b"something else, and no database".as_slice(), false),
        (&whole[..], true),
    ] {
        let arriving = ArrivingBackup::begin(&target, IfThere::Refuse).unwrap();
        arriving.file().write_all(bytes).unwrap();
        let done = arriving.finish();
        assert_eq!(done.is_ok(), is_whole, "{done:?}");
        assert_eq!(target.exists(), is_whole);
    }
    let refused = ArrivingBackup::begin(&target, IfThere::Refuse)
        .err()
        .unwrap();
    assert!(matches!(refused, BackupError::Exists { .. }), "{refused}");
    // Given up, it leaves what was there.
    let arriving = ArrivingBackup::begin(&target, IfThere::Replace).unwrap();
    arriving.file().write_all(b"half").unwrap();
    drop(arriving);
    assert_eq!(fs::read(&target).unwrap(), whole);
    let names = fs::read_dir(setup.directory.path()).unwrap();
    let drafts = names.filter(|it| it.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.');
    assert_eq!(drafts.count(), 0);
}

#[tokio::test]
async fn what_was_sent_to_an_open_store_takes_its_place_when_that_is_closed() {
    let setup = Setup::new();
    let vault = vault();
    let backup = sealed(&setup, &vault).await;
    setup.make("data", &["mine"]).await;
    let store = setup.open("data");
    store.seal_heads(vault);
    let staged = send(&store, &backup).await.unwrap();
    assert_eq!(staged.contents().workspaces, 2);
    // Until then everybody goes on.
    store.add_workspace(&admin("late"), at(5)).await.unwrap();
    let PutError::InUse(staged) = staged.put_in_place(at(9)).unwrap_err() else {
        panic!("it was put in place under a store that is open")
    };
    store.tell_restore(&host(), at(6)).await.unwrap();
    drop(store);
    let restored = put(*staged);
    assert_eq!(setup.workspaces("data").await, ["acme"]);
    let kept = restored.replaced.unwrap();
    let name = kept.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(setup.left_over("data"), [name]);
    setup.restore(&kept, "kept", IfThere::Refuse).unwrap();
    assert_eq!(setup.workspaces("kept").await, ["late", "mine"]);
    let replaced = setup.open("kept");
    let told = replaced.host_audit(&host(), &AuditFilter::all()).await;
    let told = told.unwrap().swap_remove(1);
    assert_eq!(told.detail.as_deref(), Some("begun"));
}

#[tokio::test]
async fn what_is_sent_and_is_not_whole_leaves_nothing() {
    let setup = Setup::new();
    let vault = vault();
    let whole = sealed(&setup, &vault).await;
    setup.make("data", &["mine"]).await;
    let store = setup.open("data");
    store.seal_heads(vault);
    for bytes in [
        &whole[..whole.len() - 1],
        &whole[..0],
        b"something else, and no database",
    ] {
        send(&store, bytes).await.unwrap_err();
    }
    drop(send(&store, &whole).await.unwrap());
    drop(store.stage_backup(&host(), 1).await.unwrap());
    drop(store);
    assert_eq!(setup.left_over("data"), [""; 0]);
    assert_eq!(setup.workspaces("data").await, ["mine"]);
}

#[tokio::test]
async fn what_is_sent_is_as_a_host_with_the_same_key_has_made_it() {
    let setup = Setup::new();
    let ours = vault();
    let whole = sealed(&setup, &ours).await;
    setup.make("data", &["mine"]).await;
    let store = setup.open("data");
    let refused = async |bytes: &[u8]| match send(&store, bytes).await.unwrap_err() {
        RestoreError::Unsealed(why) => why,
        other => panic!("{other}"),
    };
    assert_eq!(refused(&whole).await, Unsealed::NoKey);
    store.seal_heads(vault());
    let kek = ours.ring().unwrap().primary().id();
    assert_eq!(refused(&whole).await, Unsealed::UnknownKek(kek));
    store.seal_heads(ours);
    // Any byte of it, the seal's own too; and what only has the form of one.
    let end = whole.len();
    for place in [0, 100, end / 2, end - 49, end - 40, end - 32, end - 1] {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        let why = refused(&altered).await;
        let is_told = match why {
            Unsealed::UnknownKek(_) => place == end - 40,
            Unsealed::Altered => place != end - 40,
            Unsealed::NoSeal | Unsealed::NoKey => false,
        };
        assert!(is_told, "{place}: {why}");
    }
    let unsealed = &whole[..end - 48];
    assert_eq!(refused(unsealed).await, Unsealed::NoSeal);
    // Where nobody can send it, it needs no seal, and one that does not fit is no matter.
    for (number, bytes) in [unsealed, &whole].into_iter().enumerate() {
        let (file, data) = (setup.path("here"), format!("here-{number}"));
        fs::write(&file, bytes).unwrap();
        setup.restore(&file, &data, IfThere::Refuse).unwrap();
        assert_eq!(setup.workspaces(&data).await, ["acme"]);
    }
    send(&store, &whole).await.unwrap();
}

#[tokio::test]
async fn room_is_made_if_there_is_some_and_nobody_else_has_the_database_open() {
    let setup = Setup::new();
    setup.make("data", &["mine"]).await;
    let store = setup.open("data");
    let refused = store.stage_backup(&host(), u64::MAX).await.unwrap_err();
    let RestoreError::NoRoom { bytes, free, .. } = refused else {
        panic!("{refused}")
    };
    assert!(bytes == u64::MAX && free > 0);
    let other = setup.open("data");
    let refused = store.stage_backup(&host(), 1).await.unwrap_err();
    assert!(matches!(refused, RestoreError::InUse { .. }), "{refused}");
    drop(other);
    let mut file = store
        .stage_backup(&host(), 1)
        .await
        .unwrap()
        .file()
        .unwrap();
    assert_eq!(file.seek(SeekFrom::End(0)).unwrap(), 0);
}

#[tokio::test]
async fn the_chain_of_a_backup_that_was_sent_is_sealed_with_the_key_of_the_host() {
    let setup = Setup::new();
    setup.make("data", &["mine"]).await;
    let store = setup.open("data");
    store.seal_heads(vault());
    let mut copy = store.take_backup(&host(), at(5)).await.unwrap();
    let mut bytes = Vec::new();
    copy.file.read_to_end(&mut bytes).unwrap();
    let staged = send(&store, &bytes).await.unwrap();
    drop(store);
    put(staged);
    let restored = setup.open("data");
    let heads = restored.audit_heads(&host()).await.unwrap();
    let head = heads
        .iter()
        .find(|it| it.chain == AuditChain::Host)
        .unwrap();
    assert_eq!(head.sealed_sequence, Some(head.sequence));
}
