//! The method of a request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest method, in bytes. The registered ones have at most 17.
const MAX_METHOD_BYTES: usize = 32;

/// A method of HTTP, such as `GET`. Upper and lower case differ (RFC 9110, section 9.1).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Method(String);

/// A text is no method.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a method has 1 to {MAX_METHOD_BYTES} letters, digits or any of `!#$%&'*+-.^_`|~`, as `GET` has"
)]
pub struct InvalidMethod;

impl Method {
    /// The method as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Method {
    type Err = InvalidMethod;

    fn from_str(text: &str) -> Result<Self, InvalidMethod> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if (1..=MAX_METHOD_BYTES).contains(&text.len()) && text.bytes().all(is_token) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidMethod)
        }
    }
}

impl TryFrom<String> for Method {
    type Error = InvalidMethod;

    fn try_from(text: String) -> Result<Self, InvalidMethod> {
        text.parse()
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.0
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
