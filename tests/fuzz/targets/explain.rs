//! Whether masked text can have come of a text in which some bytes had to be hidden and others might be.

use std::collections::BTreeSet;

const TOKEN: &[u8] = b"***";

/// How far the reading of the masked text has come, and whether the last byte of the text was hidden.
type Place = (usize, bool);

/// Whether `masked` is `text` with all of `must` and nothing but `may` hidden, and one token for each hidden stretch.
pub(crate) fn is_explained(text: &[u8], must: &[bool], may: &[bool], masked: &[u8]) -> bool {
    let mut places: BTreeSet<Place> = [(0, false)].into();
    for (at, &byte) in text.iter().enumerate() {
        let mut next = BTreeSet::new();
        for (read, was_hidden) in places {
            if may[at] && was_hidden {
                next.insert((read, true));
            } else if may[at] && masked[read..].starts_with(TOKEN) {
                next.insert((read + TOKEN.len(), true));
            }
            if !must[at] && masked.get(read) == Some(&byte) {
                next.insert((read + 1, false));
            }
        }
        places = next;
    }
    places.iter().any(|(read, _)| *read == masked.len())
}
