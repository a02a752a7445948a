//! A run is polled by its caller: it starts and ends without waking another thread. If the caller goes away the run becomes
//! a task of its own, so that its record is closed all the same.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that is not dropped before it is over: what is left of it goes on in the runtime in which it was made.
pub(crate) struct Attended<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// `None` when it is over.
    story: Option<Pin<Box<F>>>,
    runtime: Handle,
}

/// The future panicked.
pub(crate) struct Panicked;

impl<F> Attended<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    pub(crate) fn new(story: F) -> Self {
        Self {
            story: Some(Box::pin(story)),
            runtime: Handle::current(),
        }
    }
}

impl<F> Future for Attended<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(story) = &mut self.story else {
            return Poll::Ready(Err(Panicked));
        };
        let polled = poll_caught(story.as_mut(), context);
        if polled.is_ready() {
            self.story = None;
        }
        polled
    }
}

impl<F> Drop for Attended<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        if let Some(story) = self.story.take() {
            self.runtime.spawn(story);
        }
    }
}

/// Goes on after a panic of the future.
pub(crate) async fn caught<F: Future>(story: F) -> Result<F::Output, Panicked> {
    let mut story = pin!(story);
    poll_fn(|context| poll_caught(story.as_mut(), context)).await
}

/// Whoever calls this drops the future when it is ready, as a task would: what panicked is not polled again, so nobody
/// sees it half-changed.
fn poll_caught<F: Future>(
    story: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    match catch_unwind(AssertUnwindSafe(|| story.poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_its_caller_leaves_goes_on() {
        let (ended, end) = oneshot::channel();
        let mut attended = Box::pin(Attended::new(async move {
            yield_now().await;
            ended.send("over").unwrap();
        }));
        poll_fn(|context| {
            assert!(attended.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(attended);
        assert_eq!(end.await, Ok("over"));
    }

    #[tokio::test]
    async fn a_panic_stays_inside() {
        let attended = Attended::new(async { panic!("the story breaks off") });
        assert!(matches!(attended.await, Err::<(), _>(Panicked)));
    }
}
