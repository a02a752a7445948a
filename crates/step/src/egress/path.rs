//! Which paths of a host.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Longest pattern of a path, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 10;
/// What a compiled expression may take, in bytes.
const MAX_COMPILED_BYTES: usize = 256 << 10;

/// Paths: all below one, or those that a regular expression describes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum PathPattern {
    /// This path, and all below it: `/api` is `/api` and `/api/users`, and not `/apis`.
    Prefix(String),
    /// The whole path matches.
    Regex(Regex),
}

/// A pattern as it is written down.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Prefix(String),
    Regex(String),
}

/// Why a text is no pattern of a path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPath {
    /// A path has a slash in front.
    #[error("a path begins with `/`")]
    NoSlash,
    /// Query and fragment are not looked at.
    #[error("a path ends before `?` and `#`")]
    Query,
    /// A rule ends at it, and the path of a URL has none.
    #[error(
        "the pattern of a path has no space: a path has `%20` in its place, an expression `\\x20`"
    )]
    Space,
    /// Longer than the limit.
    #[error("the pattern of a path has {length} bytes, over the limit of {MAX_PATTERN_BYTES}")]
    TooLong {
        /// What was given, in bytes.
        length: usize,
    },
    /// Not a regular expression, or too large a one.
    #[error("{0}")]
    Regex(String),
}

impl PathPattern {
    /// All below `path`.
    ///
    /// # Errors
    /// [`InvalidPath`], if it has no slash in front, or more than a path.
    pub fn prefix(path: &str) -> Result<Self, InvalidPath> {
        check_text(path)?;
        if !path.starts_with('/') {
            return Err(InvalidPath::NoSlash);
        }
        if path.contains(['?', '#']) {
            return Err(InvalidPath::Query);
        }
        Ok(Self::Prefix(path.to_owned()))
    }

    /// Paths that `expression` (of the syntax of the crate `regex`) matches as a whole.
    ///
    /// # Errors
    /// [`InvalidPath`], if it is none, or too large.
    pub fn regex(expression: &str) -> Result<Self, InvalidPath> {
        check_text(expression)?;
        // By itself first: it must be whole, not only between the brackets that are put around it.
        compile(expression)?;
        compile(&format!("^(?:{expression})$")).map(Self::Regex)
    }

    /// Whether the path of a URL is meant.
    ///
    /// One with an encoded slash, backslash or NUL in it never is: what a server makes of it is not known.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let doubtful = ["%2f", "%5c", "%00", "%25"];
        let lower = path.to_ascii_lowercase();
        if doubtful.iter().any(|escape| lower.contains(escape)) {
            return false;
        }
        match self {
            Self::Prefix(prefix) => path.strip_prefix(prefix.as_str()).is_some_and(|below| {
                below.is_empty() || prefix.ends_with('/') || below.starts_with('/')
            }),
            Self::Regex(regex) => regex.is_match(path),
        }
    }

    /// The expression between what anchors it.
    fn expression(regex: &Regex) -> &str {
        let anchored = regex.as_str();
        anchored
            .strip_prefix("^(?:")
            .and_then(|rest| rest.strip_suffix(")$"))
            .unwrap_or(anchored)
    }
}

fn check_text(pattern: &str) -> Result<(), InvalidPath> {
    match pattern.len() {
        length if length > MAX_PATTERN_BYTES => Err(InvalidPath::TooLong { length }),
        _ if pattern.contains(char::is_whitespace) => Err(InvalidPath::Space),
        _ => Ok(()),
    }
}

fn compile(expression: &str) -> Result<Regex, InvalidPath> {
    RegexBuilder::new(expression)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| InvalidPath::Regex(error.to_string()))
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(one), Self::Prefix(other)) => one == other,
            (Self::Regex(one), Self::Regex(other)) => one.as_str() == other.as_str(),
            (Self::Prefix(_), Self::Regex(_)) | (Self::Regex(_), Self::Prefix(_)) => false,
        }
    }
}

impl Eq for PathPattern {}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => f.write_str(prefix),
            Self::Regex(regex) => write!(f, "~{}", Self::expression(regex)),
        }
    }
}

impl From<PathPattern> for Written {
    fn from(pattern: PathPattern) -> Self {
        match pattern {
            PathPattern::Prefix(prefix) => Self::Prefix(prefix),
            PathPattern::Regex(regex) => Self::Regex(PathPattern::expression(&regex).to_owned()),
        }
    }
}

impl TryFrom<Written> for PathPattern {
    type Error = InvalidPath;

    fn try_from(written: Written) -> Result<Self, InvalidPath> {
        match written {
            Written::Prefix(prefix) => Self::prefix(&prefix),
            Written::Regex(expression) => Self::regex(&expression),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_part_of_the_path_ends() {
        let api = PathPattern::prefix("/api").unwrap();
        for path in ["/api", "/api/", "/api/users"] {
            assert!(api.matches(path), "{path}");
        }
        for path in ["/apis", "/", "/v1/api", "/API"] {
            assert!(!api.matches(path), "{path}");
        }
        assert!(PathPattern::prefix("/").unwrap().matches("/anything"));
    }

    #[test]
    fn an_expression_matches_the_whole_path() {
        let issues = PathPattern::regex("/repos/[^/]+/issues|/user").unwrap();
        for path in ["/repos/lockstep/issues", "/user"] {
            assert!(issues.matches(path), "{path}");
        }
        for path in ["/repos/lockstep/issues/1", "/x/user", "/users"] {
            assert!(!issues.matches(path), "{path}");
        }
    }

    #[test]
    fn a_path_that_a_server_may_read_otherwise_is_not_meant() {
        let all = PathPattern::prefix("/api").unwrap();
        for path in [
            "/api/..%2fadmin",
            "/api/..%5Cadmin",
            "/api/%00",
            "/api/%252e%252e/admin",
        ] {
            assert!(!all.matches(path), "{path}");
        }
        assert!(all.matches("/api/a%20b"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(PathPattern::prefix("api"), Err(InvalidPath::NoSlash));
        assert_eq!(PathPattern::prefix("/a?b"), Err(InvalidPath::Query));
        assert_eq!(PathPattern::prefix("/a b"), Err(InvalidPath::Space));
        assert_eq!(PathPattern::regex("/a\tb"), Err(InvalidPath::Space));
        serde_json::from_str::<PathPattern>(r#"{"regex":"/a b"}"#).unwrap_err();
        assert!(PathPattern::regex(r"/a\x20b").unwrap().matches("/a b"));
        for expression in ["(", ")(", r"\w{1000}{1000}"] {
            assert!(
                matches!(PathPattern::regex(expression), Err(InvalidPath::Regex(_))),
                "{expression}"
            );
        }
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        let length = long.len();
        assert_eq!(
            PathPattern::regex(&long),
            Err(InvalidPath::TooLong { length })
        );
    }

    #[test]
    fn a_pattern_is_kept_as_it_was_written() {
        for pattern in [
            PathPattern::prefix("/api").unwrap(),
            PathPattern::regex("/a|/b").unwrap(),
        ] {
            let json = serde_json::to_string(&pattern).unwrap();
            assert_eq!(
                serde_json::from_str::<PathPattern>(&json).unwrap(),
                pattern,
                "{json}"
            );
        }
        assert_eq!(PathPattern::regex("/a|/b").unwrap().to_string(), "~/a|/b");
    }
}
