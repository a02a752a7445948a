//! Whole numbers of JSON, which has one kind of number: `30` may come as `30.0`.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};
use serde_json::Number;

/// Up to here, floating-point numbers have every whole number.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// A field that is a whole number from 0 on, or null: for `#[serde(deserialize_with)]`.
pub(crate) fn whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let read = number.as_u64().or_else(|| of_float(number.as_f64()?));
    let fits = read.and_then(|read| T::try_from(read).ok());
    fits.map(Some)
        .ok_or_else(|| D::Error::custom("not a whole number, or too large"))
}

fn of_float(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..=LARGEST_EXACT).contains(&number);
    // Written and read, as it is exact and a cast would have to be believed.
    let exact = number.abs();
    is_whole.then(|| format!("{exact:.0}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Option<u32>> {
        whole(&mut serde_json::Deserializer::from_str(text)).ok()
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        for (text, expected) in [
            ("30", Some(Some(30))),
            ("30.0", Some(Some(30))),
            ("3e1", Some(Some(30))),
            ("-0.0", Some(Some(0))),
            ("null", Some(None)),
            ("4294967295", Some(Some(u32::MAX))),
            ("4294967296", None),
            ("1e300", None),
            ("30.5", None),
            ("-1", None),
            ("-1.0", None),
            ("\"30\"", None),
            ("true", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
