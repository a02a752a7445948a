//! The name that somebody may have meant.

use strsim::normalized_damerau_levenshtein;

/// Below this, two names have less than half of their letters in common.
const LEAST_LIKENESS: f64 = 0.5;

/// The name of `names` that is most like `asked`, if any is like it.
pub(crate) fn nearest(asked: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    let likeness =
        |name: &String| normalized_damerau_levenshtein(&asked.to_lowercase(), &name.to_lowercase());
    names
        .into_iter()
        .map(|name| (likeness(&name), name))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &str, expected: Option<&str>) {
        let names = ["default", "production", "SLACK_BOT_TOKEN"].map(str::to_owned);
        assert_eq!(nearest(asked, names).as_deref(), expected, "{asked}");
    }

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        check("defualt", Some("default"));
        check("slack_bot_tokne", Some("SLACK_BOT_TOKEN"));
        check("prod", None);
        check("zzz", None);
    }
}
