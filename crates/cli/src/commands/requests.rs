//! The requests of a run, for people.

use std::fmt;

use lockstep_step::{CredentialKey, Decision, RequestReceipt};

use super::show::list;
use crate::quantity::in_words;

/// A request in one line: `GET https://api.example.com: 200 after 12.345 ms, sent 0 B, received 1.5 KiB`.
pub(super) struct Line<'a>(pub(super) &'a RequestReceipt);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.0;
        let scheme = request.scheme;
        write!(
            f,
            "{} {}://{}",
            request.method,
            scheme.as_str(),
            request.host
        )?;
        if request.port != scheme.usual_port() {
            write!(f, ":{}", request.port)?;
        }
        f.write_str(": ")?;
        match (&request.decision, request.status, request.fault) {
            (Decision::Denied, _, Some(fault)) => return write!(f, "refused, {}", fault.as_str()),
            (Decision::Denied, _, None) => return f.write_str("refused"),
            (Decision::Allowed { .. }, None, None) => f.write_str("no answer")?,
            (Decision::Allowed { .. }, Some(status), None) => write!(f, "{status}")?,
            (Decision::Allowed { .. }, None, Some(fault)) => f.write_str(fault.as_str())?,
            (Decision::Allowed { .. }, Some(status), Some(fault)) => {
                write!(f, "{status}, then {}", fault.as_str())?;
            }
        }
        if let Some(total) = request.total_us {
            write!(f, " after {}", ms(total))?;
        }
        if let Some(first) = request.first_byte_us {
            write!(f, " (first byte {})", ms(first))?;
        }
        let (sent, received) = (request.sent_bytes, request.received_bytes);
        write!(
            f,
            ", sent {}, received {}",
            in_words(sent),
            in_words(received)
        )?;
        write_rule(f, &request.decision)?;
        write_credentials(f, &request.credentials)
    }
}

fn write_rule(f: &mut fmt::Formatter<'_>, decision: &Decision) -> fmt::Result {
    match decision {
        Decision::Allowed { rule: Some(number) } => write!(f, ", by rule {}", number + 1),
        Decision::Allowed { rule: None } | Decision::Denied => Ok(()),
    }
}

fn write_credentials(f: &mut fmt::Formatter<'_>, keys: &[CredentialKey]) -> fmt::Result {
    if keys.is_empty() {
        return Ok(());
    }
    write!(f, ", with {}", list(keys))
}

fn ms(us: u64) -> String {
    format!("{}.{:03} ms", us / 1_000, us % 1_000)
}

#[cfg(test)]
mod tests {
    use lockstep_secret::Masked;
    use lockstep_step::{RequestFault, Scheme};

    use super::*;

    fn request() -> RequestReceipt {
        RequestReceipt {
            method: Masked::host_text("GET"),
            scheme: Scheme::Https,
            host: Masked::host_text("api.test"),
            port: 443,
            decision: Decision::Allowed { rule: None },
            status: Some(200),
            fault: None,
            started_us: 0,
            first_byte_us: Some(1_002),
            total_us: Some(12_345),
            sent_bytes: 0,
            received_bytes: 1_536,
            credentials: Vec::new(),
        }
    }

    #[track_caller]
    fn check(request: &RequestReceipt, expected: &str) {
        assert_eq!(Line(request).to_string(), expected);
    }

    #[test]
    fn a_line_tells_what_became_of_a_request() {
        check(
            &request(),
            "GET https://api.test: 200 after 12.345 ms (first byte 1.002 ms), sent 0 B, received 1.5 KiB",
        );
        let denied = RequestReceipt {
            decision: Decision::Denied,
            fault: Some(RequestFault::EgressDenied),
            status: None,
            scheme: Scheme::Http,
            ..request()
        };
        check(&denied, "GET http://api.test:443: refused, egress_denied");
        let broken = RequestReceipt {
            fault: Some(RequestFault::Body),
            ..request()
        };
        check(
            &broken,
            "GET https://api.test: 200, then body after 12.345 ms (first byte 1.002 ms), sent 0 B, received 1.5 KiB",
        );
        let attached = RequestReceipt {
            decision: Decision::Allowed { rule: Some(0) },
            credentials: vec!["TOKEN".parse().unwrap()],
            first_byte_us: None,
            total_us: None,
            ..request()
        };
        check(
            &attached,
            "GET https://api.test: 200, sent 0 B, received 1.5 KiB, by rule 1, with TOKEN",
        );
    }
}
