//! How a fault is told: file, line, column, what is wrong, the line itself with a caret, and what to do.

use super::text::{Position, Text};
use crate::InvalidStep;

/// How many faults are told. The first is the one to mend; the others often follow from it.
const MAX_COMPLAINTS: usize = 5;
/// Of a message, in bytes: it may quote a name of the author's.
const MAX_MESSAGE_BYTES: usize = 240;
/// Of a line, in characters, before and after the caret.
const SHOWN_BEFORE: usize = 70;
const SHOWN_AFTER: usize = 30;

/// Something is wrong at a place in the text.
pub(super) struct Complaint {
    at: usize,
    message: String,
    hint: Option<String>,
}

impl Complaint {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            hint: None,
        }
    }

    /// What the author may do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Text<'_> {
    /// Refuses the script, in order of the text.
    pub(super) fn refuse(&self, mut complaints: Vec<Complaint>) -> InvalidStep {
        complaints.sort_by_key(|complaint| complaint.at);
        let mut message = String::new();
        for complaint in complaints.iter().take(MAX_COMPLAINTS) {
            self.tell(&mut message, complaint);
        }
        let more = complaints.len().saturating_sub(MAX_COMPLAINTS);
        if more > 0 {
            message.push_str(&format!("and {more} more"));
        }
        InvalidStep::new(message.trim_end())
    }

    fn tell(&self, message: &mut String, complaint: &Complaint) {
        let position = self.position(complaint.at);
        let Position { line, column, .. } = position;
        let what = shown(cut(&complaint.message));
        let (text, caret) = excerpt(&position);
        let margin = " ".repeat(line.to_string().len());
        let name = self.name();
        message.push_str(&format!("{name}:{line}:{column}: {what}\n"));
        message.push_str(&format!("  {line} | {text}\n  {margin} | {caret}^\n"));
        if let Some(hint) = &complaint.hint {
            message.push_str(&format!("  {margin} = {}\n", shown(cut(hint))));
        }
    }
}

/// The line, or what is around the place in it, and the blanks that bring a caret below the place.
fn excerpt(position: &Position<'_>) -> (String, String) {
    let (before, after) = position.text.split_at(position.at);
    let skipped = before.chars().count().saturating_sub(SHOWN_BEFORE);
    let mut start: String = before.chars().skip(skipped).collect();
    if skipped > 0 {
        start.insert(0, '…');
    }
    let blanks = start
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let mut end: String = after.chars().take(SHOWN_AFTER).collect();
    if end.len() < after.len() {
        end.push('…');
    }
    (shown(&format!("{start}{end}")), blanks)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

/// Without what a terminal would obey, or what would reorder the text.
fn shown(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control() && c != '\t'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if obeyed(c) { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, at: usize) -> String {
        let text = Text::read("a.js", code.as_bytes()).unwrap();
        text.refuse(vec![Complaint::new(at, "wrong")]).message
    }

    #[test]
    fn the_line_is_shown_with_a_caret() {
        assert_eq!(
            told("one\ntwo three\n", 8),
            "a.js:2:5: wrong\n  2 | two three\n    |     ^"
        );
    }

    #[test]
    fn the_margin_is_as_wide_as_the_number() {
        let code = "\n".repeat(99) + "abc";
        assert_eq!(
            told(&code, 100),
            "a.js:100:2: wrong\n  100 | abc\n      |  ^"
        );
    }

    #[test]
    fn a_tab_stays_a_tab_above_the_caret() {
        assert_eq!(
            told("\ta\tb", 3),
            "a.js:1:4: wrong\n  1 | \ta\tb\n    | \t \t^"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let code = "a".repeat(500_000) + "!" + &"b".repeat(500_000);
        let told = told(&code, 500_000);
        let excerpt = format!(
            "…{}!{}…",
            "a".repeat(SHOWN_BEFORE),
            "b".repeat(SHOWN_AFTER - 1)
        );
        let caret = " ".repeat(SHOWN_BEFORE + 1) + "^";
        assert_eq!(
            told,
            format!("a.js:1:500001: wrong\n  1 | {excerpt}\n    | {caret}")
        );
    }

    #[test]
    fn what_a_terminal_obeys_is_not_shown() {
        assert!(!told("a\u{1b}[31m\u{202e}", 0).contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn five_faults_are_told_in_order_and_the_others_counted() {
        let text = Text::read("a.js", b"0123456789").unwrap();
        let complaints = (0..8)
            .rev()
            .map(|at| Complaint::new(at, format!("fault {at}")))
            .collect();
        let message = text.refuse(complaints).message;
        assert!(message.contains("a.js:1:5: fault 4") && !message.contains("fault 5"));
        assert!(message.ends_with("and 3 more"));
    }

    #[test]
    fn a_hint_stands_below() {
        let text = Text::read("a.js", b"a").unwrap();
        let message = text
            .refuse(vec![Complaint::new(0, "wrong").hint("write b")])
            .message;
        assert!(message.ends_with("    | ^\n    = write b"), "{message}");
    }
}
