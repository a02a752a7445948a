//! The reference: MASKING.md written down as plainly as possible. It sees the whole input, decodes every view of it,
//! looks for every form at every place, and redacts the union. It shares no code with the masker.

mod forms;
pub(crate) mod spell;
mod views;

use std::collections::BTreeSet;

pub(crate) use forms::{Forms, forms_of};
pub(crate) use views::{View, view};

/// What the masker must make of `input`. No token shapes.
pub(crate) fn mask(values: &[&str], input: &[u8]) -> Vec<u8> {
    let forms = forms_of(values);
    redact(input, &hidden(&forms, input))
}

/// For each byte of `input`, whether it is part of a value.
pub(crate) fn hidden(forms: &Forms, input: &[u8]) -> Vec<bool> {
    let mut hidden = vec![false; input.len()];
    for found in matches(forms, input) {
        hidden[found.start..found.end].fill(true);
    }
    hidden
}

/// A form, found in a view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match {
    pub(crate) view: View,
    /// Where it is in the input, and where its first character ends there.
    pub(crate) start: usize,
    pub(crate) first_end: usize,
    pub(crate) end: usize,
}

/// Every form, in every view.
pub(crate) fn matches(forms: &Forms, input: &[u8]) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut seen = Vec::new();
    for which in View::ALL {
        let items = view(which, input);
        // Where every form was looked for already, no other view of the same text finds more.
        if seen.contains(&items) {
            continue;
        }
        let text: Vec<u8> = items.iter().map(|item| item.byte).collect();
        for form in forms.of(which) {
            for start in find_all(&text, form) {
                let mut last = start + form.len() - 1;
                let most = last + 2;
                while forms.cores.contains(form)
                    && last < most
                    && items
                        .get(last + 1)
                        .is_some_and(|item| item.byte == b'=' && item.start == items[last].end)
                {
                    last += 1;
                }
                matches.push(Match {
                    view: which,
                    start: items[start].start,
                    first_end: items[start].end,
                    end: items[last].end,
                });
            }
        }
        if forms.of(which).len() == forms.shared.len() {
            seen.push(items);
        }
    }
    matches
}

pub(crate) fn redact(input: &[u8], hidden: &[bool]) -> Vec<u8> {
    let mut output = Vec::new();
    for (at, &byte) in input.iter().enumerate() {
        if !hidden[at] {
            output.push(byte);
        } else if at == 0 || !hidden[at - 1] {
            output.extend_from_slice(b"***");
        }
    }
    output
}

fn find_all(text: &[u8], form: &[u8]) -> BTreeSet<usize> {
    memchr::memchr_iter(form[0], text)
        .filter(|&start| text[start..].starts_with(form))
        .collect()
}
