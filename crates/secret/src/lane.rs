//! The views of a stream, each with its decoder and its search.
//!
//! A view costs nothing while its text is that of its parent. It is woken by a byte that can make a difference, takes
//! over the parent's search, and sleeps again when nothing is open in either.

use crate::matcher::{Matcher, Search};
use crate::view::{Decoder, Item, View, can_wake};

/// How many bytes a view may drop within an open match. Over it the open match is redacted: it could go on for ever.
pub(crate) const MOST_DROPPED_BYTES: u64 = 64 * 1024;

/// An open match of a view that drops bytes is weak while it is shorter.
const WEAK_BELOW_BYTES: usize = 8;

/// All views of a stream.
pub(crate) struct Lanes {
    lanes: [Lane; View::ALL.len()],
    /// How many are awake, beside the raw one.
    awake: usize,
}

/// Up to where the input may be emitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Holds {
    /// Nothing from here on, whatever happens.
    pub(crate) strong: u64,
    /// Nothing from here on, until there was no input for a while.
    pub(crate) weak: u64,
}

/// One view.
struct Lane {
    view: View,
    decoder: Decoder,
    matcher: Matcher,
    is_awake: bool,
    /// What the decoder gave. Kept to save its memory.
    decoded: Vec<Item>,
}

// === impl Lanes ===

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            lanes: View::ALL.map(Lane::new),
            awake: 0,
        }
    }

    /// Takes one input byte.
    pub(crate) fn push(&mut self, item: Item, search: &mut Search<'_>) {
        if self.awake == 0 && !can_wake(item.byte) {
            self.lanes[View::Raw as usize].matcher.step(item, search);
            return;
        }
        self.feed(View::Raw, item, search);
        if self.awake > 0 {
            self.enforce_limit(item.end, search);
            self.put_to_sleep();
        }
    }

    /// The input has ended: what is unfinished stands for itself.
    pub(crate) fn finish(&mut self, search: &mut Search<'_>) {
        for view in View::ALL {
            let lane = &mut self.lanes[view as usize];
            if lane.is_awake {
                let mut decoded = Vec::new();
                lane.decoder.finish(&mut decoded);
                for item in decoded {
                    self.take(view, item, search);
                }
            }
        }
    }

    /// Whether nothing that came before can matter to what comes.
    pub(crate) fn is_quiet(&self) -> bool {
        self.awake == 0 && self.lanes[View::Raw as usize].matcher.is_idle()
    }

    pub(crate) fn hold(&self, holds: &mut Holds) {
        for lane in self.lanes.iter().filter(|lane| lane.is_awake) {
            lane.hold(holds);
        }
    }

    /// Gives an item of the parent to a view that is awake.
    fn feed(&mut self, view: View, item: Item, search: &mut Search<'_>) {
        let lane = &mut self.lanes[view as usize];
        let mut decoded = std::mem::take(&mut lane.decoded);
        lane.decoder.push(item, &mut decoded);
        for item in decoded.drain(..) {
            self.take(view, item, search);
        }
        let lane = &mut self.lanes[view as usize];
        lane.decoded = decoded;
        lane.forget_blanks();
    }

    /// Takes an item of the view itself: hands it to the views that are made of this one, and goes on with the search.
    /// The children come first, as one that wakes takes over the search from before the item.
    fn take(&mut self, view: View, item: Item, search: &mut Search<'_>) {
        for &child in view.children() {
            if self.lanes[child as usize].is_awake || self.wake(view, child, item.byte, search) {
                self.feed(child, item, search);
            }
        }
        self.lanes[view as usize].matcher.step(item, search);
    }

    /// Wakes `child` if `byte` can make it differ from its parent. Returns whether it is awake now.
    fn wake(&mut self, parent: View, child: View, byte: u8, search: &mut Search<'_>) -> bool {
        let matcher = &self.lanes[parent as usize].matcher;
        if !child.is_woken_by(byte, matcher.depth() > 0)
            || !search.trie.kinds().intersects(child.kinds())
        {
            return false;
        }
        let fork = matcher.fork(child.kinds(), search);
        if !child.is_woken_by(byte, fork.depth() > 0) {
            return false;
        }
        let lane = &mut self.lanes[child as usize];
        lane.matcher = fork;
        lane.is_awake = true;
        self.awake += 1;
        if child == View::Backslash {
            self.wake_backslash_squeezed();
        }
        true
    }

    /// While `Backslash` slept, `BackslashSqueezed` was the same as `Squeezed`.
    fn wake_backslash_squeezed(&mut self) {
        let squeezed = &self.lanes[View::Squeezed as usize];
        if squeezed.is_awake {
            let (decoder, matcher) = (squeezed.decoder.clone(), squeezed.matcher.clone());
            let lane = &mut self.lanes[View::BackslashSqueezed as usize];
            (lane.decoder, lane.matcher, lane.is_awake) = (decoder, matcher, true);
            self.awake += 1;
        }
    }

    /// Redacts open matches that hold too much back.
    fn enforce_limit(&mut self, end: u64, search: &mut Search<'_>) {
        for lane in self
            .lanes
            .iter_mut()
            .filter(|lane| lane.is_awake && lane.view.drops())
        {
            if lane.matcher.dropped_until(end) > MOST_DROPPED_BYTES
                && let Some(start) = lane.matcher.open_start()
            {
                search.union.add(start, end);
                lane.matcher.reset();
                lane.forget_blanks();
            }
        }
    }

    /// Children come first: a view must be followed while another one is made of it.
    fn put_to_sleep(&mut self) {
        for view in View::ALL.into_iter().rev() {
            if self.can_sleep(view) {
                self.lanes[view as usize].is_awake = false;
                self.awake -= 1;
            }
        }
    }

    fn can_sleep(&self, view: View) -> bool {
        let Some(parent) = view.parent() else {
            return false;
        };
        let (lane, parent) = (&self.lanes[view as usize], &self.lanes[parent as usize]);
        let sleeps = |view: View| !self.lanes[view as usize].is_awake;
        lane.is_awake
            && lane.is_at_rest()
            && parent.matcher.depth() == 0
            && view.children().iter().all(|&child| sleeps(child))
            // See `wake_backslash_squeezed`.
            && (view != View::Backslash || sleeps(View::Squeezed))
    }
}

// === impl Lane ===

impl Lane {
    fn new(view: View) -> Self {
        Self {
            view,
            decoder: view.decoder(),
            matcher: Matcher::new(view.kinds()),
            is_awake: view == View::Raw,
            decoded: Vec::new(),
        }
    }

    fn is_at_rest(&self) -> bool {
        self.matcher.is_idle() && self.decoder.escape_start().is_none()
    }

    /// No form starts with a blank: while nothing is open, it does not matter which blanks are dropped.
    fn forget_blanks(&mut self) {
        if let Decoder::Squeeze(squeeze) = &mut self.decoder
            && self.matcher.depth() == 0
        {
            squeeze.forget_blanks();
        }
    }

    fn hold(&self, holds: &mut Holds) {
        let Some(start) = self.matcher.open_start().or(self.decoder.escape_start()) else {
            return;
        };
        let strong_from = if self.view.drops() {
            WEAK_BELOW_BYTES
        } else {
            1
        };
        if self.matcher.depth() >= strong_from {
            holds.strong = holds.strong.min(start);
        }
        holds.weak = holds.weak.min(start);
    }
}
