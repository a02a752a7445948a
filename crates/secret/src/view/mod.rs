//! Views: the ways in which text spells a value. Each turns a stream of bytes into another one, and keeps for every byte
//! where it came from.
//!
//! Views do not compose freely, only along this tree; each multiplies the work and the wrong matches:
//!
//! ```text
//! raw ─┬─ percent ── percent twice
//!      ├─ form
//!      ├─ backslash ─┬─ backslash twice ── backslash thrice
//!      │             └─ backslash, then squeezed
//!      ├─ entity ── entity twice
//!      ├─ squeezed
//!      └─ unquoted
//! ```

pub(crate) mod ansi;
pub(crate) mod backslash;
pub(crate) mod entity;
pub(crate) mod escape;
pub(crate) mod percent;
pub(crate) mod squeeze;
pub(crate) mod unquote;

use crate::kinds::Kinds;
use escape::Unescape;
use squeeze::Squeeze;
use unquote::is_quote;

/// One byte of a view, and the range of input bytes that spell it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Item {
    pub(crate) byte: u8,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// A view. Parents come before their children.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum View {
    Raw,
    Percent,
    PercentTwice,
    Form,
    Backslash,
    BackslashTwice,
    BackslashThrice,
    BackslashSqueezed,
    Entity,
    EntityTwice,
    Squeezed,
    Unquoted,
}

/// What makes a view out of its parent.
#[derive(Clone)]
pub(crate) enum Decoder {
    Identity,
    Unescape(Unescape),
    Squeeze(Squeeze),
    Unquote,
}

/// Whether `byte` can wake any view: see [`View::is_woken_by`].
#[inline]
pub(crate) fn can_wake(byte: u8) -> bool {
    WAKERS[usize::from(byte)]
}

const WAKERS: [bool; 256] = {
    let mut wakers = [false; 256];
    let bytes = b"%+\\&\x1b \t\r\n\x0b\x0c'\"`^$";
    let mut at = 0;
    while at < bytes.len() {
        wakers[bytes[at] as usize] = true;
        at += 1;
    }
    wakers
};

// === impl View ===

impl View {
    pub(crate) const ALL: [Self; 12] = [
        Self::Raw,
        Self::Percent,
        Self::PercentTwice,
        Self::Form,
        Self::Backslash,
        Self::BackslashTwice,
        Self::BackslashThrice,
        Self::BackslashSqueezed,
        Self::Entity,
        Self::EntityTwice,
        Self::Squeezed,
        Self::Unquoted,
    ];

    /// The views that are made of this one. `Backslash` comes before `Squeezed`: see `Lanes::wake_backslash_squeezed`.
    pub(crate) const fn children(self) -> &'static [Self] {
        match self {
            Self::Raw => &[
                Self::Percent,
                Self::Form,
                Self::Backslash,
                Self::Entity,
                Self::Squeezed,
                Self::Unquoted,
            ],
            Self::Percent => &[Self::PercentTwice],
            Self::Backslash => &[Self::BackslashTwice, Self::BackslashSqueezed],
            Self::BackslashTwice => &[Self::BackslashThrice],
            Self::Entity => &[Self::EntityTwice],
            Self::PercentTwice
            | Self::Form
            | Self::BackslashThrice
            | Self::BackslashSqueezed
            | Self::EntityTwice
            | Self::Squeezed
            | Self::Unquoted => &[],
        }
    }

    /// The view that this one is made of.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::Raw => None,
            Self::Percent
            | Self::Form
            | Self::Backslash
            | Self::Entity
            | Self::Squeezed
            | Self::Unquoted => Some(Self::Raw),
            Self::PercentTwice => Some(Self::Percent),
            Self::BackslashTwice | Self::BackslashSqueezed => Some(Self::Backslash),
            Self::BackslashThrice => Some(Self::BackslashTwice),
            Self::EntityTwice => Some(Self::Entity),
        }
    }

    pub(crate) fn decoder(self) -> Decoder {
        match self {
            Self::Raw => Decoder::Identity,
            Self::Percent | Self::PercentTwice => {
                Decoder::Unescape(Unescape::new(percent::PERCENT))
            }
            Self::Form => Decoder::Unescape(Unescape::new(percent::FORM)),
            Self::Backslash | Self::BackslashTwice | Self::BackslashThrice => {
                Decoder::Unescape(Unescape::new(backslash::BACKSLASH))
            }
            Self::Entity | Self::EntityTwice => Decoder::Unescape(Unescape::new(entity::ENTITY)),
            Self::Squeezed | Self::BackslashSqueezed => Decoder::Squeeze(Squeeze::default()),
            Self::Unquoted => Decoder::Unquote,
        }
    }

    /// Which forms are looked for in this view.
    pub(crate) const fn kinds(self) -> Kinds {
        match self {
            Self::Raw
            | Self::Percent
            | Self::PercentTwice
            | Self::Backslash
            | Self::BackslashTwice
            | Self::BackslashThrice
            | Self::Entity
            | Self::EntityTwice => Kinds::SHARED,
            Self::Form => Kinds::SPACED,
            Self::Squeezed | Self::BackslashSqueezed => Kinds::SQUEEZED,
            Self::Unquoted => Kinds::UNQUOTED,
        }
    }

    /// Whether the view drops bytes: a short match there may be an accident, and must not hold a prompt back for long.
    pub(crate) const fn drops(self) -> bool {
        matches!(
            self,
            Self::Squeezed | Self::BackslashSqueezed | Self::Unquoted
        )
    }

    /// Whether `byte` can make the view differ from its parent. A view that only drops bytes cannot differ while nothing
    /// is open: no form that it looks for starts with what it drops.
    pub(crate) fn is_woken_by(self, byte: u8, is_open: bool) -> bool {
        match self {
            Self::Raw => false,
            Self::Percent | Self::PercentTwice => byte == b'%',
            Self::Form => matches!(byte, b'%' | b'+'),
            Self::Backslash | Self::BackslashTwice | Self::BackslashThrice => byte == b'\\',
            Self::Entity | Self::EntityTwice => byte == b'&',
            Self::Squeezed | Self::BackslashSqueezed => {
                byte == ansi::ESC || (is_open && squeeze::is_blank(byte))
            }
            Self::Unquoted => is_open && is_quote(byte),
        }
    }
}

// === impl Decoder ===

impl Decoder {
    pub(crate) fn push(&mut self, item: Item, out: &mut Vec<Item>) {
        match self {
            Self::Identity => out.push(item),
            Self::Unescape(unescape) => unescape.push(item, out),
            Self::Squeeze(squeeze) => squeeze.push(item, out),
            Self::Unquote if is_quote(item.byte) => {}
            Self::Unquote => out.push(item),
        }
    }

    /// The input has ended: what is undecided stands for itself.
    pub(crate) fn finish(&mut self, out: &mut Vec<Item>) {
        match self {
            Self::Identity | Self::Unquote => {}
            Self::Unescape(unescape) => unescape.finish(out),
            Self::Squeeze(squeeze) => squeeze.finish(out),
        }
    }

    /// Where an unfinished escape starts.
    pub(crate) fn escape_start(&self) -> Option<u64> {
        match self {
            Self::Identity | Self::Unquote => None,
            Self::Unescape(unescape) => unescape.pending().map(|item| item.start),
            Self::Squeeze(squeeze) => squeeze.unfinished_sequence().map(|item| item.start),
        }
    }
}
