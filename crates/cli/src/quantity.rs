//! Times and sizes on the command line: a whole number and its unit, as in `30s` and `128MiB`; and sizes for people.
//!
//! A number without a unit is refused: `--memory 128` would be guessed wrong by half of those who type it.

use std::time::Duration;

/// Milliseconds in each unit of time.
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Milliseconds in each unit of time of what lives for long.
const LONG_TIMES: [(&str, u64); 2] = [("h", 3_600_000), ("d", 86_400_000)];

/// Bytes in each unit of size.
const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Why a text is no quantity.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidQuantity {
    /// It does not begin with digits.
    #[error("it does not begin with a whole number; an example is `{example}`")]
    NoNumber {
        /// One that is right.
        example: &'static str,
    },
    /// The number stands alone.
    #[error("it has no unit; the units are {units}")]
    NoUnit {
        /// All there are.
        units: String,
    },
    /// There is no such unit.
    #[error("its unit is none of {units}")]
    UnknownUnit {
        /// All there are.
        units: String,
    },
    /// It is nothing.
    #[error("it is zero")]
    Zero,
    /// It is more than can be counted.
    #[error("it is too large")]
    TooLarge,
}

/// Parses a time, such as `30s`.
pub(crate) fn time(text: &str) -> Result<Duration, InvalidQuantity> {
    parse(text, &TIMES, "30s").map(Duration::from_millis)
}

/// Parses the time that something lives, such as `90d`.
pub(crate) fn long_time(text: &str) -> Result<Duration, InvalidQuantity> {
    parse(text, &LONG_TIMES, "90d").map(Duration::from_millis)
}

/// Parses a size in bytes, such as `128MiB`.
pub(crate) fn size(text: &str) -> Result<u64, InvalidQuantity> {
    parse(text, &SIZES, "128MiB")
}

/// A size for people: `812 B`, `1.5 KiB`, `20.0 MiB`.
pub(crate) fn in_words(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.iter().find(|(_, shift)| bytes >> shift > 0);
    let Some((name, shift)) = unit else {
        return format!("{bytes} B");
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

fn parse(text: &str, units: &[(&str, u64)], example: &'static str) -> Result<u64, InvalidQuantity> {
    let (number, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    if number.is_empty() {
        return Err(InvalidQuantity::NoNumber { example });
    }
    if unit.is_empty() {
        return Err(InvalidQuantity::NoUnit { units: list(units) });
    }
    let factor = units.iter().find(|(name, _)| *name == unit);
    let (_, factor) = factor.ok_or_else(|| InvalidQuantity::UnknownUnit { units: list(units) })?;
    let number: u64 = number.parse().map_err(|_| InvalidQuantity::TooLarge)?;
    match number.checked_mul(*factor) {
        Some(0) => Err(InvalidQuantity::Zero),
        Some(quantity) => Ok(quantity),
        None => Err(InvalidQuantity::TooLarge),
    }
}

fn list(units: &[(&str, u64)]) -> String {
    let names: Vec<String> = units.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_time(text: &str, expected: Result<u64, &str>) {
        let told = time(text).map(|time| time.as_millis());
        assert_eq!(
            told.map_err(|error| error.to_string()),
            expected.map(u128::from).map_err(str::to_owned),
            "{text}"
        );
    }

    #[track_caller]
    fn check_size(text: &str, expected: Result<u64, &str>) {
        assert_eq!(
            size(text).map_err(|error| error.to_string()),
            expected.map_err(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn a_time_is_a_whole_number_and_a_unit() {
        check_time("30s", Ok(30_000));
        check_time("250ms", Ok(250));
        check_time("2m", Ok(120_000));
        check_time("1h", Ok(3_600_000));
        check_time(
            "30",
            Err("it has no unit; the units are `ms`, `s`, `m`, `h`"),
        );
        check_time("30 s", Err("its unit is none of `ms`, `s`, `m`, `h`"));
        check_time("1.5s", Err("its unit is none of `ms`, `s`, `m`, `h`"));
        check_time(
            "-1s",
            Err("it does not begin with a whole number; an example is `30s`"),
        );
        check_time(
            "",
            Err("it does not begin with a whole number; an example is `30s`"),
        );
        check_time("0s", Err("it is zero"));
        check_time("99999999999999999999s", Err("it is too large"));
    }

    #[test]
    fn a_size_is_told_in_the_largest_unit_that_fits() {
        let told = [0, 1023, 1024, 1536, (1 << 20) - 1, 20 << 20, u64::MAX].map(in_words);
        let expected = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "1023.9 KiB",
            "20.0 MiB",
        ];
        assert_eq!(told[..6], expected);
        assert_eq!(told[6], "17179869183.9 GiB");
    }

    #[test]
    fn a_size_tells_thousands_from_powers_of_two() {
        check_size("128MiB", Ok(128 << 20));
        check_size("128MB", Ok(128_000_000));
        check_size("65536B", Ok(65_536));
        check_size("64KiB", Ok(65_536));
        let units = "`B`, `KiB`, `MiB`, `GiB`, `kB`, `MB`, `GB`";
        check_size(
            "128",
            Err(&format!("it has no unit; the units are {units}")),
        );
        check_size("128M", Err(&format!("its unit is none of {units}")));
        check_size("128mib", Err(&format!("its unit is none of {units}")));
        check_size("99999999999GiB", Err("it is too large"));
    }
}
