//! Needs three credentials, and says how long they are.

use std::collections::BTreeMap;

use lockstep_step::{Failure, require_credentials};

#[lockstep_step::step]
fn run(_input: serde::de::IgnoredAny) -> Result<BTreeMap<&'static str, usize>, Failure> {
    let [first, second, third] = require_credentials(&["FIRST", "SECOND", "THIRD"])?;
    println!("all are here: {first} {second} {third}");
    Ok([
        ("FIRST", first.len()),
        ("SECOND", second.len()),
        ("THIRD", third.len()),
    ]
    .into())
}
