//! Key-encryption keys: as text, in files, and against what the store remembers.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use lockstep_secret::Secret;
use lockstep_vault::{IfAbsent, Kek, KekId, KeyError, Keyring, open_key_file};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn parse(text: &str) -> Result<Keyring, KeyError> {
    Keyring::parse(&Secret::new(text.to_owned()))
}

/// A directory with a data directory in it, and the text of a key file beside that.
struct Place {
    _directory: TempDir,
    data: PathBuf,
    key: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let data = directory.path().join("data");
        fs::create_dir(&data).unwrap();
        Self {
            data,
            key: directory.path().join("keys/lockstep.key"),
            _directory: directory,
        }
    }

    fn open(&self, if_absent: IfAbsent) -> Result<Keyring, KeyError> {
        open_key_file(&self.key, &self.data, if_absent)
    }

    fn make(&self) -> KekId {
        self.open(IfAbsent::Create).unwrap().primary().id()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.key).unwrap()
    }
}

/// The line of a new key, as a key file has it.
fn line() -> String {
    let place = Place::new();
    place.make();
    place.text().lines().last().unwrap().to_owned()
}

#[test]
fn a_ring_is_read_from_lines_and_the_first_is_primary() {
    let (one, two) = (line(), line());
    let ring = parse(&format!("# a comment\n\n  {one}\r\n{two}\n{one}\n")).unwrap();
    let ids: Vec<KekId> = [one, two]
        .iter()
        .map(|line| line.split(':').nth(1).unwrap().parse().unwrap())
        .collect();
    assert_eq!(ring.ids(), ids);
    assert_eq!(ring.primary().id(), ids[0]);
}

#[test]
fn hex_digits_alone_are_a_key() {
    let id = parse(HEX).unwrap().primary().id();
    assert_eq!(
        parse(&format!("{}\n", HEX.to_uppercase())).unwrap().ids(),
        [id]
    );
    assert_eq!(
        parse(&format!("lockstep-kek-1:{id}:{HEX}")).unwrap().ids(),
        [id]
    );
    assert!(matches!(parse(&HEX[1..]), Err(KeyError::Line { line: 1 })));
}

#[test]
fn what_is_not_a_key_is_told_by_its_line() {
    let line = line();
    assert!(matches!(parse(""), Err(KeyError::Empty)));
    assert!(matches!(parse("# nothing\n"), Err(KeyError::Empty)));
    for wrong in ["password", "lockstep-kek-2:k0:00", &line[..40], &line[1..]] {
        let error = parse(&format!("{line}\n{wrong}")).unwrap_err();
        assert!(matches!(error, KeyError::Line { line: 2 }), "{error}");
        assert!(!error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn a_key_with_a_changed_digit_is_named() {
    let line = line();
    let id: KekId = line.split(':').nth(1).unwrap().parse().unwrap();
    let last = line.chars().last().unwrap();
    let digit = if last == '0' { '1' } else { '0' };
    let error = parse(&format!("{}{digit}", &line[..line.len() - 1])).unwrap_err();
    assert!(matches!(error, KeyError::Damaged { named, .. } if named == id));
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}

#[test]
fn the_name_of_a_key_reads_back() {
    let id = Kek::generate().unwrap().id();
    assert_eq!(id.to_string().parse(), Ok(id));
    for wrong in [
        "",
        "k",
        "k+123456789abcdef",
        "K0123456789abcdef",
        "k0123456789ABCDEF",
        "k01234567",
    ] {
        assert!(wrong.parse::<KekId>().is_err(), "{wrong}");
    }
}

#[test]
fn a_ring_is_verified_against_what_the_store_remembers() {
    let (ours, theirs) = (Kek::generate().unwrap(), Kek::generate().unwrap());
    let (id, needed) = (ours.id(), theirs.id());
    let (check, other) = (ours.check(), theirs.check());
    let ring = Keyring::new(ours);
    ring.verify([]).unwrap();
    ring.verify([&check]).unwrap();
    let error = ring.verify([&other]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "credentials are sealed under key `{needed}`, which is not on the ring: it holds `{id}`"
        )
    );
    // What is sealed under the key that is there opens, so only the rest stops.
    ring.verify([&check, &other]).unwrap();
    let mut altered = check;
    altered.check[31] ^= 1;
    let error = ring.verify([&altered]).unwrap_err();
    assert!(matches!(error, KeyError::Check { id: named } if named == id));
    ring.and_for_opening(theirs)
        .verify([&check, &other])
        .unwrap();
}

#[test]
fn a_key_file_is_made_once_and_for_its_owner_alone() {
    let place = Place::new();
    assert!(matches!(
        place.open(IfAbsent::Refuse),
        Err(KeyError::NoKeyFile { path }) if path == place.key
    ));
    let id = place.make();
    let mode = fs::metadata(&place.key).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let folder = place.key.parent().unwrap();
    assert_eq!(
        fs::metadata(folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "no draft is left");
    let text = place.text();
    assert_eq!(place.make(), id);
    assert_eq!(place.open(IfAbsent::Refuse).unwrap().ids(), [id]);
    assert_eq!(place.text(), text);
}

#[test]
fn of_many_who_make_the_file_all_have_the_same_key() {
    let place = Place::new();
    let ids: Vec<KekId> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| place.make())).collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap())
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_key_file_that_others_can_use_is_refused() {
    let place = Place::new();
    place.make();
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&place.key, Permissions::from_mode(mode)).unwrap();
        let error = place.open(IfAbsent::Create).unwrap_err();
        assert!(matches!(error, KeyError::LooseMode { mode: told, .. } if told == mode));
        assert!(
            error.to_string().contains(&format!("mode 0{mode:o}")),
            "{error}"
        );
        assert_eq!(error.hint(), "run `chmod 600` on the key file");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&place.key, Permissions::from_mode(mode)).unwrap();
        place.open(IfAbsent::Refuse).unwrap();
    }
}

#[test]
fn a_key_file_in_the_data_directory_is_refused() {
    let mut place = Place::new();
    place.make();
    let outside = place.key.clone();
    let is_refused = |place: &Place| {
        let opened = place.open(IfAbsent::Create);
        matches!(opened, Err(KeyError::NextToDatabase { .. }))
    };
    place.key = place.data.join("lockstep.key");
    assert!(is_refused(&place));
    place.key = place.data.join("sub/../lockstep.key");
    assert!(is_refused(&place));
    assert_eq!(
        fs::read_dir(&place.data).unwrap().count(),
        0,
        "nothing was made"
    );

    // Through a link into it, and through a link out of it.
    let real = place.data.join("real.key");
    fs::copy(&outside, &real).unwrap();
    place.key = place.data.with_file_name("link.key");
    symlink(&real, &place.key).unwrap();
    assert!(is_refused(&place));
    place.key = place.data.join("link.key");
    symlink(&outside, &place.key).unwrap();
    assert!(is_refused(&place));
    // A directory whose name only begins the same is another one.
    place.key = place.data.with_file_name("data-keys").join("lockstep.key");
    assert!(!is_refused(&place));
}

#[test]
fn what_is_no_key_file_is_refused() {
    let place = Place::new();
    fs::create_dir_all(&place.key).unwrap();
    fs::set_permissions(&place.key, Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(
        place.open(IfAbsent::Create),
        Err(KeyError::File { .. })
    ));
    fs::remove_dir(&place.key).unwrap();
    let write = |content: &[u8]| {
        fs::write(&place.key, content).unwrap();
        fs::set_permissions(&place.key, Permissions::from_mode(0o600)).unwrap();
        place.open(IfAbsent::Create).unwrap_err()
    };
    assert!(matches!(write(&[b'x'; 70_000]), KeyError::File { .. }));
    assert!(matches!(write(&[0xff; 70]), KeyError::File { .. }));
    // An empty file is not taken for an absent one.
    assert!(matches!(write(b""), KeyError::Empty));
}
