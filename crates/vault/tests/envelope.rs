//! Envelopes from the outside: what was sealed opens where it was sealed for, and nowhere else.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::sync::Arc;

use proptest::prelude::*;

use lockstep_secret::Secret;
use lockstep_step::{Caller, CredentialKey, Role, Scope, UsagePermission, WorkspaceName};
use lockstep_vault::{
    AdminPermit, Change, Kek, Keyring, OpenError, RecordError, RevealError, RunPermit, SealError,
    SealedCredential, SnapshotMark, Vault, WorkspaceChanges, WorkspaceSnapshot,
    WrappedWorkspaceKey,
};

/// The parts of a row, any of which someone may change.
#[derive(Clone)]
struct Row {
    workspace: WorkspaceName,
    workspace_key: WrappedWorkspaceKey,
    scope: Scope,
    key: CredentialKey,
    version: u64,
    record: Vec<u8>,
}

fn admin() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(Keyring::new(Kek::generate().unwrap())))
}

fn permit(workspace: &str) -> AdminPermit {
    AdminPermit::check(&admin(), &workspace.parse().unwrap()).unwrap()
}

fn seal(vault: &Vault, value: &str) -> Row {
    let permit = permit("acme");
    let workspace_key = vault.create_workspace_key(&permit).unwrap();
    let scope = Scope::Workflow("daily".parse().unwrap());
    let key = "TOKEN".parse().unwrap();
    let value = Secret::new(value.to_owned());
    let sealed = vault
        .seal(&permit, &workspace_key, &scope, &key, 3, &value)
        .unwrap();
    Row {
        workspace: permit.workspace().clone(),
        workspace_key,
        scope,
        key,
        version: sealed.version(),
        record: sealed.record().to_vec(),
    }
}

/// Opens a row as a run of the workflow `daily` would.
#[expect(
    clippy::disallowed_methods,
    reason = "made-up values are compared in plaintext"
)]
fn open(vault: &Arc<Vault>, row: &Row) -> Result<String, OpenError> {
    let workflow = match &row.scope {
        Scope::Workspace => "daily".parse().unwrap(),
        Scope::Workflow(name) => name.clone(),
    };
    let changes = vec![
        Change::Permission {
            workflow: workflow.clone(),
            permission: UsagePermission::All,
        },
        Change::Set {
            scope: row.scope.clone(),
            key: row.key.clone(),
            sealed: SealedCredential::from_record(row.version, row.record.clone()),
        },
    ];
    let snapshot = WorkspaceSnapshot::empty(row.workspace.clone()).apply(WorkspaceChanges {
        mark: SnapshotMark {
            workspace: 1,
            revision: 1,
        },
        from_empty: true,
        key: Some(Ok(row.workspace_key.clone())),
        changes,
    });
    let permit = RunPermit::check(&admin(), &row.workspace, &workflow).unwrap();
    let grants = vault.resolve(permit, Arc::new(snapshot)).unwrap();
    match grants.reveal(&row.key) {
        Ok(revealed) => Ok(revealed.secret.expose().to_owned()),
        Err(RevealError::Open { source, .. }) => Err(source),
        Err(RevealError::Denied { reason, .. }) => panic!("{reason:?}"),
    }
}

fn is_mismatch(result: &Result<String, OpenError>) -> bool {
    matches!(result, Err(OpenError::Mismatch { .. }))
}

#[test]
fn a_sealed_credential_tells_its_length_and_its_key_without_being_opened() {
    let vault = vault();
    for value in ["v", "väl", &"v".repeat(65_536)] {
        let row = seal(&vault, value);
        let sealed = SealedCredential::from_record(row.version, row.record.clone());
        let head = sealed.head().unwrap();
        assert_eq!(head.value_bytes, value.len());
        assert_eq!(head.workspace_key, row.workspace_key.id());
        let cut = row.record[..row.record.len() - value.len() - 1].to_vec();
        let cut = SealedCredential::from_record(row.version, cut).head();
        assert!(matches!(cut, Err(RecordError::Length { .. })), "{cut:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens(value in "\\PC{1,300}") {
        let vault = vault();
        prop_assert_eq!(open(&vault, &seal(&vault, &value)).unwrap(), value);
    }

    #[test]
    fn any_flipped_bit_of_a_record_is_found(value in "\\PC{1,300}", bit in any::<prop::sample::Index>()) {
        let vault = vault();
        let mut row = seal(&vault, &value);
        let bit = bit.index(row.record.len() * 8);
        row.record[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(open(&vault, &row).is_err());
    }

    #[test]
    fn bytes_that_nobody_sealed_are_an_error(
        head in prop::sample::select(vec!["", "LK", "LKCR", "LKWK", "LKCR\x01\x01", "LKWK\x01\x01"]),
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let bytes = [head.as_bytes(), &rest].concat();
        let vault = vault();
        let row = Row { record: bytes.clone(), ..seal(&vault, "value") };
        prop_assert!(open(&vault, &row).is_err());
        if let Ok(workspace_key) = WrappedWorkspaceKey::from_record(bytes) {
            let row = Row { workspace_key, ..row };
            prop_assert!(open(&vault, &row).is_err());
        }
    }

    #[test]
    fn any_moved_row_is_found(
        workspace in "[a-z]{1,8}", workflow in "[a-z]{0,8}", key in "[A-Z]{1,8}", version in 1..9_u64,
    ) {
        let vault = vault();
        let row = seal(&vault, "value");
        let scope = match workflow.as_str() {
            "" => Scope::Workspace,
            name => Scope::Workflow(name.parse().unwrap()),
        };
        let moved = Row {
            workspace: workspace.parse().unwrap(),
            scope,
            key: key.parse().unwrap(),
            version,
            ..row.clone()
        };
        let stayed = moved.workspace == row.workspace && moved.scope == row.scope
            && moved.key == row.key && moved.version == row.version;
        prop_assert_eq!(open(&vault, &moved).is_ok(), stayed);
    }
}

#[test]
fn each_bit_of_a_record_counts() {
    let vault = vault();
    let row = seal(&vault, "value");
    for bit in 0..row.record.len() * 8 {
        let mut altered = row.clone();
        altered.record[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&vault, &altered).is_err(), "bit {bit}");
    }
    assert_eq!(open(&vault, &row).unwrap(), "value");
}

#[test]
fn each_bit_of_a_wrapped_key_counts() {
    let kek = || Kek::new(key_material(7));
    let vault = Vault::new(Keyring::new(kek()));
    let row = seal(&vault, "value");
    let record = row.workspace_key.record().to_vec();
    for bit in 0..record.len() * 8 {
        let mut altered = record.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let Ok(workspace_key) = WrappedWorkspaceKey::from_record(altered) else {
            continue;
        };
        // Another vault, which has not unwrapped the true one before.
        let vault = Arc::new(Vault::new(Keyring::new(kek())));
        let altered = Row {
            workspace_key,
            ..row.clone()
        };
        assert!(open(&vault, &altered).is_err(), "bit {bit}");
    }
    let vault = Arc::new(Vault::new(Keyring::new(kek())));
    assert_eq!(open(&vault, &row).unwrap(), "value");
}

fn key_material(byte: u8) -> lockstep_secret::KeyMaterial {
    let filled = lockstep_secret::KeyMaterial::try_fill(|bytes| {
        bytes.fill(byte);
        Ok::<_, ()>(())
    });
    filled.unwrap()
}

#[test]
fn each_part_of_a_place_counts() {
    let vault = vault();
    let row = seal(&vault, "value");
    let moves: [fn(&mut Row); 5] = [
        |row| row.workspace = "globex".parse().unwrap(),
        |row| row.scope = Scope::Workspace,
        |row| row.scope = Scope::Workflow("weekly".parse().unwrap()),
        |row| row.key = "OTHER".parse().unwrap(),
        |row| row.version = 4,
    ];
    for (index, change) in moves.iter().enumerate() {
        let mut moved = row.clone();
        change(&mut moved);
        assert!(is_mismatch(&open(&vault, &moved)), "move {index}");
    }
    assert_eq!(open(&vault, &row).unwrap(), "value");
}

#[test]
fn the_key_of_another_workspace_opens_nothing() {
    let vault = vault();
    let row = seal(&vault, "value");
    let theirs = vault.create_workspace_key(&permit("globex")).unwrap();
    // Their key in our row: its name is not the one that the credential names.
    let swapped = Row {
        workspace_key: theirs.clone(),
        ..row.clone()
    };
    assert!(is_mismatch(&open(&vault, &swapped)));
    // Our whole row under their name: the key is not wrapped for them.
    let moved = Row {
        workspace: "globex".parse().unwrap(),
        ..row
    };
    assert!(is_mismatch(&open(&vault, &moved)));
}

#[test]
fn another_key_of_the_same_workspace_is_named() {
    let vault = vault();
    let row = seal(&vault, "value");
    let other = vault.create_workspace_key(&permit("acme")).unwrap();
    let swapped = Row {
        workspace_key: other.clone(),
        ..row.clone()
    };
    match open(&vault, &swapped) {
        Err(OpenError::UnknownWorkspaceKey { found, held }) => {
            assert_eq!((found, held), (row.workspace_key.id(), other.id()));
        }
        result => panic!("{result:?}"),
    }
}

#[test]
fn a_key_that_is_not_on_the_ring_is_named() {
    let row = seal(&vault(), "value");
    let needed = row.workspace_key.kek();
    let other = vault();
    let held = other.ring().unwrap().primary().id();
    let error = open(&other, &row).unwrap_err();
    assert!(matches!(error, OpenError::UnknownKek { kek, .. } if kek == needed));
    assert_eq!(
        error.to_string(),
        format!("key `{needed}` is not on the ring: it holds `{held}`")
    );
}

#[test]
fn an_old_primary_opens_what_it_wrapped() {
    let old = || Kek::new(key_material(1));
    let row = seal(&Vault::new(Keyring::new(old())), "value");
    let new = Keyring::new(Kek::generate().unwrap());
    let both = Arc::new(Vault::new(new.and_for_opening(old())));
    assert_eq!(open(&both, &row).unwrap(), "value");
    let made = both.create_workspace_key(&permit("acme")).unwrap();
    assert_ne!(made.kek(), old().id());
}

fn check_record(change: impl FnOnce(&mut Vec<u8>), expected: &RecordError) {
    let vault = vault();
    let mut row = seal(&vault, "value");
    change(&mut row.record);
    match open(&vault, &row) {
        Err(OpenError::Record(error)) => assert_eq!(&error, expected),
        result => panic!("{result:?}"),
    }
}

#[test]
fn what_is_not_a_record_is_told_apart() {
    let record = "sealed credential";
    let magic = RecordError::Magic {
        expected: record,
        magic: "LKCR",
    };
    check_record(|record| record[0] = b'X', &magic);
    check_record(Vec::clear, &magic);
    let format = RecordError::Format { record, format: 2 };
    assert_eq!(
        format.to_string(),
        "the sealed credential has format 2, and this release reads format 1"
    );
    check_record(|record| record[4] = 2, &format);
    let algorithm = RecordError::Algorithm {
        record,
        algorithm: 9,
    };
    check_record(|record| record[5] = 9, &algorithm);
    let length = RecordError::Length {
        expected: record,
        length: 100,
    };
    check_record(|record| record.truncate(100), &length);
}

#[test]
fn a_wrapped_key_of_another_length_is_no_record() {
    let record = vault().create_workspace_key(&permit("acme")).unwrap();
    for length in [0, 3, 20, record.record().len() - 1] {
        let cut = record.record()[..length].to_vec();
        assert!(WrappedWorkspaceKey::from_record(cut).is_err(), "{length}");
    }
    let longer = [record.record(), b"x"].concat();
    assert!(matches!(
        WrappedWorkspaceKey::from_record(longer),
        Err(RecordError::Length { .. })
    ));
    let same = WrappedWorkspaceKey::from_record(record.record().to_vec());
    assert_eq!(same.unwrap(), record);
}

#[test]
fn a_value_has_1_to_65536_bytes() {
    let (vault, permit) = (vault(), permit("acme"));
    let workspace_key = vault.create_workspace_key(&permit).unwrap();
    let seal = |length: usize| {
        let (scope, key) = (Scope::Workspace, "TOKEN".parse().unwrap());
        let value = Secret::new("x".repeat(length));
        vault.seal(&permit, &workspace_key, &scope, &key, 1, &value)
    };
    assert!(matches!(seal(0), Err(SealError::Empty)));
    assert!(seal(1).is_ok());
    assert!(seal(65_536).is_ok());
    assert!(matches!(
        seal(65_537),
        Err(SealError::TooLong { length: 65_537 })
    ));
}

#[test]
fn no_debug_text_holds_a_value_or_a_key() {
    let kek = Kek::new(key_material(0xab));
    let ring = Keyring::new(kek);
    let vault = Arc::new(Vault::new(ring));
    let row = seal(&vault, "canary-5f2e");
    let sealed = SealedCredential::from_record(row.version, row.record.clone());
    open(&vault, &row).unwrap();
    let secret = Secret::new("canary-5f2e".to_owned());
    let revealed = lockstep_vault::Revealed {
        secret,
        scope: row.scope.clone(),
        version: 1,
    };
    let text = format!("{vault:?} {sealed:?} {revealed:?} {:?}", row.workspace_key);
    assert!(!text.contains("canary"), "{text}");
    assert!(!text.contains("171, 171"), "{text}");
    assert!(!text.contains("abab"), "{text}");
}
