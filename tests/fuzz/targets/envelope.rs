//! Records of the vault: any bytes, and sealed records that were altered or moved. And the text of keys.
//!
//! The records are read a second time here, by `docs/envelope.md` of the vault alone.

#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::{Result, Unstructured};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

use lockstep_secret::{KeyMaterial, Secret};
use lockstep_step::{
    Caller, CredentialKey, Handling, Role, Scope, SealedPlace, Sealing, SealingPolicy,
    UsagePermission, WorkspaceName,
};
use lockstep_vault::{
    AdminPermit, Change, CredentialVersion, Kek, KekId, KeyPermit, Keyring, OpenError, RecordError,
    RevealError, RunPermit, SealedCredential, SnapshotMark, Vault, WorkspaceChanges,
    WorkspaceSnapshot, WrappedWorkspaceKey,
};

/// What follows is not a record, but how to alter sealed ones.
const ALTERED: &[u8] = b"altered:";

fuzz_target!(|data: &[u8]| {
    if let Some(data) = data.strip_prefix(ALTERED) {
        if let Ok(row) = altered(&mut Unstructured::new(data)) {
            check_row(&row);
        }
        return;
    }
    check_workspace_key(data);
    for original in [&*ORIGINAL, &*SEALED] {
        check_row(&Row {
            record: data.to_vec(),
            ..original.clone()
        });
    }
    check_row(&Row {
        workspace_key: data.to_vec(),
        ..ORIGINAL.clone()
    });
    if let Ok(text) = std::str::from_utf8(data) {
        check_key_text(text);
    }
});

const VALUE: &str = "zQ7canary-of-the-envelope";
const HEAD_BYTES: usize = 4 + 2;
const KEK_ID_BYTES: usize = 8;
const WORKSPACE_KEY_ID_BYTES: usize = 16;
const WRAPPED_KEY_BYTES: usize = 32 + LAYER_BYTES;
const LAYER_BYTES: usize = 32 + 12 + 16;
const MOST_EDITS: u8 = 6;
const END: Timestamp = Timestamp::constant(1_930_000_000, 0);
const THEIR_END: Timestamp = Timestamp::constant(1_940_000_000, 0);

/// A credential and the key of its workspace, as a database has them.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    workspace: WorkspaceName,
    workspace_key: Vec<u8>,
    scope: Scope,
    key: CredentialKey,
    version: u64,
    record: Vec<u8>,
    expires_at: Option<Timestamp>,
}

static ORIGINAL: LazyLock<Row> = LazyLock::new(|| seal("acme", None, &Handling::Reveal, None));
/// The same place and the same key of the workspace, for requests alone, and until a while from now.
static SEALED: LazyLock<Row> = LazyLock::new(|| {
    let to = ["api.slack.com", "*.b.test:8443"].map(parsed);
    let sealing = Sealing::new(to, [SealedPlace::Header, SealedPlace::Body]);
    let handling = Handling::Sealed(sealing.expect("two hosts"));
    seal("acme", Some(&ORIGINAL.workspace_key), &handling, Some(END))
});
/// What an attacker who has a workspace of his own would take parts from.
static THEIRS: LazyLock<Row> = LazyLock::new(|| {
    let sealing = Sealing::new([parsed("evil.test")], []).expect("a host");
    seal("globex", None, &Handling::Sealed(sealing), Some(THEIR_END))
});

/// An altered row does not open, and the error is the first that the documentation would give.
fn check_row(row: &Row) {
    let opened = open(row);
    check_head(row);
    check_rewrapped(row);
    if [&*ORIGINAL, &*SEALED, &*THEIRS].contains(&row) {
        assert_eq!(opened.ok().as_deref(), Some(VALUE));
        return;
    }
    let Some(error) = opened.err() else {
        panic!("it opens: {row:?}")
    };
    let workspace_key = read_workspace_key(&row.workspace_key);
    let credential = read_credential(&row.record);
    match &error {
        // The first layer.
        OpenError::UnknownKek { kek, .. } => {
            let (named, _) = workspace_key.expect("a record that names a key is one");
            assert!(named != kek_id() && *kek.to_string() == format!("k{named:016x}"));
        }
        OpenError::Record(RecordError::OtherEnd { sealed, kept }) => {
            let said = credential.expect("a record that says an end is one").end;
            assert_eq!((said, *kept), (Some(*sealed), row.expires_at));
            assert_ne!(sealed, kept);
        }
        OpenError::Record(_) => {
            assert!(
                workspace_key.is_none() || credential.is_none(),
                "{error}: {row:?}"
            );
        }
        OpenError::UnknownWorkspaceKey { found, held } => {
            let (_, key) = workspace_key.expect("its key was unwrapped");
            let named = credential.expect("it names a key").workspace_key;
            assert_ne!(named, key);
            assert_eq!(found.to_string(), format!("w{named:032x}"));
            assert_eq!(held.to_string(), format!("w{key:032x}"));
        }
        OpenError::Mismatch { .. } => {
            let (kek, _) = workspace_key.expect("a record");
            assert_eq!(kek, kek_id());
        }
        OpenError::Locked(_) | OpenError::KeyFile { .. } | OpenError::NoWorkspaceKey => {
            panic!("{error}")
        }
    }
    assert!(!format!("{error} {error:?}").contains(VALUE));
}

/// What a sealed record tells without a key is what stands in it.
fn check_head(row: &Row) {
    let sealed = SealedCredential::from_record(1, row.record.clone());
    let head = sealed.expiring(row.expires_at).head();
    let told = head.ok().map(|head| {
        let sealing = head.handling.sealing().map(|sealing| {
            let to = sealing.destinations().map(ToString::to_string);
            let places = sealing.places().map(SealedPlace::as_str);
            (to.collect::<Vec<_>>(), places.collect::<Vec<_>>())
        });
        let id = head.workspace_key.to_string();
        (id, head.value_bytes, sealing, head.binds_end)
    });
    let is_kept = |read: &CredentialRead| read.end.is_none_or(|end| end == row.expires_at);
    let read = read_credential(&row.record).filter(is_kept).map(|read| {
        let id = format!("w{:032x}", read.workspace_key);
        (id, read.value_bytes, read.sealing, read.end.is_some())
    });
    assert_eq!(told, read);
}

/// The key of a workspace is wrapped anew where it was made, and nowhere else.
fn check_rewrapped(row: &Row) {
    let Ok(workspace_key) = WrappedWorkspaceKey::from_record(row.workspace_key.clone()) else {
        return;
    };
    let permit = KeyPermit::check(&admin()).expect("alice is an admin");
    let rewrapper = vault().rewrapper(&permit).expect("the keys are at hand");
    let rewrapped = rewrapper.rewrap(&row.workspace, &workspace_key);
    let is_whole =
        |whole: &Row| whole.workspace == row.workspace && whole.workspace_key == row.workspace_key;
    let is_whole = is_whole(&ORIGINAL) || is_whole(&SEALED) || is_whole(&THEIRS);
    assert_eq!(rewrapped.is_ok(), is_whole, "{row:?}");
}

/// A record that is taken is given back as it was, and names the keys that stand in it.
fn check_workspace_key(bytes: &[u8]) {
    let read = read_workspace_key(bytes);
    match WrappedWorkspaceKey::from_record(bytes.to_vec()) {
        Ok(record) => {
            let (kek, id) = read.expect("the documentation calls it a record");
            assert_eq!(record.record(), bytes);
            assert_eq!(record.kek().to_string(), format!("k{kek:016x}"));
            assert_eq!(record.id().to_string(), format!("w{id:032x}"));
        }
        Err(error) => assert!(read.is_none(), "{error}: {bytes:?}"),
    }
}

fn check_key_text(text: &str) {
    if let Ok(id) = text.parse::<KekId>() {
        assert_eq!(id.to_string(), text);
    }
    match Keyring::parse(&Secret::new(text.to_owned())) {
        Ok(ring) => assert!(ring.ids().contains(&ring.primary().id())),
        Err(error) => {
            // Digits of keys are not repeated; the names of keys may be.
            let message = format!("{error} {error:?}");
            let digits = text
                .split(|c: char| !c.is_ascii_hexdigit())
                .filter(|word| word.len() > 16);
            for word in digits {
                assert!(!message.contains(word), "{message}");
            }
        }
    }
}

// === the documentation ===

/// The key-encryption key and the name of the workspace's key.
fn read_workspace_key(bytes: &[u8]) -> Option<(u64, u128)> {
    let length = HEAD_BYTES + KEK_ID_BYTES + WORKSPACE_KEY_ID_BYTES + WRAPPED_KEY_BYTES;
    let rest = bytes.strip_prefix(b"LKWK\x01\x01")?;
    if bytes.len() != length {
        return None;
    }
    let (kek, rest) = rest.split_first_chunk()?;
    Some((
        u64::from_be_bytes(*kek),
        u128::from_be_bytes(*rest.first_chunk()?),
    ))
}

/// What a record of a credential says.
struct CredentialRead {
    workspace_key: u128,
    value_bytes: usize,
    sealing: Option<SealingRead>,
    /// What is said of the end, if anything is.
    end: Option<Option<Timestamp>>,
}

/// Destinations and places.
type SealingRead = (Vec<String>, Vec<&'static str>);

fn read_credential(bytes: &[u8]) -> Option<CredentialRead> {
    let (&[format, algorithm], rest) = bytes.strip_prefix(b"LKCR")?.split_first_chunk()?;
    if !(1..=3).contains(&format) || algorithm != 1 {
        return None;
    }
    let (workspace_key, mut layers) = rest.split_first_chunk()?;
    let (mut sealing, mut end) = (None, None);
    if format > 1 {
        let (length, rest) = layers.split_first_chunk()?;
        let (written, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        if format == 2 || !written.is_empty() {
            sealing = Some(read_sealing(written)?);
        }
        layers = rest;
    }
    if format == 3 {
        let (said, rest) = read_end(layers)?;
        (end, layers) = (Some(said), rest);
    }
    Some(CredentialRead {
        workspace_key: u128::from_be_bytes(*workspace_key),
        value_bytes: layers.len().checked_sub(WRAPPED_KEY_BYTES + LAYER_BYTES)?,
        sealing,
        end,
    })
}

fn read_end(bytes: &[u8]) -> Option<(Option<Timestamp>, &[u8])> {
    match bytes.split_first()? {
        (0, rest) => Some((None, rest)),
        (1, rest) => {
            let (micros, rest) = rest.split_first_chunk()?;
            let end = Timestamp::from_microsecond(i64::from_be_bytes(*micros));
            Some((Some(end.ok()?), rest))
        }
        _ => None,
    }
}

fn read_sealing(bytes: &[u8]) -> Option<SealingRead> {
    let (&[places, count], mut rest) = bytes.split_first_chunk()?;
    let mut destinations = Vec::new();
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk()?;
        let (text, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
        destinations.push(destination(std::str::from_utf8(text).ok()?)?);
        rest = behind;
    }
    let is_well = rest.is_empty()
        && (1..16).contains(&places)
        && (1..=32).contains(&count)
        && destinations.is_sorted_by(|one, next| one < next);
    let words = [(1, "header"), (2, "query"), (4, "basic"), (8, "body")];
    let places = words.iter().filter(|(bit, _)| places & bit != 0);
    is_well.then(|| {
        let texts = destinations.into_iter().map(|it| it.text);
        (texts.collect(), places.map(|(_, word)| *word).collect())
    })
}

/// A destination in the order of the documentation.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct DestinationRead {
    name: String,
    is_wildcard: bool,
    port: Option<u16>,
    text: String,
}

fn destination(text: &str) -> Option<DestinationRead> {
    // What a host may be is told by the crate `step` and tested there; how it is written and ordered is ours.
    let read: lockstep_step::Destination = text.parse().ok()?;
    if read.to_string() != text {
        return None;
    }
    let host = read.host.to_string();
    let wildcard = host.strip_prefix("*.");
    if wildcard.is_some_and(|name| !name.contains('.')) {
        return None;
    }
    Some(DestinationRead {
        name: wildcard.unwrap_or(&host).to_owned(),
        is_wildcard: wildcard.is_some(),
        port: read.port.map(u16::from),
        text: text.to_owned(),
    })
}

// === alterations ===

fn altered(bytes: &mut Unstructured<'_>) -> Result<Row> {
    let mut row = match bytes.int_in_range(0..=3)? {
        0 => THEIRS.clone(),
        1 => ORIGINAL.clone(),
        _ => SEALED.clone(),
    };
    for _ in 0..bytes.int_in_range(1..=MOST_EDITS)? {
        alter(&mut row, bytes)?;
    }
    Ok(row)
}

fn alter(row: &mut Row, bytes: &mut Unstructured<'_>) -> Result<()> {
    match bytes.int_in_range(0..=11)? {
        0 => row.workspace = parsed(bytes.choose(&["acme", "globex", "acm", "ACME"])?),
        1 => row.scope = Scope::Workspace,
        2 => row.scope = Scope::Workflow(parsed(bytes.choose(&["daily", "weekly", "acme"])?)),
        3 => row.key = parsed(bytes.choose(&["TOKEN", "token", "OTHER"])?),
        4 => row.version = bytes.arbitrary()?,
        5 => row.workspace_key = THEIRS.workspace_key.clone(),
        6 => edit(&mut row.workspace_key, &THEIRS.workspace_key, bytes)?,
        // As whoever can write to the database would try to open a sealed credential.
        7 => row.record = ORIGINAL.record.clone(),
        8 => row.expires_at = *bytes.choose(&[None, Some(END), Some(THEIR_END)])?,
        _ => edit(&mut row.record, &THEIRS.record, bytes)?,
    }
    Ok(())
}

fn edit(record: &mut Vec<u8>, theirs: &[u8], bytes: &mut Unstructured<'_>) -> Result<()> {
    let at = bytes.int_in_range(0..=u8::MAX)?.into();
    let byte = bytes.arbitrary::<u8>()?;
    let kind = bytes.int_in_range(0..=5)?;
    if kind == 0 {
        record.truncate(at);
    } else if at >= record.len() {
        record.push(byte);
    } else {
        let end = record.len().min(at + usize::from(byte));
        match kind {
            1 | 2 => record[at] ^= byte,
            3 => record.insert(at, byte),
            4 => drop(record.drain(at..end)),
            // The same place of their record, if it goes that far.
            _ => {
                if let Some(theirs) = theirs.get(at..end) {
                    record[at..end].copy_from_slice(theirs);
                }
            }
        }
    }
    Ok(())
}

// === the vault ===

fn kek() -> Kek {
    let filled = KeyMaterial::try_fill(|bytes| {
        bytes.fill(7);
        Ok::<_, ()>(())
    });
    Kek::new(filled.expect("filling does not fail"))
}

fn kek_id() -> u64 {
    static ID: LazyLock<u64> = LazyLock::new(|| {
        let name = kek().id().to_string();
        u64::from_str_radix(name.trim_start_matches('k'), 16).expect("`k` and 16 digits")
    });
    *ID
}

/// Without a cache that another row has filled.
fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(Keyring::new(kek())))
}

fn admin() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().expect("the name is fixed")
}

/// Under this key of the workspace, or a new one.
fn seal(
    workspace: &str,
    key: Option<&[u8]>,
    handling: &Handling,
    expires_at: Option<Timestamp>,
) -> Row {
    let vault = vault();
    let permit = AdminPermit::check(&admin(), &parsed(workspace)).expect("alice is an admin");
    let workspace_key = match key {
        Some(record) => WrappedWorkspaceKey::from_record(record.to_vec()).expect("a record"),
        None => vault.create_workspace_key(&permit).expect("a key"),
    };
    let scope = Scope::Workflow(parsed("daily"));
    let key = parsed("TOKEN");
    let value = Secret::new(VALUE.to_owned());
    let version = CredentialVersion {
        scope: &scope,
        key: &key,
        version: 3,
        handling,
        expires_at,
    };
    let sealed = vault
        .seal(&permit, &workspace_key, version, &value)
        .expect("a record");
    Row {
        workspace: permit.workspace().clone(),
        workspace_key: workspace_key.record().to_vec(),
        scope,
        key,
        version: sealed.version(),
        record: sealed.record().to_vec(),
        expires_at: sealed.expires_at(),
    }
}

/// Opens a row as a run would.
#[expect(
    clippy::disallowed_methods,
    reason = "a made-up value is compared in plaintext"
)]
fn open(row: &Row) -> std::result::Result<String, OpenError> {
    let workflow = match &row.scope {
        Scope::Workspace => parsed("daily"),
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
    let workspace_key = WrappedWorkspaceKey::from_record(row.workspace_key.clone())?;
    let snapshot = WorkspaceSnapshot::empty(row.workspace.clone()).apply(WorkspaceChanges {
        mark: SnapshotMark {
            workspace: 1,
            revision: 1,
        },
        from_empty: true,
        key: Some(Ok(workspace_key)),
        sealing: SealingPolicy::Optional,
        changes,
    });
    let permit = RunPermit::check(&admin(), &row.workspace, &workflow).expect("alice is an admin");
    let grants = vault()
        // It starts before anything here expires.
        .resolve(permit, Arc::new(snapshot), Default::default())
        .expect("the same workspace");
    match grants.open_for_host(&row.key) {
        Ok(revealed) => Ok(revealed.secret.expose().to_owned()),
        Err(RevealError::Open { source, .. }) => Err(source),
        Err(error @ (RevealError::Denied { .. } | RevealError::Sealed { .. })) => panic!("{error}"),
    }
}
