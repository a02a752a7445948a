//! Proves that it knows its credentials without telling them: SHA-256 over a nonce and the value, in hex, for each key
//! that it is asked for; `null` for one that it does not get. Then logs `proved <keys>`.

use std::collections::BTreeMap;

use lockstep_step::{Failure, credential};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Input {
    nonce: String,
    keys: Vec<String>,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let Input { nonce, keys } = input;
    let proofs: BTreeMap<_, _> = keys
        .into_iter()
        .map(|key| {
            let proof = credential(&key).ok().map(|value| proof(&nonce, &value));
            (key, proof)
        })
        .collect();
    println!("proved {}", proofs.len());
    Ok(proofs)
}

fn proof(nonce: &str, value: &str) -> String {
    Sha256::new()
        .chain_update(nonce)
        .chain_update(value)
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
