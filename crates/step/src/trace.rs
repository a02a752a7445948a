//! Where a call stands in a trace, as W3C Trace Context (level 1) has it in the headers `traceparent` and `tracestate`.

use std::fmt;

/// What `tracestate` may have to be passed on, in bytes: as much as everybody has to pass on.
const MAX_STATE_BYTES: usize = 512;
/// The bytes of a `traceparent` of version 00.
const PARENT_BYTES: usize = 55;
/// The one flag that is known.
const SAMPLED: u8 = 1;

/// A place in a trace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TraceContext {
    trace: u128,
    parent: u64,
    is_sampled: bool,
    state: Option<Box<str>>,
}

impl TraceContext {
    /// The span `parent` in the trace `trace`. `None` if one of them is 0, which stands for none.
    #[must_use]
    pub fn new(trace: u128, parent: u64, is_sampled: bool) -> Option<Self> {
        (trace != 0 && parent != 0).then_some(Self {
            trace,
            parent,
            is_sampled,
            state: None,
        })
    }

    /// What the header `traceparent` says. `None` if it is not one: then there is no trace to join, and nothing is wrong.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let bytes = traceparent.as_bytes();
        let (head, rest) = bytes.split_at_checked(PARENT_BYTES)?;
        let version = u8::try_from(hex(&head[..2])?).ok()?;
        // A later version may say more, after another dash.
        let ends = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let has_dashes = [2, 35, 52].iter().all(|at| head[*at] == b'-');
        if !ends || !has_dashes {
            return None;
        }
        let trace = hex(&head[3..35])?;
        let parent = u64::try_from(hex(&head[36..52])?).ok()?;
        let flags = u8::try_from(hex(&head[53..])?).ok()?;
        Self::new(trace, parent, flags & SAMPLED != 0)
    }

    /// With what the header `tracestate` says, if that can be passed on: visible characters, 512 at most.
    #[must_use]
    pub fn with_state(self, tracestate: &str) -> Self {
        let is_fit = !tracestate.is_empty()
            && tracestate.len() <= MAX_STATE_BYTES
            && tracestate.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        Self {
            state: is_fit.then(|| tracestate.into()),
            ..self
        }
    }

    /// The same trace and its state, at another span of it.
    #[must_use]
    pub fn at(&self, parent: u64) -> Option<Self> {
        let context = Self::new(self.trace, parent, self.is_sampled)?;
        Some(Self {
            state: self.state.clone(),
            ..context
        })
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// The id of the span.
    #[must_use]
    pub fn parent(&self) -> u64 {
        self.parent
    }

    /// Whether whoever is above has kept it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// What `tracestate` is to say.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// What `traceparent` is to say.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.parent)
    }
}

/// Hexadecimal digits in lower case, 32 at most.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written_as_it_was() {
        let context = TraceContext::parse(PARENT).unwrap();
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), PARENT);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_this_one_knows_it() {
        let later = PARENT.replacen("00", "cc", 1);
        for traceparent in [later.clone(), format!("{later}-what-comes")] {
            let context = TraceContext::parse(&traceparent).unwrap();
            assert_eq!(context.to_string(), PARENT, "{traceparent}");
        }
        assert_eq!(TraceContext::parse(&format!("{later}what-comes")), None);
    }

    #[test]
    fn an_unknown_flag_is_not_passed_on() {
        let context = TraceContext::parse(&PARENT.replace("-01", "-fe")).unwrap();
        assert!(!context.is_sampled());
        assert!(context.to_string().ends_with("-00"));
    }

    #[test]
    fn what_is_no_traceparent_joins_no_trace() {
        let wrong = [
            String::new(),
            PARENT[..54].to_owned(),
            format!("{PARENT}-00"),
            PARENT.to_uppercase(),
            PARENT.replacen("00", "ff", 1),
            PARENT.replace('-', "_"),
            PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            PARENT.replace("b7ad", "b7ä"),
        ];
        for traceparent in wrong {
            assert_eq!(TraceContext::parse(&traceparent), None, "{traceparent}");
        }
    }

    #[test]
    fn a_tracestate_is_passed_on_up_to_its_limit_and_with_nothing_that_breaks_a_header() {
        let with = |state: &str| {
            let context = TraceContext::parse(PARENT).unwrap().with_state(state);
            context.at(1).unwrap().state().map(str::to_owned)
        };
        assert_eq!(with("a=1, b=2"), Some("a=1, b=2".to_owned()));
        assert_eq!(with(&"a".repeat(512)), Some("a".repeat(512)));
        assert_eq!(with(&"a".repeat(513)), None);
        assert_eq!(with("a=1\r\nHost: x"), None);
        assert_eq!(with(""), None);
    }
}
