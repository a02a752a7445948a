//! The rules of a workflow: to where it narrows what the operator allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    Destination, HostPattern, InvalidDestination, InvalidMethod, InvalidPath, Method, PathPattern,
};

/// Rules that a workflow may have. Each request is held against each of them.
pub const MAX_RULES: usize = 100;

/// Where the requests of a workflow may go. The operator must allow them, too.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowEgress {
    /// Wherever the operator allows.
    #[default]
    All,
    /// Only where one of these rules allows. None: nowhere.
    Only(Vec<EgressRule>),
}

/// Requests that a workflow may make.
///
/// As text: `[METHOD,.. ][http://]HOST[:PORT][/PATH | ~EXPRESSION]`, such as `GET,POST api.example.com/v1`,
/// `*.example.com:8443` or `GET api.example.com~/repos/[^/]+/issues`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// `https`, or `http` where the rule says so.
    #[serde(default)]
    pub scheme: Scheme,
    /// The hosts, and their port.
    pub to: Destination,
    /// The methods; none: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// The paths. `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathPattern>,
}

/// How a request travels.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Over TLS.
    #[default]
    Https,
    /// In the clear.
    Http,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct RequestTarget<'a> {
    /// How it travels.
    pub scheme: Scheme,
    /// As for [`HostPattern::matches`].
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The method.
    pub method: &'a str,
    /// The path of the URL, without query.
    pub path: &'a str,
}

/// Why a text is no rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRule {
    /// More than methods and a target.
    #[error(
        "a rule is `[METHOD,.. ][http://]HOST[:PORT][/PATH or ~EXPRESSION]`, such as `GET,POST api.example.com/v1`"
    )]
    Form,
    /// In its host or port.
    #[error(transparent)]
    To(#[from] InvalidDestination),
    /// In its methods.
    #[error(transparent)]
    Method(#[from] InvalidMethod),
    /// In its path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
}

impl Scheme {
    /// Its port where none is named.
    #[must_use]
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// As it stands in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl WorkflowEgress {
    /// Whether a request may be made as far as the workflow goes, and the number of the rule that says so, from 0 on.
    ///
    /// # Errors
    /// [`NoRule`], if none of the rules allows it.
    pub fn decide(&self, target: RequestTarget<'_>) -> Result<Option<usize>, NoRule> {
        match self {
            Self::All => Ok(None),
            Self::Only(rules) => match rules.iter().position(|rule| rule.allows(target)) {
                Some(number) => Ok(Some(number)),
                None => Err(NoRule),
            },
        }
    }
}

/// No rule of the workflow allows the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no rule of the workflow allows it")]
pub struct NoRule;

impl EgressRule {
    /// Whether a request is one that this rule speaks of.
    #[must_use]
    pub fn allows(&self, target: RequestTarget<'_>) -> bool {
        self.scheme == target.scheme
            && self
                .to
                .matches(target.host, target.port, target.scheme.usual_port())
            && (self.methods.is_empty()
                || self.methods.iter().any(|it| it.as_str() == target.method))
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.matches(target.path))
    }

    /// The hosts that it allows.
    #[must_use]
    pub fn host(&self) -> &HostPattern {
        &self.to.host
    }
}

impl FromStr for EgressRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let (methods, target) = match text.trim().split_once(' ') {
            Some((methods, target)) => (Some(methods), target.trim_start()),
            None => (None, text.trim()),
        };
        if target.is_empty() || target.contains(char::is_whitespace) {
            return Err(InvalidRule::Form);
        }
        let methods = methods.map_or(Ok(Vec::new()), |methods| {
            methods.split(',').map(str::parse).collect()
        })?;
        let (scheme, rest) = if let Some(rest) = target.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            let rest = target.strip_prefix("https://").unwrap_or(target);
            (Scheme::Https, rest)
        };
        let (to, path) = match rest.find(['/', '~']) {
            Some(at) if rest[at..].starts_with('/') => {
                (&rest[..at], Some(PathPattern::prefix(&rest[at..])?))
            }
            Some(at) => (&rest[..at], Some(PathPattern::regex(&rest[at + 1..])?)),
            None => (rest, None),
        };
        Ok(Self {
            scheme,
            to: to.parse()?,
            methods,
            path,
        })
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if at == 0 { "" } else { "," })?;
        }
        if !self.methods.is_empty() {
            f.write_str(" ")?;
        }
        if self.scheme == Scheme::Http {
            f.write_str("http://")?;
        }
        write!(f, "{}", self.to)?;
        self.path
            .as_ref()
            .map_or(Ok(()), |path| write!(f, "{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> EgressRule {
        text.parse().unwrap()
    }

    fn target<'a>(method: &'a str, url: &'a str) -> RequestTarget<'a> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let scheme = if scheme == "http" {
            Scheme::Http
        } else {
            Scheme::Https
        };
        let at = rest.find('/').unwrap();
        let (host, path) = rest.split_at(at);
        let (host, port) = host
            .split_once(':')
            .map_or((host, scheme.usual_port()), |(host, port)| {
                (host, port.parse().unwrap())
            });
        RequestTarget {
            scheme,
            host,
            port,
            method,
            path,
        }
    }

    #[test]
    fn a_rule_allows_what_it_says_and_not_what_lies_next_to_it() {
        for (text, method, allowed, denied) in [
            (
                "api.example.com",
                "GET",
                "https://api.example.com/x",
                "https://example.com/x",
            ),
            (
                "api.example.com",
                "GET",
                "https://api.example.com/x",
                "http://api.example.com/x",
            ),
            (
                "api.example.com",
                "GET",
                "https://api.example.com/x",
                "https://api.example.com:8443/x",
            ),
            (
                "a.test:8443",
                "GET",
                "https://a.test:8443/x",
                "https://a.test/x",
            ),
            (
                "http://a.test",
                "GET",
                "http://a.test/x",
                "https://a.test/x",
            ),
            (
                "*.a.test",
                "GET",
                "https://x.y.a.test/x",
                "https://a.test/x",
            ),
            (
                "a.test/v1",
                "GET",
                "https://a.test/v1/x",
                "https://a.test/v2/x",
            ),
            (
                "a.test~/v[12]",
                "GET",
                "https://a.test/v2",
                "https://a.test/v3",
            ),
        ] {
            assert!(
                rule(text).allows(target(method, allowed)),
                "{text}: {allowed}"
            );
            assert!(
                !rule(text).allows(target(method, denied)),
                "{text}: {denied}"
            );
        }
        let reads = rule("GET,HEAD a.test");
        assert!(reads.allows(target("HEAD", "https://a.test/")));
        assert!(!reads.allows(target("POST", "https://a.test/")));
        assert!(!reads.allows(target("get", "https://a.test/")));
    }

    #[test]
    fn the_first_rule_that_allows_decides_and_none_denies() {
        let egress = WorkflowEgress::Only(vec![rule("a.test/v1"), rule("a.test")]);
        assert_eq!(
            egress.decide(target("GET", "https://a.test/v1/x")),
            Ok(Some(0))
        );
        assert_eq!(
            egress.decide(target("GET", "https://a.test/v2")),
            Ok(Some(1))
        );
        assert_eq!(egress.decide(target("GET", "https://b.test/")), Err(NoRule));
        let nothing = WorkflowEgress::Only(Vec::new());
        assert_eq!(
            nothing.decide(target("GET", "https://a.test/")),
            Err(NoRule)
        );
        assert_eq!(
            WorkflowEgress::All.decide(target("GET", "https://a.test/")),
            Ok(None)
        );
    }

    #[test]
    fn a_rule_reads_as_it_is_written_in_text_and_in_json() {
        for text in [
            "a.test",
            "GET a.test:8443/v1",
            "GET,POST http://*.a.test~/a|/b",
            "[::1]:8443/x",
        ] {
            assert_eq!(rule(text).to_string(), text);
            let json = serde_json::to_string(&rule(text)).unwrap();
            assert_eq!(
                serde_json::from_str::<EgressRule>(&json).unwrap(),
                rule(text),
                "{json}"
            );
        }
        assert_eq!(rule("https://a.test").to_string(), "a.test");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "GET a.test b",
            "G(T a.test",
            "a.test:0",
            "ftp://a.test",
            "a.test~(",
            "/v1",
            "GET,,PUT a.test",
        ] {
            assert!(text.parse::<EgressRule>().is_err(), "{text}");
        }
    }
}
