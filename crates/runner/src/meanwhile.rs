//! Work that is done every so often while a run goes on, and when there is news. It may take its time: the run is polled all the same.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

/// Polls `run`, and has `work` done each time that `every` is over, which is asked anew each time, or there is `news`. A run
/// that ends before it waits for anything has no work done. What of it was begun is ended before this is.
pub(crate) async fn meanwhile<T, N, W>(
    run: impl Future<Output = T>,
    every: impl Fn() -> Duration,
    news: impl Fn() -> N,
    mut work: impl FnMut() -> W,
) -> T
where
    N: Future<Output = ()>,
    W: Future<Output = ()>,
{
    let mut run = pin!(run);
    loop {
        tokio::select! {
            biased;
            result = &mut run => return result,
            () = news() => {}
            () = sleep(every()) => {}
        }
        let mut work = pin!(work());
        tokio::select! {
            biased;
            result = &mut run => {
                work.await;
                return result;
            }
            () = &mut work => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    const OFTEN: Duration = Duration::from_millis(1);
    /// Nothing here takes that long, unless one waits for the other.
    const NEVER: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_run_goes_on_while_the_work_takes_its_time() {
        let (begun, went_on) = (Notify::new(), Notify::new());
        let ended = Cell::new(false);
        let run = async {
            begun.notified().await;
            went_on.notify_one();
            "over"
        };
        let work = || async {
            begun.notify_one();
            went_on.notified().await;
            ended.set(true);
        };
        let result = timeout(NEVER, meanwhile(run, || OFTEN, pending, work)).await;
        assert_eq!(result, Ok("over"));
        assert!(ended.get(), "what was begun is ended");
    }

    #[tokio::test]
    async fn news_are_not_kept_waiting() {
        let (news, heard) = (Notify::new(), Notify::new());
        news.notify_one();
        let work = || async { heard.notify_one() };
        let run = async {
            heard.notified().await;
            "over"
        };
        let result = timeout(
            NEVER,
            meanwhile(run, || 2 * NEVER, || news.notified(), work),
        )
        .await;
        assert_eq!(result, Ok("over"));
    }

    #[tokio::test]
    async fn the_work_is_done_again_and_again() {
        let (times, enough) = (Cell::new(0), Notify::new());
        let work = || async {
            times.set(times.get() + 1);
            if times.get() == 3 {
                enough.notify_one();
            }
        };
        let result = timeout(NEVER, meanwhile(enough.notified(), || OFTEN, pending, work)).await;
        assert_eq!((result, times.get()), (Ok(()), 3));
    }
}
