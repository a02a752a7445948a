//! The seal of a backup: the last bytes of its file, behind the database, which SQLite does not look at.
//!
//! It says that the database is one that a host with this key has backed up. Who may send backups to a server is so let
//! into nothing that they have written into one. On the machine of the host it is not asked for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use lockstep_step::{Digest, Digesting};
use lockstep_vault::{BackupSeal, OpenError, Vault};

use crate::backup::Unsealed;

/// What is read at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// What stands before a seal.
const MAGIC: &[u8; 8] = b"LKSTSEAL";
/// What a seal takes in the file.
pub(super) const SEAL_BYTES: usize = MAGIC.len() + BackupSeal::LENGTH_BYTES;

/// The file of a backup.
pub(super) struct Parts {
    /// Length of the database.
    pub(super) database_bytes: u64,
    seal: Option<[u8; BackupSeal::LENGTH_BYTES]>,
}

impl Parts {
    pub(super) fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }
}

/// Where the database ends, and what is behind it.
pub(super) fn parts(path: &Path) -> io::Result<Parts> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let whole = Parts {
        database_bytes: bytes,
        seal: None,
    };
    let Some(database_bytes) = bytes.checked_sub(SEAL_BYTES as u64) else {
        return Ok(whole);
    };
    file.seek(SeekFrom::Start(database_bytes))?;
    let mut end = [0; SEAL_BYTES];
    file.read_exact(&mut end)?;
    let (magic, seal) = end.split_at(MAGIC.len());
    match (magic == MAGIC, seal.try_into()) {
        (true, Ok(seal)) => Ok(Parts {
            database_bytes,
            seal: Some(seal),
        }),
        _ => Ok(whole),
    }
}

/// Puts a seal behind a database, if a key is at hand. Tells whether there is one.
pub(super) fn append(path: &Path, vault: Option<&Vault>) -> io::Result<bool> {
    let Some(vault) = vault else { return Ok(false) };
    if vault.ring().is_err() {
        return Ok(false);
    }
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    let bytes = file.metadata()?.len();
    let digest = digest(&file)?;
    let Ok(seal) = vault.seal_backup(bytes, &digest) else {
        return Ok(false);
    };
    file.write_all(&[MAGIC, seal.as_bytes().as_slice()].concat())?;
    file.sync_all()?;
    Ok(true)
}

/// Takes away what is behind the database.
pub(super) fn cut(path: &Path) -> io::Result<()> {
    let database_bytes = parts(path)?.database_bytes;
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(database_bytes)
}

/// Whether a key that is at hand has sealed this file as it is.
pub(super) fn check(path: &Path, vault: Option<&Vault>) -> io::Result<Result<(), Unsealed>> {
    let parts = parts(path)?;
    let (Some(seal), Some(vault)) = (parts.seal, vault) else {
        return Ok(Err(match vault {
            Some(_) => Unsealed::NoSeal,
            None => Unsealed::NoKey,
        }));
    };
    let digest = digest(File::open(path)?.take(parts.database_bytes))?;
    Ok(
        match vault.is_backup(&seal, parts.database_bytes, &digest) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unsealed::Altered),
            Err(OpenError::UnknownKek { kek, .. } | OpenError::KeyFile { kek, .. }) => {
                Err(Unsealed::UnknownKek(kek))
            }
            Err(_) => Err(Unsealed::NoKey),
        },
    )
}

fn digest(mut content: impl Read) -> io::Result<Digest> {
    let mut digesting = Digesting::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match content.read(&mut chunk) {
            Ok(0) => return Ok(digesting.finish()),
            Ok(read) => digesting.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
