//! Which credential a run gets: the rules as a table, and what a run is told.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, DenialReason, Handling, Role, Scope, Sealing, SealingPolicy,
    UsagePermission, WorkflowName,
};
use lockstep_vault::{
    AdminPermit, Change, CredentialVersion, EditPermit, Grants, Kek, KeyError, Keyring, OpenError,
    RecordError, RecordPermit, RevealError, RunPermit, SealError, SealedCredential, SnapshotMark,
    Vault, ViewPermit, WorkspaceChanges, WorkspaceSnapshot, choose,
};

fn name<T: FromStr<Err: fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// When the runs of these tests start.
fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn caller(role: Role) -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role,
    }
}

fn selected(keys: &[&str]) -> UsagePermission {
    UsagePermission::Selected(keys.iter().map(|key| name(key)).collect())
}

/// A credential that nobody opens. Its version tells which one was chosen.
fn set(scope: Scope, key: &str, version: u64) -> Change {
    Change::Set {
        scope,
        key: name(key),
        sealed: SealedCredential::from_record(version, vec![]),
    }
}

fn own(key: &str, version: u64) -> Change {
    set(Scope::Workflow(name("daily")), key, version)
}

fn shared(key: &str, version: u64) -> Change {
    set(Scope::Workspace, key, version)
}

/// The same, which expires so many seconds after the run has started.
fn until(seconds: i64, change: Change) -> Change {
    let Change::Set { scope, key, sealed } = change else {
        panic!("what expires is set");
    };
    let end = now() + SignedDuration::from_secs(seconds);
    let sealed = sealed.expiring(Some(end));
    Change::Set { scope, key, sealed }
}

fn may_use(permission: UsagePermission) -> Change {
    Change::Permission {
        workflow: name("daily"),
        permission,
    }
}

fn changes(revision: i64, changes: Vec<Change>) -> WorkspaceChanges {
    WorkspaceChanges {
        mark: SnapshotMark {
            workspace: 1,
            revision,
        },
        from_empty: false,
        key: None,
        sealing: SealingPolicy::Optional,
        changes,
    }
}

fn snapshot(content: Vec<Change>) -> WorkspaceSnapshot {
    WorkspaceSnapshot::empty(name("acme")).apply(changes(1, content))
}

fn grants(snapshot: WorkspaceSnapshot) -> Grants {
    let vault = Arc::new(Vault::new(Keyring::new(Kek::generate().unwrap())));
    let permit = RunPermit::check(&caller(Role::Editor), &name("acme"), &name("daily"));
    vault
        .resolve(permit.unwrap(), Arc::new(snapshot), now())
        .unwrap()
}

/// What `daily` gets for `TOKEN`: the scope and version, or why not.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a table of values reads better than one of references"
)]
fn check(content: Vec<Change>, expected: Result<(Scope, u64), DenialReason>) {
    let snapshot = snapshot(content);
    let (workflow, key): (WorkflowName, CredentialKey) = (name("daily"), name("TOKEN"));
    let chosen = choose(&snapshot, &workflow, &key, now());
    let told = chosen.map(|chosen| (chosen.scope, chosen.sealed.version()));
    let has_it = expected.is_ok();
    assert_eq!(told, expected);
    assert_eq!(grants(snapshot).missing([&key]).is_empty(), has_it);
}

#[test]
fn the_rules_in_their_order() {
    use DenialReason::{Expired, NotFound, NotPermitted};
    let daily = || Scope::Workflow(name("daily"));
    let all = || may_use(UsagePermission::All);
    let lists_it = || may_use(selected(&["TOKEN", "OTHER"]));
    let lists_another = || may_use(selected(&["OTHER"]));

    check(vec![all()], Err(NotFound));
    check(vec![all(), shared("TOKEN", 1)], Ok((Scope::Workspace, 1)));
    check(vec![all(), own("TOKEN", 2)], Ok((daily(), 2)));
    check(
        vec![all(), shared("TOKEN", 1), own("TOKEN", 2)],
        Ok((daily(), 2)),
    );

    check(vec![lists_it()], Err(NotFound));
    check(
        vec![lists_it(), shared("TOKEN", 1)],
        Ok((Scope::Workspace, 1)),
    );
    check(vec![lists_it(), own("TOKEN", 2)], Ok((daily(), 2)));
    check(
        vec![lists_it(), shared("TOKEN", 1), own("TOKEN", 2)],
        Ok((daily(), 2)),
    );

    // A key that is not listed is not permitted, whether it is there or not.
    check(vec![lists_another()], Err(NotPermitted));
    check(vec![lists_another(), shared("TOKEN", 1)], Err(NotPermitted));
    check(vec![lists_another(), own("TOKEN", 2)], Err(NotPermitted));
    check(
        vec![may_use(selected(&[])), own("TOKEN", 2)],
        Err(NotPermitted),
    );

    // Neither the workflow next door nor a key of other case counts.
    let next_door = Scope::Workflow(name("weekly"));
    check(vec![all(), set(next_door, "TOKEN", 3)], Err(NotFound));
    check(vec![all(), shared("Token", 1)], Err(NotFound));
    check(
        vec![may_use(selected(&["Token"])), shared("TOKEN", 1)],
        Err(NotPermitted),
    );

    // What expires is good for runs that start before.
    check(
        vec![all(), until(1, shared("TOKEN", 1))],
        Ok((Scope::Workspace, 1)),
    );
    check(vec![all(), until(0, shared("TOKEN", 1))], Err(Expired));
    check(vec![all(), until(-1, own("TOKEN", 2))], Err(Expired));
    check(
        vec![lists_another(), until(-1, shared("TOKEN", 1))],
        Err(NotPermitted),
    );
    // An override that has expired does not give way, and stands before one that has.
    check(
        vec![all(), shared("TOKEN", 1), until(-1, own("TOKEN", 2))],
        Err(Expired),
    );
    check(
        vec![all(), until(-1, shared("TOKEN", 1)), own("TOKEN", 2)],
        Ok((daily(), 2)),
    );

    // A workflow that is not there uses nothing.
    check(vec![shared("TOKEN", 1)], Err(NotPermitted));
    let removed = Change::WorkflowRemoved {
        workflow: name("daily"),
    };
    check(vec![all(), shared("TOKEN", 1), removed], Err(NotPermitted));
}

#[test]
fn keys_are_those_that_are_not_denied_and_sorted() {
    let told = |permission| {
        let content = vec![shared("C", 1), own("A", 1), shared("A", 1), shared("B", 1)];
        let grants = grants(snapshot(content).apply(changes(2, vec![may_use(permission)])));
        let keys = grants.keys();
        keys.into_iter().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(told(UsagePermission::All), ["A", "B", "C"]);
    assert_eq!(told(selected(&["B", "A", "LATER"])), ["A", "B"]);
    assert_eq!(told(selected(&[])), [""; 0]);
}

#[test]
fn missing_are_those_that_are_denied_in_their_order() {
    let content = vec![
        may_use(selected(&["A", "B"])),
        shared("A", 1),
        shared("C", 1),
    ];
    let grants = grants(snapshot(content));
    let asked: [CredentialKey; 4] = ["C", "A", "D", "B"].map(name);
    let told: Vec<&str> = grants
        .missing(&asked)
        .iter()
        .map(|key| key.as_str())
        .collect();
    assert_eq!(told, ["C", "D", "B"]);
}

/// A workspace in which `daily` may use a sealed credential and a revealed one, `SEALED` and `REVEALED`, and its own
/// `OVERRIDDEN` is revealed while the workspace's is sealed.
fn of_both_kinds(policy: SealingPolicy) -> Grants {
    of_both_kinds_altered(policy, |sealed| sealed)
}

/// The same, of which somebody altered what is kept beside the records.
fn of_both_kinds_altered(
    policy: SealingPolicy,
    alter: impl Fn(SealedCredential) -> SealedCredential,
) -> Grants {
    let vault = Arc::new(Vault::new(Keyring::new(Kek::generate().unwrap())));
    let admin = AdminPermit::check(&caller(Role::Admin), &name("acme")).unwrap();
    let workspace_key = vault.create_workspace_key(&admin).unwrap();
    let set = |scope: Scope, key: &str, handling: &Handling| {
        let key: CredentialKey = name(key);
        let version = CredentialVersion {
            scope: &scope,
            key: &key,
            version: 1,
            handling,
            expires_at: None,
        };
        let value = Secret::new("value".to_owned());
        let sealed = vault.seal(&admin, &workspace_key, version, &value).unwrap();
        let sealed = alter(sealed);
        Change::Set { scope, key, sealed }
    };
    let content = vec![
        may_use(UsagePermission::All),
        set(Scope::Workspace, "SEALED", &to_slack()),
        set(Scope::Workspace, "REVEALED", &Handling::Reveal),
        set(Scope::Workspace, "OVERRIDDEN", &to_slack()),
        set(
            Scope::Workflow(name("daily")),
            "OVERRIDDEN",
            &Handling::Reveal,
        ),
    ];
    let snapshot = WorkspaceSnapshot::empty(name("acme")).apply(WorkspaceChanges {
        key: Some(Ok(workspace_key)),
        sealing: policy,
        ..changes(1, content)
    });
    let permit = RunPermit::check(&caller(Role::Editor), &name("acme"), &name("daily")).unwrap();
    vault.resolve(permit, Arc::new(snapshot), now()).unwrap()
}

fn to_slack() -> Handling {
    Handling::Sealed(Sealing::new([name("api.slack.com")], []).unwrap())
}

#[test]
fn what_is_sealed_is_opened_for_the_host_and_never_revealed() {
    let grants = of_both_kinds(SealingPolicy::Optional);
    assert_eq!(grants.check(&name("SEALED")), Ok(to_slack()));
    assert_eq!(grants.check(&name("REVEALED")), Ok(Handling::Reveal));
    assert_eq!(grants.check(&name("OVERRIDDEN")), Ok(Handling::Reveal));
    for key in ["REVEALED", "OVERRIDDEN"] {
        assert_eq!(grants.reveal(&name(key)).unwrap().secret.len(), 5, "{key}");
    }
    let revealed = grants.reveal(&name("SEALED"));
    assert!(
        matches!(revealed, Err(RevealError::Sealed { .. })),
        "{revealed:?}"
    );
    for key in ["SEALED", "REVEALED", "OVERRIDDEN"] {
        assert_eq!(
            grants.open_for_host(&name(key)).unwrap().secret.len(),
            5,
            "{key}"
        );
    }
}

#[test]
fn where_sealing_is_required_what_is_not_sealed_is_denied() {
    let grants = of_both_kinds(SealingPolicy::Required);
    assert_eq!(grants.check(&name("SEALED")), Ok(to_slack()));
    assert_eq!(
        grants.open_for_host(&name("SEALED")).unwrap().secret.len(),
        5
    );
    for key in ["REVEALED", "OVERRIDDEN"] {
        let key = name(key);
        assert_eq!(grants.check(&key), Err(DenialReason::NotSealed), "{key}");
        assert!(matches!(
            grants.reveal(&key),
            Err(RevealError::Denied {
                reason: DenialReason::NotSealed,
                ..
            })
        ));
    }
    assert_eq!(grants.keys(), [name::<CredentialKey>("SEALED")]);
    let reason = grants.check(&name("ABSENT"));
    assert_eq!(reason, Err(DenialReason::NotFound));
}

#[test]
fn a_record_that_cannot_be_read_is_a_fault_of_the_host_and_no_denial() {
    let snapshot = WorkspaceSnapshot::empty(name("acme")).apply(WorkspaceChanges {
        sealing: SealingPolicy::Required,
        ..changes(1, vec![may_use(UsagePermission::All), shared("TOKEN", 1)])
    });
    let revealed = grants(snapshot).reveal(&name("TOKEN"));
    assert!(
        matches!(revealed, Err(RevealError::Open { .. })),
        "{revealed:?}"
    );
}

#[test]
fn a_snapshot_does_not_change_with_the_next() {
    let first = snapshot(vec![shared("TOKEN", 1), shared("GONE", 1)]);
    let gone = Change::Deleted {
        scope: Scope::Workspace,
        key: name("GONE"),
    };
    let second = first.apply(changes(2, vec![shared("TOKEN", 2), gone]));
    let version = |snapshot: &WorkspaceSnapshot, key| {
        let sealed = snapshot.in_workspace(&name(key));
        sealed.map(SealedCredential::version)
    };
    assert_eq!(version(&first, "TOKEN"), Some(1));
    assert_eq!(version(&first, "GONE"), Some(1));
    assert_eq!(version(&second, "TOKEN"), Some(2));
    assert_eq!(version(&second, "GONE"), None);
    assert_eq!(second.mark().map(|mark| mark.revision), Some(2));

    let anew = WorkspaceChanges {
        from_empty: true,
        ..changes(3, vec![])
    };
    assert_eq!(version(&second.apply(anew), "TOKEN"), None);
}

#[test]
fn a_permit_is_for_its_workspace() {
    let vault = Arc::new(Vault::new(Keyring::new(Kek::generate().unwrap())));
    let theirs = RunPermit::check(&caller(Role::Admin), &name("globex"), &name("daily"));
    let error = vault
        .resolve(theirs.unwrap(), Arc::new(snapshot(vec![])), now())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the permit is for workspace `globex`, not for `acme`"
    );
}

#[test]
fn roles_have_the_permits_of_the_table() {
    let (workspace, workflow) = (name("acme"), name("daily"));
    let permits = |role| {
        let caller = caller(role);
        [
            AdminPermit::check(&caller, &workspace).is_ok(),
            EditPermit::check(&caller, &workspace).is_ok(),
            RunPermit::check(&caller, &workspace, &workflow).is_ok(),
            ViewPermit::check(&caller, &workspace).is_ok(),
            RecordPermit::check(&caller, &workspace).is_ok(),
        ]
    };
    assert_eq!(permits(Role::Admin), [true, true, true, true, true]);
    assert_eq!(permits(Role::Editor), [false, true, true, true, true]);
    assert_eq!(permits(Role::Runner), [false, false, true, false, true]);
    assert_eq!(permits(Role::Viewer), [false, false, false, true, true]);
    let error = RunPermit::check(&caller(Role::Viewer), &workspace, &workflow).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`test:alice` may not run steps in workspace `acme`"
    );
}

#[test]
fn a_locked_vault_opens_nothing_and_still_denies() {
    let vault = Arc::new(Vault::locked(KeyError::Empty));
    let content = vec![may_use(UsagePermission::All), shared("TOKEN", 1)];
    let other = Vault::new(Keyring::new(Kek::generate().unwrap()));
    let admin = AdminPermit::check(&caller(Role::Admin), &name("acme")).unwrap();
    let workspace_key = other.create_workspace_key(&admin).unwrap();
    let snapshot = WorkspaceSnapshot::empty(name("acme")).apply(WorkspaceChanges {
        key: Some(Ok(workspace_key.clone())),
        ..changes(1, content)
    });
    let permit = RunPermit::check(&caller(Role::Editor), &name("acme"), &name("daily")).unwrap();
    let grants = vault.resolve(permit, Arc::new(snapshot), now()).unwrap();
    assert!(matches!(
        grants.reveal(&name("TOKEN")),
        Err(RevealError::Open { source: OpenError::Locked(reason), .. })
            if matches!(*reason, KeyError::Empty)
    ));
    assert!(matches!(
        grants.reveal(&name("OTHER")),
        Err(RevealError::Denied {
            reason: DenialReason::NotFound,
            ..
        })
    ));
    let version = CredentialVersion {
        scope: &Scope::Workspace,
        key: &name("TOKEN"),
        version: 1,
        handling: &Handling::Reveal,
        expires_at: None,
    };
    let value = Secret::new("value".to_owned());
    let sealed = vault.seal(&admin, &workspace_key, version, &value);
    assert!(matches!(
        sealed,
        Err(SealError::WorkspaceKey(OpenError::Locked(_)))
    ));
}

#[test]
fn an_end_that_somebody_moved_is_an_error_of_the_host_and_no_denial() {
    for moved in [now() - SignedDuration::from_secs(1), Timestamp::MAX] {
        let alter = |sealed: SealedCredential| sealed.expiring(Some(moved));
        let grants = of_both_kinds_altered(SealingPolicy::Optional, alter);
        for revealed in [
            grants.reveal(&name("REVEALED")),
            grants.open_for_host(&name("SEALED")),
        ] {
            match revealed {
                Err(RevealError::Open {
                    source: OpenError::Record(RecordError::OtherEnd { sealed, kept }),
                    ..
                }) => assert_eq!((sealed, kept), (None, Some(moved))),
                other => panic!("{other:?}"),
            }
        }
    }
}
