//! How a guest that did not return an output ended: from wasmtime's errors to outcome kinds.

use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use lockstep_secret::Zeroizing;
use lockstep_step::{OutcomeKind, Phase};

use crate::egress::NoPlaceholder;
use crate::host::{Guest, Stop};
use crate::script::Malformed;

/// What is known of an ending before its text is masked.
pub(crate) struct Ending {
    pub(crate) kind: OutcomeKind,
    pub(crate) message: String,
    pub(crate) phase: Phase,
    pub(crate) started: bool,
    pub(crate) retryable: bool,
}

/// What an error of the guest's code, or of a host call in it, means.
pub(crate) enum Meaning {
    /// A command ended with exit code 0.
    Exited,
    /// The guest noticed its deadline by itself.
    TimedOut,
    /// The guest is at fault, or reached a limit.
    Ended(Ending),
    /// The host is at fault.
    HostFault(wasmtime::Error),
}

impl Ending {
    pub(crate) fn new(kind: OutcomeKind, phase: Phase, message: impl Into<String>) -> Self {
        // From making the instance on the guest's code may run; `fault` knows better of one that could not be made.
        let started = !matches!(phase, Phase::Admit | Phase::Load);
        Self {
            kind,
            message: message.into(),
            phase,
            started,
            retryable: false,
        }
    }

    /// Says of a component's failure why a request of its was denied, as its own words may not.
    pub(crate) fn with_denial(mut self, guest: &Guest) -> Self {
        if let Some(denial) = &guest.denial {
            let added = format!(" (the host denied a request: {denial})");
            let mut message = String::with_capacity(self.message.len() + added.len());
            message.push_str(&self.message);
            message.push_str(&added);
            // A guest may say a value in it.
            drop(Zeroizing::new(std::mem::replace(
                &mut self.message,
                message,
            )));
        }
        self
    }
}

/// WASI 0.2 only tells whether a command succeeded, so the number itself is lost on the way.
pub(crate) fn exited_with_failure(guest: &Guest) -> Ending {
    Ending::new(
        OutcomeKind::StepFailed,
        Phase::Run,
        "the command ended with an exit code other than 0",
    )
    .with_denial(guest)
}

/// Classifies an error that came out of wasmtime.
pub(crate) fn meaning(error: wasmtime::Error, guest: &Guest) -> Meaning {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        let message = stop.to_string();
        return match stop {
            Stop::OutputTooLarge { .. } => Meaning::Ended(Ending::new(
                OutcomeKind::OutputTooLarge,
                Phase::Output,
                message,
            )),
            Stop::TooManyKeys { .. } => {
                Meaning::Ended(Ending::new(OutcomeKind::Trap, Phase::Run, message))
            }
            Stop::NoPlaceholder(NoPlaceholder::TooMany) => {
                Meaning::Ended(Ending::new(OutcomeKind::Trap, Phase::Run, message))
            }
            Stop::Reveal { .. }
            | Stop::Mask { .. }
            | Stop::Request(_)
            | Stop::Sign(_)
            | Stop::NoPlaceholder(NoPlaceholder::NoRandomness(_)) => Meaning::HostFault(error),
        };
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return match exit.0 {
            0 => Meaning::Exited,
            _ => Meaning::Ended(exited_with_failure(guest)),
        };
    }
    if error.is::<Malformed>() {
        return Meaning::HostFault(error);
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return Meaning::TimedOut;
    }
    Meaning::Ended(fault(&error, guest))
}

/// The guest trapped, or broke the rules of the component model.
fn fault(error: &wasmtime::Error, guest: &Guest) -> Ending {
    let trap = error.downcast_ref::<Trap>();
    // Of a trap its own name; of a broken rule of the component model (a string that is not UTF-8, …) the first cause.
    let reason = trap.map_or_else(|| error.root_cause().to_string(), Trap::to_string);
    let mut ending = if guest.limiter.refused() {
        let mut message = "the step needs more memory than its limit allows".to_owned();
        // What gives up for lack of memory ends in code that nothing reaches: that says no more.
        if trap != Some(&Trap::UnreachableCodeReached) {
            message = format!("{message}: {reason}");
        }
        Ending::new(OutcomeKind::MemoryExceeded, guest.phase, message)
    } else {
        Ending::new(OutcomeKind::Trap, guest.phase, reason)
    };
    // A trap is raised by code; an instance that could not even be made had none to run.
    ending.started = guest.phase != Phase::Start || trap.is_some();
    ending
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lockstep_secret::{Masker, MaskerConfig};
    use lockstep_step::Limits;

    use super::*;
    use crate::egress::{Egress, EgressConfig, WayOut};
    use crate::host::CredentialDesk;
    use crate::tests::Held;

    #[test]
    fn an_answer_that_is_none_is_a_fault_of_the_host() {
        let masker = Masker::new(MaskerConfig::default());
        let desk = CredentialDesk::new(Arc::new(Held::default()), masker);
        let egress = Arc::new(Egress::new(EgressConfig::default(), None).unwrap());
        let way_out = WayOut::new(&egress, "test", Arc::default(), &Limits::default());
        let guest = Guest::new(desk, way_out, 1 << 20);
        let of = |error: wasmtime::Error| meaning(error.context("while it ran"), &guest);
        assert!(matches!(
            of(Malformed("it is empty").into()),
            Meaning::HostFault(_)
        ));
        assert!(matches!(
            of(Trap::UnreachableCodeReached.into()),
            Meaning::Ended(_)
        ));
    }
}
