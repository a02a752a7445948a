//! Rotation: the ring in its file, and the keys of workspaces under one key-encryption key after another.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use lockstep_secret::Secret;
use lockstep_step::{Caller, CredentialKey, Handling, Role, Scope, SealingPolicy, UsagePermission};
use lockstep_vault::{
    AdminPermit, Change, CredentialVersion, IfAbsent, Kek, KekId, KeyError, KeyPermit, Keyring,
    MAX_RING_KEYS, OpenError, RevealError, RewrapError, RunPermit, SealError, SealedCredential,
    SnapshotMark, Vault, WorkspaceChanges, WorkspaceSnapshot, WrappedWorkspaceKey, open_key_file,
};

/// A key file with one key, and a data directory beside it.
struct Place {
    directory: TempDir,
    data: PathBuf,
    key: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let (data, key) = (directory.path().join("data"), directory.path().join("key"));
        fs::create_dir(&data).unwrap();
        let place = Self {
            directory,
            data,
            key,
        };
        open_key_file(&place.key, &place.data, IfAbsent::Create).unwrap();
        place
    }

    fn ring(&self) -> Keyring {
        open_key_file(&self.key, &self.data, IfAbsent::Refuse).unwrap()
    }

    fn ids(&self) -> Vec<KekId> {
        self.ring().ids()
    }

    /// A vault as another process has one.
    fn vault(&self) -> Arc<Vault> {
        Arc::new(Vault::new(self.ring()))
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn admin() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

fn keys() -> KeyPermit {
    KeyPermit::check(&admin()).unwrap()
}

fn acme() -> AdminPermit {
    AdminPermit::check(&admin(), &"acme".parse().unwrap()).unwrap()
}

fn token() -> CredentialKey {
    "TOKEN".parse().unwrap()
}

/// A value in a workspace that has a new key.
fn seal(vault: &Vault, value: &str) -> (WrappedWorkspaceKey, SealedCredential) {
    let key = vault.create_workspace_key(&acme()).unwrap();
    let value = Secret::new(value.to_owned());
    let version = CredentialVersion {
        scope: &Scope::Workspace,
        key: &token(),
        version: 1,
        handling: &Handling::Reveal,
        expires_at: None,
    };
    let sealed = vault.seal(&acme(), &key, version, &value).unwrap();
    (key, sealed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "made-up values are compared in plaintext"
)]
fn open(
    vault: &Arc<Vault>,
    key: &WrappedWorkspaceKey,
    sealed: &SealedCredential,
) -> Result<String, OpenError> {
    let workflow = "daily".parse().unwrap();
    let changes = vec![
        Change::Permission {
            workflow: "daily".parse().unwrap(),
            permission: UsagePermission::All,
        },
        Change::Set {
            scope: Scope::Workspace,
            key: token(),
            sealed: sealed.clone(),
        },
    ];
    let acme = acme();
    let snapshot = WorkspaceSnapshot::empty(acme.workspace().clone()).apply(WorkspaceChanges {
        mark: SnapshotMark {
            workspace: 1,
            revision: 1,
        },
        from_empty: true,
        key: Some(Ok(key.clone())),
        sealing: SealingPolicy::Optional,
        changes,
    });
    let permit = RunPermit::check(&admin(), acme.workspace(), &workflow).unwrap();
    match vault
        .resolve(permit, Arc::new(snapshot), Timestamp::UNIX_EPOCH)
        .unwrap()
        .reveal(&token())
    {
        Ok(revealed) => Ok(revealed.secret.expose().to_owned()),
        Err(RevealError::Open { source, .. }) => Err(source),
        Err(RevealError::Denied { reason, .. }) => panic!("{reason:?}"),
        Err(RevealError::Sealed { sealing, .. }) => panic!("{sealing:?}"),
    }
}

fn rewrap(vault: &Vault, key: &WrappedWorkspaceKey) -> Result<WrappedWorkspaceKey, RewrapError> {
    let rewrapper = vault.rewrapper(&keys()).unwrap();
    rewrapper.rewrap(acme().workspace(), key)
}

// The key file.

#[test]
fn a_new_key_goes_before_the_others() {
    let place = Place::new();
    let vault = place.vault();
    let first = place.ids();
    let second = vault.rotate(&keys()).unwrap().primary().id();
    let third = vault.rotate(&keys()).unwrap();
    assert_eq!(third.ids(), [third.primary().id(), second, first[0]]);
    assert_eq!(place.ids(), third.ids());
    assert_eq!(place.files(), ["data", "key"], "no draft is left");
}

#[test]
fn whoever_reads_while_the_file_is_changed_reads_a_whole_ring_with_the_first_key() {
    let place = Place::new();
    let (first, vault) = (place.ids()[0], place.vault());
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) || reads == 0 {
                assert!(place.ring().holds(first));
                reads += 1;
            }
            reads
        });
        for _ in 0..20 {
            let rotated = vault.rotate(&keys()).unwrap();
            let second = rotated.ids()[1];
            if second != first {
                vault.retire(&keys(), second).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 0);
    assert_eq!(place.ids().len(), 2);
}

#[test]
fn of_several_who_rotate_at_once_no_key_is_lost() {
    let place = Place::new();
    let first = place.ids()[0];
    let mut made: Vec<KekId> = std::thread::scope(|scope| {
        let rotating: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| place.vault().rotate(&keys()).unwrap().primary().id()))
            .collect();
        rotating
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    made.push(first);
    made.sort();
    let mut there = place.ids();
    there.sort();
    assert_eq!(there, made);
}

#[test]
fn what_one_who_was_killed_left_behind_is_no_hindrance() {
    let place = Place::new();
    let first = place.ids()[0];
    fs::write(place.directory.path().join("key.new"), "half a li").unwrap();
    let ring = place.vault().rotate(&keys()).unwrap();
    assert_eq!(place.ids(), [ring.primary().id(), first]);
    assert_eq!(place.files(), ["data", "key"]);
}

#[test]
fn a_file_that_cannot_be_replaced_stays_as_it_is() {
    let place = Place::new();
    let (before, vault) = (place.ids(), place.vault());
    // A directory in the place of the draft: nothing can be written there, whoever runs the test.
    fs::create_dir(place.directory.path().join("key.new")).unwrap();
    let error = vault.rotate(&keys()).unwrap_err();
    assert!(matches!(*error, KeyError::File { .. }), "{error}");
    assert_eq!(place.ids(), before);
    assert_eq!(vault.ring().unwrap().ids(), before);
}

#[test]
fn the_mode_and_a_link_stay_when_the_ring_changes() {
    let place = Place::new();
    let real = place.directory.path().join("mounted.key");
    fs::rename(&place.key, &real).unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o400)).unwrap();
    symlink(&real, &place.key).unwrap();
    let ring = place.vault().rotate(&keys()).unwrap();
    assert!(place.key.is_symlink());
    let mode = fs::metadata(&real).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o400);
    assert_eq!(
        open_key_file(&real, &place.data, IfAbsent::Refuse)
            .unwrap()
            .ids(),
        ring.ids()
    );
}

#[test]
fn a_ring_has_a_limit_which_retiring_makes_room_in() {
    let place = Place::new();
    let vault = place.vault();
    for _ in 1..MAX_RING_KEYS {
        vault.rotate(&keys()).unwrap();
    }
    let full = place.ids();
    assert_eq!(full.len(), MAX_RING_KEYS);
    let error = vault.rotate(&keys()).unwrap_err();
    assert!(matches!(*error, KeyError::Full), "{error}");
    assert_eq!(place.ids(), full);
    vault.retire(&keys(), full[1]).unwrap();
    vault.rotate(&keys()).unwrap();
}

#[test]
fn a_retired_key_is_off_the_file_and_the_primary_stays() {
    let place = Place::new();
    let (old, vault) = (place.ids()[0], place.vault());
    let new = vault.rotate(&keys()).unwrap().primary().id();
    let error = vault.retire(&keys(), new).unwrap_err();
    assert!(matches!(*error, KeyError::Primary { id } if id == new));
    assert_eq!(place.ids(), [new, old]);
    vault.retire(&keys(), old).unwrap();
    assert_eq!(place.ids(), [new]);
    let text = fs::read_to_string(&place.key).unwrap();
    assert!(!text.contains(&old.to_string()), "{text}");
    // Once more is no error: whoever was killed in between asks again.
    vault.retire(&keys(), old).unwrap();
}

#[test]
fn a_ring_of_text_is_rotated_into_a_new_file_only() {
    let place = Place::new();
    let text = Secret::new(fs::read_to_string(&place.key).unwrap());
    let vault = Vault::new(Keyring::parse(&text).unwrap());
    let error = vault.rotate(&keys()).unwrap_err();
    assert!(matches!(*error, KeyError::NoFile), "{error}");
    let into = |path: &str| {
        let path = place.directory.path().join(path);
        vault.rotate_into(&keys(), &path, &place.data)
    };
    assert!(matches!(*into("key").unwrap_err(), KeyError::Exists { .. }));
    assert!(matches!(
        *into("data/key").unwrap_err(),
        KeyError::NextToDatabase { .. }
    ));
    let ring = into("new.key").unwrap();
    let made = place.directory.path().join("new.key");
    assert_eq!(
        fs::metadata(&made).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(ring.ids()[1..], place.ids());
    // From now on it is the file that the vault follows.
    vault.rotate(&keys()).unwrap();
    let ring = open_key_file(&made, &place.data, IfAbsent::Refuse).unwrap();
    assert_eq!(ring.ids().len(), 3);
}

#[test]
fn only_an_admin_may_change_keys() {
    for role in [Role::Editor, Role::Viewer] {
        let caller = Caller { role, ..admin() };
        let error = KeyPermit::check(&caller).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`test:alice` may not manage key-encryption keys"
        );
    }
}

// The keys of workspaces.

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_sealed_before_opens_after_any_number_of_rotations(value in "\\PC{1,100}", rotations in 1_usize..4) {
        let place = Place::new();
        let vault = place.vault();
        let (first, sealed) = seal(&vault, &value);
        let mut key = first.clone();
        for _ in 0..rotations {
            let primary = vault.rotate(&keys()).unwrap().primary().id();
            let rewrapped = rewrap(&vault, &key).unwrap();
            prop_assert_eq!((rewrapped.kek(), rewrapped.id()), (primary, first.id()));
            prop_assert_eq!(&open(&place.vault(), &rewrapped, &sealed).unwrap(), &value);
            key = rewrapped;
        }
        // The old record opens as long as its key is on the ring, and no longer.
        prop_assert_eq!(&open(&place.vault(), &first, &sealed).unwrap(), &value);
        vault.retire(&keys(), first.kek()).unwrap();
        let is_unknown = matches!(
            open(&place.vault(), &first, &sealed),
            Err(OpenError::UnknownKek { kek, .. }) if kek == first.kek()
        );
        prop_assert!(is_unknown);
        prop_assert_eq!(&open(&place.vault(), &key, &sealed).unwrap(), &value);
    }

    #[test]
    fn a_damaged_key_of_a_workspace_is_not_wrapped_anew(bit in any::<prop::sample::Index>()) {
        let place = Place::new();
        let vault = place.vault();
        let (key, _) = seal(&vault, "value");
        vault.rotate(&keys()).unwrap();
        let mut record = key.record().to_vec();
        let bit = bit.index(record.len() * 8);
        record[bit / 8] ^= 1 << (bit % 8);
        if let Ok(damaged) = WrappedWorkspaceKey::from_record(record) {
            prop_assert!(rewrap(&vault, &damaged).is_err());
        }
        prop_assert!(rewrap(&vault, &key).is_ok());
    }
}

#[test]
fn the_key_of_another_workspace_is_not_wrapped_anew() {
    let place = Place::new();
    let vault = place.vault();
    let (key, _) = seal(&vault, "value");
    let rewrapper = vault.rewrapper(&keys()).unwrap();
    let error = rewrapper
        .rewrap(&"globex".parse().unwrap(), &key)
        .unwrap_err();
    assert!(
        matches!(error, RewrapError::Open(OpenError::Mismatch { .. })),
        "{error}"
    );
}

#[test]
fn a_rewrapper_wraps_with_one_key_though_the_ring_is_rotated() {
    let place = Place::new();
    let vault = place.vault();
    let (key, _) = seal(&vault, "value");
    let first = vault.rotate(&keys()).unwrap().primary().id();
    let rewrapper = vault.rewrapper(&keys()).unwrap();
    vault.rotate(&keys()).unwrap();
    let rewrapped = rewrapper.rewrap(acme().workspace(), &key).unwrap();
    assert_eq!((rewrapper.primary(), rewrapped.kek()), (first, first));
}

// Vaults that hold a ring while another process changes the file.

#[test]
fn a_key_that_came_to_the_file_later_is_found_when_it_is_needed() {
    let place = Place::new();
    let (holds_on, other) = (place.vault(), place.vault());
    let (key, sealed) = seal(&other, "value");
    let new = other.rotate(&keys()).unwrap().primary().id();
    let rewrapped = rewrap(&other, &key).unwrap();
    other.retire(&keys(), key.kek()).unwrap();
    assert!(!holds_on.ring().unwrap().holds(new));
    assert_eq!(open(&holds_on, &rewrapped, &sealed).unwrap(), "value");
    // A run that began before holds the old record: it opens, though the file has its key no more.
    let began_before = Arc::new(Vault::new(place.ring()));
    assert!(open(&began_before, &key, &sealed).is_err());
    assert_eq!(open(&holds_on, &key, &sealed).unwrap(), "value");
}

#[test]
fn a_new_workspace_gets_its_key_from_the_primary_of_the_file() {
    let place = Place::new();
    let (holds_on, other) = (place.vault(), place.vault());
    let new = other.rotate(&keys()).unwrap().primary().id();
    let (key, _) = seal(&holds_on, "value");
    assert_eq!(key.kek(), new);
}

#[test]
fn what_is_given_is_what_the_file_says_now() {
    let place = Place::new();
    let (holds_on, other) = (place.vault(), place.vault());
    let old = place.ids()[0];
    let new = other.rotate(&keys()).unwrap().primary().id();
    assert_eq!(holds_on.given(&keys()).unwrap().ids(), [new, old]);
    // What it rotates itself and takes off is kept for opening, and not given.
    let third = holds_on.rotate(&keys()).unwrap();
    assert_eq!(third.ids()[1..], [new, old]);
    let left = holds_on.retire(&keys(), old).unwrap();
    assert_eq!(left.ids(), [third.primary().id(), new]);
    assert_eq!(holds_on.given(&keys()).unwrap().ids(), left.ids());
    assert!(holds_on.ring().unwrap().holds(old));
    fs::remove_file(&place.key).unwrap();
    let error = holds_on.given(&keys()).unwrap_err();
    assert!(matches!(*error, KeyError::NoKeyFile { .. }), "{error}");
    let text = Vault::new(Keyring::new(Kek::generate().unwrap()));
    assert_eq!(
        text.given(&keys()).unwrap().ids(),
        text.ring().unwrap().ids()
    );
}

#[test]
fn what_is_told_elsewhere_names_no_path() {
    let place = Place::new();
    let (path, data) = (place.key.clone(), place.data.clone());
    let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    for (error, expected) in [
        (
            KeyError::NoKeyFile { path: path.clone() },
            "there is no key: the key file does not exist",
        ),
        (
            KeyError::LooseMode {
                path: path.clone(),
                mode: 0o644,
            },
            "the key file has mode 0644: group or others can use it",
        ),
        (
            KeyError::NextToDatabase {
                path: path.clone(),
                data,
            },
            "the key file is in the data directory, next to what it protects",
        ),
        (
            KeyError::File {
                path: path.clone(),
                source: denied(),
            },
            "the key file cannot be used: permission denied",
        ),
        (
            KeyError::Exists { path },
            "the new key file is there already",
        ),
        (KeyError::Empty, "the key text holds no key"),
    ] {
        assert_eq!(error.without_paths(), expected);
    }
}

#[test]
fn a_ring_of_text_does_not_follow_and_names_the_key_that_it_misses() {
    let place = Place::new();
    let text = Secret::new(fs::read_to_string(&place.key).unwrap());
    let of_text = Arc::new(Vault::new(Keyring::parse(&text).unwrap()));
    let other = place.vault();
    let (key, sealed) = seal(&other, "value");
    let new = other.rotate(&keys()).unwrap().primary().id();
    let error = open(&of_text, &rewrap(&other, &key).unwrap(), &sealed).unwrap_err();
    let held = key.kek();
    assert_eq!(
        error.to_string(),
        format!("key `{new}` is not on the ring: it holds `{held}`")
    );
    assert!(error.hint().contains("LOCKSTEP_KEY"), "{}", error.hint());
}

#[test]
fn a_file_that_was_broken_meanwhile_is_told_with_the_key_that_is_missed() {
    let place = Place::new();
    let (holds_on, other) = (place.vault(), place.vault());
    let (key, sealed) = seal(&other, "value");
    let new = other.rotate(&keys()).unwrap().primary().id();
    let rewrapped = rewrap(&other, &key).unwrap();
    fs::set_permissions(&place.key, Permissions::from_mode(0o644)).unwrap();
    let error = open(&holds_on, &rewrapped, &sealed).unwrap_err();
    assert!(
        matches!(&error, OpenError::KeyFile { kek, source } if *kek == new && matches!(**source, KeyError::LooseMode { .. })),
        "{error}"
    );
    assert_eq!(error.hint(), "run `chmod 600` on the key file");
    // What the old ring opens goes on, and nothing new is begun under it.
    assert_eq!(open(&holds_on, &key, &sealed).unwrap(), "value");
    let refused = holds_on.create_workspace_key(&acme()).unwrap_err();
    assert!(
        matches!(refused, SealError::WorkspaceKey(OpenError::Locked(_))),
        "{refused}"
    );
}

#[test]
fn no_debug_text_holds_a_key() {
    let place = Place::new();
    let vault = place.vault();
    vault.rotate(&keys()).unwrap();
    let text = format!("{vault:?} {:?}", vault.rewrapper(&keys()).unwrap());
    let file = fs::read_to_string(&place.key).unwrap();
    let digits: Vec<&str> = file
        .lines()
        .filter_map(|line| line.rsplit_once(':'))
        .map(|(_, digits)| digits)
        .filter(|digits| digits.len() == 64)
        .collect();
    assert_eq!(digits.len(), 2);
    assert!(digits.iter().all(|digits| !text.contains(digits)), "{text}");
}
