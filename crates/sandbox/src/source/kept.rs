//! A script as it is kept: a line of JSON that tells what it is, then the code, then the map, as they are.

use serde::{Deserialize, Serialize};

use lockstep_step::CredentialKey;

use super::{Form, Script};
use crate::InvalidStep;

/// What a kept script begins with: no WebAssembly, and no text that anybody would write.
const MAGIC: &[u8] = b"\0lockstep script 1\n";

#[derive(Deserialize, Serialize)]
struct Head {
    name: String,
    form: Form,
    keys: Vec<CredentialKey>,
    dynamic: bool,
    code_bytes: usize,
    map_bytes: usize,
}

impl Script {
    /// The script as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            name: self.name.clone(),
            form: self.form,
            keys: self.keys.clone(),
            dynamic: self.dynamic,
            code_bytes: self.code.len(),
            map_bytes: self.map.len(),
        };
        #[expect(clippy::expect_used, reason = "texts and numbers are JSON")]
        let head = serde_json::to_vec(&head).expect("texts and numbers are JSON");
        [MAGIC, &head, b"\n", self.code.as_bytes(), &self.map].concat()
    }

    /// Whether bytes are a kept script.
    pub(crate) fn is_script(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// The script that was kept as `bytes`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidStep> {
        Self::read(bytes)
            .ok_or_else(|| InvalidStep::new("the step was kept as a script, but is damaged"))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (head, rest) = rest.split_at_checked(memchr::memchr(b'\n', rest)?)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let (code, map) = rest.get(1..)?.split_at_checked(head.code_bytes)?;
        (map.len() == head.map_bytes).then_some(())?;
        Some(Self {
            name: head.name,
            form: head.form,
            code: String::from_utf8(code.to_vec()).ok()?,
            map: map.to_vec(),
            keys: head.keys,
            dynamic: head.dynamic,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, parse};
    use super::*;

    fn script() -> Script {
        let code = "const a: string = credential(\"A\"); return \"é\\n\" + a";
        parse("a\n.ts", Language::TypeScript, code.as_bytes()).unwrap()
    }

    #[test]
    fn a_script_is_kept_and_read_again() {
        let bytes = script().to_bytes();
        assert!(Script::is_script(&bytes));
        assert_eq!(Script::from_bytes(&bytes).unwrap(), script());
    }

    #[test]
    fn a_damaged_script_is_refused() {
        let bytes = script().to_bytes();
        for length in 0..bytes.len() {
            assert!(Script::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Script::from_bytes(&[&bytes, &b"a"[..]].concat()).is_err());
        assert!(!Script::is_script(b"\0asm\x01\0\0\0"));
    }
}
