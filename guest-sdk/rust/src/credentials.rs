//! The credentials of the run.

use std::{error, fmt};

use crate::{Failure, host};

/// The code of an error for a key that the run cannot have.
const MISSING: &str = "missing_credential";
/// The code of an error for a credential whose value no step gets.
const SEALING_REQUIRED: &str = "sealing_required";

/// A credential that this run cannot have: there is none of that key, or the workflow may not use it.
/// A step cannot tell the two apart. Or it is not sealed, and its workspace gives steps no values.
///
/// `?` turns it into a [`Failure`] that names the key, and the outcome of the run is then `missing_credential`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingCredential {
    code: String,
    key: String,
    message: String,
}

/// The plaintext of a credential.
///
/// From this call on Lockstep masks the value in everything that the step writes.
/// Of a sealed credential it is a placeholder, which stands for the value in requests to the hosts that it is for.
///
/// ```
/// # lockstep_step::testing::set_credentials([("GITHUB_TOKEN", "ghp_0")]);
/// let token = lockstep_step::credential("GITHUB_TOKEN")?;
/// let header = format!("Authorization: Bearer {token}");
/// # assert_eq!(header, "Authorization: Bearer ghp_0");
/// # Ok::<(), lockstep_step::Failure>(())
/// ```
///
/// # Errors
/// The run cannot have it. Use `?` unless the step can do without:
///
/// ```
/// # use lockstep_step::credential;
/// let token = credential("GITHUB_TOKEN").ok();
/// assert_eq!(token, None);
/// ```
pub fn credential(key: &str) -> Result<String, MissingCredential> {
    host::credential(key)
}

/// Several credentials, in the order of their keys; or one failure that names all that are missing.
///
/// Call it first, so that a step which lacks a credential fails before it has done half of its work.
///
/// ```
/// # use lockstep_step::require_credentials;
/// # lockstep_step::testing::set_credentials([("API_USER", "ada"), ("API_PASSWORD", "0xff")]);
/// let [user, password] = require_credentials(&["API_USER", "API_PASSWORD"])?;
/// # assert_eq!((user.as_str(), password.as_str()), ("ada", "0xff"));
/// # Ok::<(), lockstep_step::Failure>(())
/// ```
///
/// # Errors
/// At least one is missing, or is not sealed while its workspace requires that. The failure names each of them:
///
/// ```
/// # use lockstep_step::require_credentials;
/// # lockstep_step::testing::set_credentials([("API_USER", "ada")]);
/// let failure = require_credentials(&["API_USER", "API_PASSWORD", "API_URL"]).unwrap_err();
/// assert_eq!(failure.missing_credentials(), ["API_PASSWORD", "API_URL"]);
/// ```
pub fn require_credentials<const N: usize>(keys: &[&str; N]) -> Result<[String; N], Failure> {
    let missing = missing(keys);
    if !missing.is_empty() {
        // Each is asked for, as only that tells which of them are there and must be sealed first. None is given.
        let is_not_sealed = |key: &&String| {
            let refused = credential(key).err();
            refused.is_some_and(|it| it.code() == SEALING_REQUIRED)
        };
        let not_sealed: Vec<_> = missing.iter().filter(is_not_sealed).cloned().collect();
        return Err(Failure::missing(missing, &not_sealed));
    }
    let mut values = [const { String::new() }; N];
    for (value, key) in values.iter_mut().zip(keys) {
        *value = credential(key)?;
    }
    Ok(values)
}

/// The keys that this run may use, sorted. Never a value.
pub fn keys() -> Vec<String> {
    host::keys()
}

/// Those of `keys` that this run cannot have, in the order given. Opens no value.
///
/// ```
/// # lockstep_step::testing::set_credentials([("A", "1")]);
/// assert_eq!(lockstep_step::missing(&["A", "B"]), ["B"]);
/// ```
pub fn missing(keys: &[impl AsRef<str>]) -> Vec<String> {
    host::missing(keys.iter().map(|key| key.as_ref().to_owned()).collect())
}

/// [`credential()`] for a literal key, which is recorded in the wasm file wherever the call stands:
/// also in code that no attribute of this crate covers.
///
/// ```
/// use lockstep_step::{MissingCredential, credential};
///
/// fn authorization() -> Result<String, MissingCredential> {
///     Ok(format!("Bearer {}", credential!("GITHUB_TOKEN")?))
/// }
/// # lockstep_step::testing::set_credentials([("GITHUB_TOKEN", "ghp_0")]);
/// # assert_eq!(authorization().unwrap(), "Bearer ghp_0");
/// ```
#[macro_export]
macro_rules! credential {
    ($key:literal) => {{
        #[cfg(target_family = "wasm")]
        const _: () = {
            const LINE: &str = ::core::concat!($key, "\n");
            #[unsafe(link_section = "lockstep:credential-keys")]
            #[used]
            static KEY: [u8; LINE.len()] = *LINE.as_bytes().first_chunk().unwrap();
        };
        $crate::credential($key)
    }};
}

// === impl MissingCredential ===

impl MissingCredential {
    pub(crate) fn new(code: String, key: String, message: String) -> Self {
        Self { code, key, message }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn unknown(key: &str) -> Self {
        Self::new(
            MISSING.to_owned(),
            key.to_owned(),
            format!("credential `{key}` is not available to this workflow"),
        )
    }

    /// The key that was asked for.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A stable code: `missing_credential`, or `sealing_required` for one that is there and must be sealed first.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The key, when it is for want of that credential that the step cannot go on.
    pub(crate) fn missing_key(&self) -> Option<&str> {
        [MISSING, SEALING_REQUIRED]
            .contains(&self.code.as_str())
            .then_some(&self.key)
    }
}

impl error::Error for MissingCredential {}

impl fmt::Display for MissingCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
