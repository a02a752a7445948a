//! The totals of an invoice, by tax rate: JSON in, JSON out, no credentials.

use std::collections::BTreeMap;

use lockstep_step::Failure;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Invoice {
    number: String,
    currency: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    quantity: u64,
    /// In the smallest unit of the currency: cents.
    unit_price: u64,
    /// In hundredths of a percent: 1900 is 19 %.
    tax_rate: u64,
}

#[derive(Serialize)]
struct Totals {
    number: String,
    currency: String,
    net: u64,
    tax: u64,
    gross: u64,
    /// The tax that each rate comes to.
    tax_by_rate: BTreeMap<u64, u64>,
}

#[lockstep_step::step]
fn run(invoice: Invoice) -> Result<Totals, Failure> {
    if invoice.lines.is_empty() {
        return Err(Failure::new(format!(
            "invoice {} has no lines",
            invoice.number
        )));
    }
    println!("invoice {}: {} lines", invoice.number, invoice.lines.len());
    totals(invoice).ok_or_else(|| Failure::new("the amounts are too large"))
}

/// Nothing when a sum does not fit its number.
fn totals(invoice: Invoice) -> Option<Totals> {
    let mut net_by_rate = BTreeMap::<u64, u64>::new();
    for line in &invoice.lines {
        let sum = net_by_rate.entry(line.tax_rate).or_default();
        *sum = sum.checked_add(line.quantity.checked_mul(line.unit_price)?)?;
    }
    // Tax is rounded once for each rate, not for each line.
    let (mut net, mut tax, mut tax_by_rate) = (0_u64, 0_u64, BTreeMap::new());
    for (rate, sum) in net_by_rate {
        let of_rate = half_up(sum.checked_mul(rate)?);
        tax_by_rate.insert(rate, of_rate);
        net = net.checked_add(sum)?;
        tax = tax.checked_add(of_rate)?;
    }
    let gross = net.checked_add(tax)?;
    Some(Totals {
        number: invoice.number,
        currency: invoice.currency,
        net,
        tax,
        gross,
        tax_by_rate,
    })
}

/// From ten-thousandths of a cent to cents.
fn half_up(amount: u64) -> u64 {
    amount / 10_000 + u64::from(amount % 10_000 >= 5_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_step::testing;
    use serde_json::json;

    #[test]
    fn tax_is_rounded_once_for_each_rate() {
        let line = json!({"quantity": 1, "unit_price": 103, "tax_rate": 1900});
        let invoice = json!({"number": "R-1", "currency": "EUR", "lines": [line, line]});
        let totals = testing::run(run, invoice).unwrap();
        assert_eq!(
            totals["tax_by_rate"],
            json!({"1900": 39}),
            "2 * 1.03 * 19 % is 0.3914"
        );
    }

    #[test]
    fn an_invoice_without_lines_is_refused() {
        let failure = testing::run(
            run,
            json!({"number": "R-2", "currency": "EUR", "lines": []}),
        )
        .unwrap_err();
        assert_eq!(failure.message(), "invoice R-2 has no lines");
    }
}
