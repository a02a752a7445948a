//! The tasks of hyper's client: its connections, and what it does beside them.
//!
//! A request is handed to the task of a connection, which is woken to send it. A runtime polls that task when whoever made the
//! request waits, and until then a guest may do other things for long. So a connection that is woken by a request is polled
//! at once by who makes it: the request has left before the guest goes on. Whatever wakes it later wakes its task.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use hyper::rt::Executor;

/// How often what a request has woken is polled for it.
const MAX_POLLS: usize = 8;

/// What the client has to have done.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

thread_local! {
    /// What a request has woken on this thread so far. `None`: none is being polled.
    static WOKEN: RefCell<Option<Vec<Arc<Spawned>>>> = const { RefCell::new(None) };
}

/// Spawns what a client of hyper does beside its requests.
#[derive(Clone)]
pub(super) struct Spawner;

/// Something that is done by a task, and at times by who needs it done.
struct Spawned {
    /// `None`: it is done.
    work: Mutex<Option<Work>>,
    task: AtomicWaker,
}

/// While a request is polled, and what it has woken. A panic ends it, too: nobody would poll what is woken after that. It has
/// what the request woke around which this one is polled, if there is such.
struct Listening(Option<Vec<Arc<Spawned>>>);

/// A request, which polls what it wakes.
pub(super) async fn at_once<T>(request: impl Future<Output = T>) -> T {
    let mut request = pin!(request);
    poll_fn(|context| {
        let listening = Listening::begin();
        let polled = request.as_mut().poll(context);
        listening.poll_woken();
        polled
    })
    .await
}

impl Executor<Work> for Spawner {
    fn execute(&self, work: Work) {
        let spawned = Arc::new(Spawned {
            work: Mutex::new(Some(work)),
            task: AtomicWaker::new(),
        });
        drop(tokio::spawn(poll_fn(move |context| {
            spawned.task.register(context.waker());
            spawned.poll(spawned.lock())
        })));
    }
}

// === impl Listening ===

impl Listening {
    fn begin() -> Self {
        Self(WOKEN.replace(Some(Vec::new())))
    }

    /// Polls what was woken, and what that wakes in turn: of HTTP/2 one task hands a request to another. What goes on for
    /// longer is left to its task.
    fn poll_woken(self) {
        for _ in 0..MAX_POLLS {
            let Some(spawned) = WOKEN.with_borrow_mut(|woken| woken.as_mut()?.pop()) else {
                return;
            };
            spawned.poll_here();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let woken = WOKEN.replace(self.0.take());
        for spawned in woken.into_iter().flatten() {
            spawned.task.wake();
        }
    }
}

// === impl Spawned ===

impl Spawned {
    fn lock(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(self: &Arc<Self>, mut work: MutexGuard<'_, Option<Work>>) -> Poll<()> {
        let waker = Waker::from(Arc::clone(self));
        let polled = match work.as_mut() {
            Some(work) => work.as_mut().poll(&mut Context::from_waker(&waker)),
            None => Poll::Ready(()),
        };
        if polled.is_ready() {
            *work = None;
        }
        polled
    }

    /// Polls it in place of its task, unless that is doing so.
    fn poll_here(self: Arc<Self>) {
        let is_done = match self.work.try_lock() {
            Ok(work) => self.poll(work).is_ready(),
            Err(TryLockError::Poisoned(work)) => self.poll(work.into_inner()).is_ready(),
            // It may have looked already for what it was woken for.
            Err(TryLockError::WouldBlock) => true,
        };
        if is_done {
            self.task.wake();
        }
    }
}

impl Wake for Spawned {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let is_by_request = WOKEN.with_borrow_mut(|woken| {
            woken.as_mut().is_some_and(|woken| {
                woken.push(Arc::clone(self));
                true
            })
        });
        if !is_by_request {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::panic::AssertUnwindSafe;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::task::yield_now;

    use super::*;

    /// A connection that counts what it is told, and how often it was polled.
    struct Connection {
        told: UnboundedSender<()>,
        heard: Arc<AtomicUsize>,
        polls: Arc<AtomicUsize>,
    }

    impl Connection {
        /// One whose task has been polled, and waits.
        async fn spawned() -> Self {
            let (told, mut hears) = unbounded_channel();
            let (heard, polls) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
            let (hears_of, polled) = (Arc::clone(&heard), Arc::clone(&polls));
            Spawner.execute(Box::pin(poll_fn(move |context| {
                polled.fetch_add(1, Ordering::Relaxed);
                while let Poll::Ready(told) = hears.poll_recv(context) {
                    if told.is_none() {
                        return Poll::Ready(());
                    }
                    hears_of.fetch_add(1, Ordering::Relaxed);
                }
                Poll::Pending
            })));
            yield_now().await;
            Self { told, heard, polls }
        }

        fn tell(&self) {
            self.told.send(()).unwrap();
        }

        fn heard(&self) -> usize {
            self.heard.load(Ordering::Relaxed)
        }

        fn polls(&self) -> usize {
            self.polls.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn what_a_request_wakes_is_polled_before_it_returns() {
        let connection = Connection::spawned().await;
        assert_eq!(connection.polls(), 1);
        at_once(async { connection.tell() }).await;
        assert_eq!((connection.heard(), connection.polls()), (1, 2));
        yield_now().await;
        assert_eq!(connection.polls(), 2, "its task had nothing to do");
    }

    #[tokio::test]
    async fn a_request_within_another_takes_nothing_from_it() {
        let (outer, inner) = (Connection::spawned().await, Connection::spawned().await);
        at_once(async {
            outer.tell();
            at_once(async { inner.tell() }).await;
            assert_eq!((outer.heard(), inner.heard()), (0, 1));
        })
        .await;
        assert_eq!(outer.heard(), 1);
    }

    #[tokio::test]
    async fn what_anybody_else_wakes_is_polled_by_its_task() {
        let connection = Connection::spawned().await;
        let waits = at_once(pending::<()>()).now_or_never();
        assert!(waits.is_none());
        connection.tell();
        assert_eq!(connection.heard(), 0);
        yield_now().await;
        assert_eq!(connection.heard(), 1);
    }

    #[tokio::test]
    async fn what_was_polled_for_a_request_still_wakes_its_task() {
        let connection = Connection::spawned().await;
        for round in 0..3 {
            at_once(async { connection.tell() }).await;
            assert_eq!(connection.heard(), 2 * round + 1);
            connection.tell();
            yield_now().await;
            assert_eq!(connection.heard(), 2 * round + 2);
        }
    }

    #[tokio::test]
    async fn what_ends_for_a_request_is_dropped_and_its_task_ends() {
        let Connection { told, heard, polls } = Connection::spawned().await;
        assert_eq!(Arc::strong_count(&heard), 2);
        at_once(async { drop(told) }).await;
        assert_eq!(
            (Arc::strong_count(&heard), polls.load(Ordering::Relaxed)),
            (1, 2)
        );
        yield_now().await;
        let tasks = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        assert_eq!(tasks, 0);
    }

    #[tokio::test]
    async fn what_wakes_itself_for_ever_is_left_to_its_task() {
        let (told, mut hears) = unbounded_channel();
        let polls = Arc::new(AtomicUsize::new(0));
        let polled = Arc::clone(&polls);
        let mut is_told = false;
        Spawner.execute(Box::pin(poll_fn(move |context| {
            is_told |= hears.poll_recv(context).is_ready();
            if is_told {
                polled.fetch_add(1, Ordering::Relaxed);
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })));
        yield_now().await;
        at_once(async { told.send(()).unwrap() }).await;
        assert_eq!(polls.load(Ordering::Relaxed), MAX_POLLS);
        yield_now().await;
        assert!(polls.load(Ordering::Relaxed) > MAX_POLLS);
    }

    #[tokio::test]
    async fn what_one_that_was_woken_wakes_is_polled_too() {
        let second = Connection::spawned().await;
        let (told, mut hears) = unbounded_channel();
        let passes_on = second.told.clone();
        Spawner.execute(Box::pin(poll_fn(move |context| {
            while let Poll::Ready(Some(())) = hears.poll_recv(context) {
                passes_on.send(()).unwrap();
            }
            Poll::Pending
        })));
        yield_now().await;
        at_once(async { told.send(()).unwrap() }).await;
        assert_eq!(second.heard(), 1);
    }

    #[test]
    fn what_its_task_is_busy_with_is_polled_by_it_once_more() {
        let polls = Arc::new(AtomicUsize::new(0));
        let polled = Arc::clone(&polls);
        let spawned = Arc::new(Spawned {
            work: Mutex::new(Some(Box::pin(poll_fn(move |_| {
                polled.fetch_add(1, Ordering::Relaxed);
                Poll::Pending
            })))),
            task: AtomicWaker::new(),
        });
        let is_woken = Arc::new(AtomicUsize::new(0));
        let waker = {
            struct Counts(Arc<AtomicUsize>);
            impl Wake for Counts {
                fn wake(self: Arc<Self>) {
                    self.0.fetch_add(1, Ordering::Relaxed);
                }
            }
            Waker::from(Arc::new(Counts(Arc::clone(&is_woken))))
        };
        spawned.task.register(&waker);
        let busy = spawned.lock();
        let request = at_once(async { Waker::from(Arc::clone(&spawned)).wake() });
        assert!(request.now_or_never().is_some());
        drop(busy);
        assert_eq!(polls.load(Ordering::Relaxed), 0);
        assert_eq!(is_woken.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_request_that_panics_leaves_nobody_unheard() {
        let connection = Connection::spawned().await;
        let panics = at_once(poll_fn(|_| -> Poll<()> { panic!("a request that panics") }));
        assert!(AssertUnwindSafe(panics).catch_unwind().await.is_err());
        connection.tell();
        yield_now().await;
        assert_eq!(connection.heard(), 1);
    }
}
