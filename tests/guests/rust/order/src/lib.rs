//! The step of `tests/foreign`, which other people's tools build, with the SDK of ours: what they are measured beside.

use lockstep_step::{Failure, credential};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Order {
    order: u64,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    cents: u64,
    quantity: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entered {
    order: u64,
    cents: u64,
    names: Vec<String>,
    token_length: usize,
}

#[lockstep_step::step]
fn run(Order { order, items }: Order) -> Result<Entered, Failure> {
    let token = credential("SHOP_TOKEN")?;
    println!("order {order} goes to the shop with {token}");
    if items.is_empty() {
        return Err(Failure::new(format!("order {order} with {token} is empty")));
    }
    Ok(Entered {
        order,
        cents: items.iter().map(|item| item.cents * item.quantity).sum(),
        names: items.into_iter().map(|item| item.name).collect(),
        token_length: token.chars().count(),
    })
}
