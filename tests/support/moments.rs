//! The moments of a run, as its traces tell them: a test can act in the middle of one, on the thread of the run.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use tracing::field::{Field, Visit};
use tracing::span::Id;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Something that happened in the host on this thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment<'a> {
    /// A run was polled, and gives way: it waits for something, or has ended.
    RunPolled,
    /// This was traced.
    Traced(&'a str),
}

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

type Listener = Rc<dyn Fn(Moment<'_>)>;

/// Somebody listens on this thread, until this is dropped.
#[must_use]
pub struct Listening(PhantomData<*const ()>);

/// Tells `listener` of every moment on this thread. A host must have been made before.
pub fn listen(listener: impl Fn(Moment<'_>) + 'static) -> Listening {
    LISTENER.set(Some(Rc::new(listener)));
    Listening(PhantomData)
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENER.set(None);
    }
}

fn tell(moment: Moment<'_>) {
    let listener = LISTENER.with_borrow(Clone::clone);
    if let Some(listener) = listener {
        listener(moment);
    }
}

/// Hears the traces.
pub(crate) struct Moments;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Moments {
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if context
            .metadata(id)
            .is_some_and(|span| span.name() == "run")
        {
            tell(Moment::RunPolled);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        tell(Moment::Traced(&message.0));
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
