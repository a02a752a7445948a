//! Envelopes from the outside: what was sealed opens where it was sealed for, and nowhere else.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, Handling, Role, Scope, SealedPlace, Sealing, SealingPolicy,
    UsagePermission, WorkspaceName,
};
use lockstep_vault::{
    AdminPermit, Change, CredentialVersion, Kek, Keyring, OpenError, RecordError, RevealError,
    RunPermit, SealError, SealedCredential, SnapshotMark, Vault, WorkspaceChanges,
    WorkspaceSnapshot, WrappedWorkspaceKey,
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
    expires_at: Option<Timestamp>,
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
    seal_as(vault, value, &Handling::Reveal)
}

/// Sealed for requests to these hosts, in these places.
fn sealed(to: &[&str], places: &[SealedPlace]) -> Handling {
    let to = to.iter().map(|text| text.parse().unwrap());
    Handling::Sealed(Sealing::new(to, places.iter().copied()).unwrap())
}

fn seal_as(vault: &Vault, value: &str, handling: &Handling) -> Row {
    seal_until(vault, value, handling, None)
}

fn seal_until(vault: &Vault, value: &str, handling: &Handling, end: Option<Timestamp>) -> Row {
    let permit = permit("acme");
    let workspace_key = vault.create_workspace_key(&permit).unwrap();
    let scope = Scope::Workflow("daily".parse().unwrap());
    let key = "TOKEN".parse().unwrap();
    let value = Secret::new(value.to_owned());
    let version = CredentialVersion {
        scope: &scope,
        key: &key,
        version: 3,
        handling,
        expires_at: end,
    };
    let sealed = vault
        .seal(&permit, &workspace_key, version, &value)
        .unwrap();
    Row {
        workspace: permit.workspace().clone(),
        workspace_key,
        scope,
        key,
        version: sealed.version(),
        record: sealed.record().to_vec(),
        expires_at: sealed.expires_at(),
    }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap()
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
            sealed: SealedCredential::from_record(row.version, row.record.clone())
                .expiring(row.expires_at),
        },
    ];
    let snapshot = WorkspaceSnapshot::empty(row.workspace.clone()).apply(WorkspaceChanges {
        mark: SnapshotMark {
            workspace: 1,
            revision: 1,
        },
        from_empty: true,
        key: Some(Ok(row.workspace_key.clone())),
        sealing: SealingPolicy::Optional,
        changes,
    });
    let permit = RunPermit::check(&admin(), &row.workspace, &workflow).unwrap();
    let grants = vault
        .resolve(permit, Arc::new(snapshot), Timestamp::UNIX_EPOCH)
        .unwrap();
    match grants.open_for_host(&row.key) {
        Ok(revealed) => Ok(revealed.secret.expose().to_owned()),
        Err(RevealError::Open { source, .. }) => Err(source),
        Err(RevealError::Denied { reason, .. }) => panic!("{reason:?}"),
        Err(RevealError::Sealed { sealing, .. }) => panic!("the host opens it: {sealing:?}"),
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
    fn what_is_sealed_opens(
        value in "\\PC{1,300}", handling in handling(), end in prop::option::of(1..i64::MAX >> 12),
    ) {
        let vault = vault();
        let row = seal_until(&vault, &value, &handling, end.map(at));
        prop_assert_eq!(open(&vault, &row).unwrap(), value);
    }

    #[test]
    fn any_flipped_bit_of_a_record_is_found(
        value in "\\PC{1,300}", handling in handling(), end in prop::option::of(1..i64::MAX >> 12),
        bit in any::<prop::sample::Index>(),
    ) {
        let vault = vault();
        let mut row = seal_until(&vault, &value, &handling, end.map(at));
        let bit = bit.index(row.record.len() * 8);
        row.record[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(open(&vault, &row).is_err());
    }

    #[test]
    fn bytes_that_nobody_sealed_are_an_error(
        head in prop::sample::select(vec![
            "", "LK", "LKCR", "LKWK", "LKCR\x01\x01", "LKCR\x02\x01", "LKCR\x03\x01",
            "LKWK\x01\x01",
        ]),
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

fn handling() -> impl Strategy<Value = Handling> {
    prop::sample::select(vec![
        Handling::Reveal,
        sealed(&["api.slack.com"], &[]),
        sealed(&["a.test:8443", "*.b.test"], &SealedPlace::ALL),
    ])
}

#[test]
fn each_bit_of_a_record_counts() {
    let vault = vault();
    for handling in [Handling::Reveal, sealed(&["api.slack.com"], &[])] {
        let row = seal_until(&vault, "value", &handling, Some(at(1)));
        for bit in 0..row.record.len() * 8 {
            let mut altered = row.clone();
            altered.record[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&vault, &altered).is_err(), "bit {bit}");
        }
        assert_eq!(open(&vault, &row).unwrap(), "value");
    }
}

// === how it may be used ===

/// Where the sealing of a record begins: behind `LKCR`, format, algorithm and the name of the workspace's key.
const SEALING_AT: usize = 4 + 2 + 16;

fn told(row: &Row) -> Handling {
    let sealed = SealedCredential::from_record(row.version, row.record.clone());
    sealed.expiring(row.expires_at).head().unwrap().handling
}

/// Replaces the sealing in a record by that of another, as SQL could.
fn with_sealing_of(row: &Row, other: &Row) -> Row {
    let length = |record: &[u8]| {
        let length = [record[SEALING_AT], record[SEALING_AT + 1]];
        2 + usize::from(u16::from_be_bytes(length))
    };
    let theirs = SEALING_AT..SEALING_AT + length(&other.record);
    let ours = SEALING_AT..SEALING_AT + length(&row.record);
    let mut altered = row.clone();
    altered
        .record
        .splice(ours, other.record[theirs].iter().copied());
    altered
}

#[track_caller]
fn check_not_changed(from: &Handling, to: &Handling) {
    let vault = vault();
    let (row, other) = (seal_as(&vault, "value", from), seal_as(&vault, "other", to));
    let altered = with_sealing_of(&row, &other);
    assert_eq!(&told(&altered), to, "the record says what was to be said");
    match open(&vault, &altered) {
        Err(OpenError::Mismatch { layer }) => assert_eq!(layer, "data key"),
        result => panic!("{result:?}"),
    }
    assert_eq!(
        open(&vault, &with_sealing_of(&altered, &row)).unwrap(),
        "value"
    );
}

#[test]
fn a_sealed_credential_does_not_become_a_revealed_one() {
    check_not_changed(&sealed(&["api.slack.com"], &[]), &Handling::Reveal);
}

#[test]
fn a_revealed_credential_does_not_become_a_sealed_one() {
    check_not_changed(&Handling::Reveal, &sealed(&["evil.test"], &[]));
}

#[test]
fn a_sealed_credential_gets_no_other_hosts() {
    let ours = sealed(&["api.slack.com"], &[]);
    for theirs in [
        &["evil.test"][..],
        &["api.slack.com", "evil.test"],
        &["api.slack.com:8443"],
        &["*.slack.com"],
    ] {
        check_not_changed(&ours, &sealed(theirs, &[]));
    }
}

#[test]
fn a_sealed_credential_gets_no_other_places() {
    let ours = sealed(&["api.slack.com"], &[SealedPlace::Header]);
    let theirs = [SealedPlace::Header, SealedPlace::Body];
    check_not_changed(&ours, &sealed(&["api.slack.com"], &theirs));
    check_not_changed(&ours, &sealed(&["api.slack.com"], &[SealedPlace::Query]));
}

#[test]
fn the_value_too_is_bound_to_how_it_may_be_used() {
    // Their data key in our record opens, as both are of one place; their value then is bound to their sealing.
    let vault = vault();
    let ours = seal_as(&vault, "value", &sealed(&["api.slack.com"], &[]));
    let revealed = Row {
        record: {
            let scope = Scope::Workflow("daily".parse().unwrap());
            let version = CredentialVersion {
                scope: &scope,
                key: &ours.key,
                version: 3,
                handling: &Handling::Reveal,
                expires_at: None,
            };
            let value = Secret::new("theirs".to_owned());
            let sealed = vault.seal(&permit("acme"), &ours.workspace_key, version, &value);
            sealed.unwrap().record().to_vec()
        },
        ..ours.clone()
    };
    let mut mixed = revealed.clone();
    let value_at = |record: &[u8], value: &str| record.len() - value.len() - 60;
    let (from, to) = (
        value_at(&ours.record, "value"),
        value_at(&mixed.record, "theirs"),
    );
    mixed.record.truncate(to);
    mixed.record.extend_from_slice(&ours.record[from..]);
    match open(&vault, &mixed) {
        Err(OpenError::Mismatch { layer }) => assert_eq!(layer, "value"),
        result => panic!("{result:?}"),
    }
    assert_eq!(open(&vault, &revealed).unwrap(), "theirs");
}

#[test]
fn a_record_tells_how_it_may_be_used_without_being_opened() {
    let vault = vault();
    for handling in [
        Handling::Reveal,
        sealed(&["api.slack.com"], &[]),
        sealed(&["a.test:8443", "*.b.test"], &SealedPlace::ALL),
    ] {
        assert_eq!(told(&seal_as(&vault, "value", &handling)), handling);
    }
}

// === until when it may be used ===

#[test]
fn an_end_that_was_moved_beside_its_record_keeps_the_value_shut() {
    let vault = vault();
    for sealed in [Some(at(5_000_000)), None] {
        let row = seal_until(&vault, "value", &Handling::Reveal, sealed);
        assert_eq!(open(&vault, &row).unwrap(), "value");
        for kept in [
            None,
            Some(at(5_000_001)),
            Some(at(-1)),
            Some(Timestamp::MAX),
        ] {
            if kept == sealed {
                continue;
            }
            let moved = Row {
                expires_at: kept,
                ..row.clone()
            };
            match open(&vault, &moved) {
                Err(OpenError::Record(error)) => {
                    assert_eq!(error, RecordError::OtherEnd { sealed, kept });
                }
                result => panic!("{result:?}"),
            }
        }
    }
}

#[test]
fn an_end_that_was_moved_is_named_as_both_say_it() {
    let vault = vault();
    let mut row = seal_until(&vault, "value", &Handling::Reveal, Some(at(0)));
    row.expires_at = None;
    assert_eq!(
        open(&vault, &row).unwrap_err().to_string(),
        "the credential was sealed to expire at 1970-01-01T00:00:00Z, and the database says never"
    );
}

#[test]
fn an_end_that_was_moved_in_its_record_too_keeps_the_value_shut() {
    let vault = vault();
    for handling in [Handling::Reveal, sealed(&["api.slack.com"], &[])] {
        let ends = [None, Some(at(5_000_000)), Some(at(9_000_000))];
        for (from, to) in ends.into_iter().flat_map(|from| ends.map(|to| (from, to))) {
            let ours = seal_until(&vault, "value", &handling, from);
            let theirs = seal_until(&vault, "other", &handling, to);
            let moved = with_terms_of(&ours, &theirs);
            match open(&vault, &moved) {
                Ok(value) => assert_eq!((value.as_str(), from), ("value", to)),
                Err(OpenError::Mismatch { layer }) => {
                    assert_eq!((layer, from == to), ("data key", false));
                }
                result => panic!("{result:?}"),
            }
        }
    }
}

#[test]
fn a_record_does_not_become_one_of_a_format_that_knows_no_ends() {
    let vault = vault();
    for (format, handling) in [(1, Handling::Reveal), (2, sealed(&["api.slack.com"], &[]))] {
        let mut row = seal_until(&vault, "value", &handling, Some(at(5)));
        let terms = terms(&row.record);
        let sealing = match format {
            1 => Vec::new(),
            _ => row.record[terms.start..terms.end - 9].to_vec(),
        };
        row.record.splice(terms, sealing);
        row.record[4] = format;
        row.expires_at = None;
        assert_eq!(told(&row), handling, "the record can be read");
        assert!(is_mismatch(&open(&vault, &row)), "format {format}");
    }
}

#[test]
fn an_end_is_as_precise_as_the_database_is() {
    let vault = vault();
    let end = Timestamp::from_nanosecond(1_790_000_000_123_456_789).unwrap();
    let row = seal_until(&vault, "value", &Handling::Reveal, Some(end));
    assert_eq!(row.expires_at, Some(at(1_790_000_000_123_456)));
    assert_eq!(open(&vault, &row).unwrap(), "value");
}

/// Where sealing and end stand in a record of format 3.
fn terms(record: &[u8]) -> std::ops::Range<usize> {
    let length = [record[SEALING_AT], record[SEALING_AT + 1]];
    let end_at = SEALING_AT + 2 + usize::from(u16::from_be_bytes(length));
    let end = end_at + if record[end_at] == 0 { 1 } else { 9 };
    SEALING_AT..end
}

/// Replaces sealing and end in a record, and the end beside it, by those of another.
fn with_terms_of(row: &Row, other: &Row) -> Row {
    let mut altered = row.clone();
    let theirs = other.record[terms(&other.record)].to_vec();
    altered.record.splice(terms(&row.record), theirs);
    altered.expires_at = other.expires_at;
    altered
}

#[test]
fn a_sealing_that_this_release_cannot_read_keeps_the_value_shut() {
    let vault = vault();
    let mut row = seal_as(&vault, "value", &sealed(&["api.slack.com"], &[]));
    // A place of a later release.
    row.record[SEALING_AT + 2] |= 16;
    let sealed = SealedCredential::from_record(row.version, row.record.clone());
    let unknown = RecordError::Sealing {
        record: "sealed credential",
    };
    assert_eq!(sealed.head(), Err(unknown.clone()));
    match open(&vault, &row) {
        Err(OpenError::Record(error)) => assert_eq!(error, unknown),
        result => panic!("{result:?}"),
    }
}

#[test]
fn a_record_of_format_1_opens_as_it_always_has_and_is_revealed() {
    let vectors = include_str!("../vectors/format-1.txt").lines();
    let mut records = vectors.filter(|line| !line.starts_with('#')).map(bytes);
    let workspace_key = WrappedWorkspaceKey::from_record(records.next().unwrap());
    let row = Row {
        workspace: "acme".parse().unwrap(),
        workspace_key: workspace_key.unwrap(),
        scope: Scope::Workflow("daily".parse().unwrap()),
        key: "TOKEN".parse().unwrap(),
        version: 3,
        record: records.next().unwrap(),
        // It stands beside the record, and nothing compares it.
        expires_at: Some(at(7)),
    };
    let vault = Arc::new(Vault::new(Keyring::new(Kek::new(key_material(7)))));
    assert_eq!(told(&row), Handling::Reveal);
    assert_eq!(open(&vault, &row).unwrap(), "format-1-value");
}

#[test]
fn a_record_of_format_2_opens_as_it_did_when_it_was_written() {
    let vectors = include_str!("../vectors/format-2.txt").lines();
    let mut records = vectors.filter(|line| !line.starts_with('#')).map(bytes);
    let workspace_key = WrappedWorkspaceKey::from_record(records.next().unwrap());
    let row = Row {
        workspace: "acme".parse().unwrap(),
        workspace_key: workspace_key.unwrap(),
        scope: Scope::Workflow("daily".parse().unwrap()),
        key: "TOKEN".parse().unwrap(),
        version: 3,
        record: records.next().unwrap(),
        expires_at: Some(at(7)),
    };
    let vault = Arc::new(Vault::new(Keyring::new(Kek::new(key_material(7)))));
    let places = [SealedPlace::Header, SealedPlace::Basic];
    assert_eq!(told(&row), sealed(&["*.b.test", "a.test:8443"], &places));
    assert_eq!(open(&vault, &row).unwrap(), "format-2-value");
}

#[test]
fn a_record_of_format_3_opens_as_it_did_when_it_was_written() {
    let vectors = include_str!("../vectors/format-3.txt").lines();
    let mut records = vectors.filter(|line| !line.starts_with('#')).map(bytes);
    let workspace_key = WrappedWorkspaceKey::from_record(records.next().unwrap()).unwrap();
    let vault = Arc::new(Vault::new(Keyring::new(Kek::new(key_material(7)))));
    let end: Timestamp = "2031-02-03T04:05:06.789012Z".parse().unwrap();
    for (handling, expires_at, value) in [
        (Handling::Reveal, None, "format-3-value"),
        (sealed(&["a.test"], &[]), Some(end), "format-3-until"),
    ] {
        let row = Row {
            workspace: "acme".parse().unwrap(),
            workspace_key: workspace_key.clone(),
            scope: Scope::Workflow("daily".parse().unwrap()),
            key: "TOKEN".parse().unwrap(),
            version: 3,
            record: records.next().unwrap(),
            expires_at,
        };
        assert_eq!(told(&row), handling);
        assert_eq!(open(&vault, &row).unwrap(), value);
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
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
    let format = RecordError::Format {
        record,
        format: 4,
        known: 3,
    };
    assert_eq!(
        format.to_string(),
        "the sealed credential has format 4, and this release reads up to format 3"
    );
    check_record(|record| record[4] = 4, &format);
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
        let version = CredentialVersion {
            scope: &Scope::Workspace,
            key: &"TOKEN".parse().unwrap(),
            version: 1,
            handling: &Handling::Reveal,
            expires_at: None,
        };
        let value = Secret::new("x".repeat(length));
        vault.seal(&permit, &workspace_key, version, &value)
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
