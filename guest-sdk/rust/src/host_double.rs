//! A stand-in for the host in unit tests: see `testing`.

use std::{cell::RefCell, collections::BTreeMap};

use crate::MissingCredential;

thread_local! {
    static CREDENTIALS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn set_credentials(credentials: BTreeMap<String, String>) {
    CREDENTIALS.set(credentials);
}

pub(crate) fn credential(key: &str) -> Result<String, MissingCredential> {
    CREDENTIALS
        .with_borrow(|all| all.get(key).cloned())
        .ok_or_else(|| MissingCredential::unknown(key))
}

pub(crate) fn keys() -> Vec<String> {
    CREDENTIALS.with_borrow(|all| all.keys().cloned().collect())
}

pub(crate) fn missing(keys: Vec<String>) -> Vec<String> {
    CREDENTIALS.with_borrow(|all| {
        keys.into_iter()
            .filter(|key| !all.contains_key(key))
            .collect()
    })
}
