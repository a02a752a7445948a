//! Promises that were rejected, in the order in which they were.
//!
//! A step may make a hundred thousand of them at once and then find a handler for each, so both take the same short time
//! however many there are. Where there is no memory to keep one the run ends, with a trap: nobody is there who could be told.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher},
};

use rquickjs::{Ctx, Persistent, Value, qjs};

/// A promise that was rejected while nobody handled it.
#[derive(Clone)]
pub(crate) struct Rejection<'js> {
    pub(crate) promise: Value<'js>,
    pub(crate) reason: Value<'js>,
}

/// Rejections, until somebody deals with them.
pub(crate) struct Rejections {
    /// By the addresses of the promises, which live as long as they are kept.
    kept: HashMap<usize, Kept, BuildHasherDefault<DefaultHasher>>,
    next: u32,
}

struct Kept {
    number: u32,
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
}

impl Rejections {
    pub(crate) const fn new() -> Self {
        Self {
            kept: HashMap::with_hasher(BuildHasherDefault::new()),
            next: 0,
        }
    }

    pub(crate) fn add<'js>(&mut self, ctx: &Ctx<'js>, rejection: Rejection<'js>) {
        let Rejection { promise, reason } = rejection;
        let kept = Kept {
            number: self.next,
            promise: Persistent::save(ctx, promise.clone()),
            reason: Persistent::save(ctx, reason),
        };
        self.next = self.next.wrapping_add(1);
        self.kept.insert(address(&promise), kept);
    }

    /// Takes out that of a promise, if it is there.
    pub(crate) fn take_one<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        promise: &Value<'js>,
    ) -> Option<Rejection<'js>> {
        self.kept.remove(&address(promise))?.restore(ctx).ok()
    }

    /// Takes out all, in their order.
    pub(crate) fn take_all<'js>(
        &mut self,
        ctx: &Ctx<'js>,
    ) -> rquickjs::Result<Vec<Rejection<'js>>> {
        let mut kept: Vec<Kept> = std::mem::take(&mut self.kept).into_values().collect();
        kept.sort_unstable_by_key(|kept| kept.number);
        kept.into_iter().map(|kept| kept.restore(ctx)).collect()
    }
}

impl Kept {
    fn restore<'js>(self, ctx: &Ctx<'js>) -> rquickjs::Result<Rejection<'js>> {
        Ok(Rejection {
            promise: self.promise.restore(ctx)?,
            reason: self.reason.restore(ctx)?,
        })
    }
}

fn address(promise: &Value<'_>) -> usize {
    unsafe { qjs::JS_VALUE_GET_PTR(promise.as_raw()) as usize }
}
