//! The conformance corpus of the masker, as it is read from `tests/corpus/masking`; its README describes the format.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use crate::guests::repository;

/// One file of the corpus.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for people")]
    about: String,
    cases: Vec<Case>,
}

/// Values, an input, and what must come out.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in the whole corpus.
    pub id: String,
    /// Which sections of the specification it is about.
    pub sections: Vec<String>,
    /// Where it is not obvious.
    #[serde(default)]
    pub why: String,
    /// What is registered before the first byte.
    #[serde(default)]
    pub secrets: Vec<Text>,
    /// What registration tells of each of the secrets: `masked`, if nothing is said.
    #[serde(default)]
    pub registered: Vec<Registration>,
    /// Everything that is written, unless there are `events`.
    pub input: Option<Text>,
    /// What happens in turn, where it matters when.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Everything that comes out.
    #[serde(default = "Text::empty")]
    pub expected: Text,
    /// Other settings than the usual ones.
    #[serde(default)]
    pub settings: Settings,
}

/// Bytes, written so that a person can read them.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// As it stands, in UTF-8.
    Literal(String),
    /// Pairs of hexadecimal digits; blanks between them do not count.
    Hex {
        /// The digits.
        hex: String,
    },
    /// The same text several times.
    Repeated {
        /// The text.
        repeat: Box<Self>,
        /// How many times.
        times: usize,
    },
    /// One after the other.
    Joined(Vec<Self>),
}

/// What becomes of a value at registration.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// It is masked.
    Masked,
    /// It is not masked, and its owner is told.
    TooShort,
    /// It is not masked.
    Blank,
    /// It exceeds a limit: an error.
    Refused,
}

/// One thing that happens.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// These bytes come.
    Write(Text),
    /// This value is registered.
    Register(Text),
    /// All that has come out by now, without further input.
    Shown(Text),
    /// Nothing comes for longer than weak holds last.
    Quiet,
}

/// What a masker can be set to.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether tokens are masked by their shape.
    pub token_shapes: Option<bool>,
    /// What stands where a value was.
    pub replacement: Option<String>,
    /// How many forms all values may have.
    pub max_forms: Option<usize>,
}

/// The cases of `<file>.json`.
///
/// # Panics
/// If it is not as the README says.
#[must_use]
pub fn cases(file: &str) -> Vec<Case> {
    let path = folder().join(file).with_added_extension("json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("cannot read `{file}`: {error}"));
    let read: File =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("in `{file}`: {error}"));
    for case in &read.cases {
        case.check();
    }
    read.cases
}

/// The names of all files of the corpus, sorted.
///
/// # Panics
/// If two cases have one id.
#[must_use]
pub fn files() -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files
}

fn folder() -> PathBuf {
    repository().join("tests/corpus/masking")
}

// === impl Case ===

impl Case {
    fn check(&self) {
        let id = &self.id;
        assert!(!self.sections.is_empty(), "{id} is of no section");
        assert!(
            self.registered.is_empty() || self.registered.len() == self.secrets.len(),
            "{id} tells of some secrets only"
        );
        assert!(
            self.is_refused() || self.input.is_some() == self.events.is_empty(),
            "{id} needs an input or events"
        );
    }

    /// Whether registration fails.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.registered.contains(&Registration::Refused)
    }

    /// What registration tells of the secret at `index`.
    #[must_use]
    pub fn registration(&self, index: usize) -> Registration {
        self.registered
            .get(index)
            .copied()
            .unwrap_or(Registration::Masked)
    }

    /// The secrets as values.
    ///
    /// # Panics
    /// If one is not UTF-8.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.secrets.iter().map(Text::utf8).collect()
    }

    /// What happens: the input as one write, or the events.
    #[must_use]
    pub fn happenings(&self) -> Vec<Event> {
        match &self.input {
            Some(input) => vec![Event::Write(input.clone())],
            None => self.events.clone(),
        }
    }

    /// The length of the longest write, in bytes.
    #[must_use]
    pub fn longest_write(&self) -> usize {
        let lengths = self.happenings().into_iter().map(|event| match event {
            Event::Write(text) => text.bytes().len(),
            Event::Register(_) | Event::Shown(_) | Event::Quiet => 0,
        });
        lengths.max().unwrap_or(0)
    }

    /// Whether all of it can be had from `lockstep mask`, which has no settings and takes its values at the start.
    #[must_use]
    pub fn is_for_the_command(&self) -> bool {
        self.settings.is_usual()
            && !self
                .events
                .iter()
                .any(|event| matches!(event, Event::Register(_)))
    }
}

impl Settings {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.token_shapes.is_none() && self.replacement.is_none() && self.max_forms.is_none()
    }
}

// === impl Text ===

impl Text {
    fn empty() -> Self {
        Self::Literal(String::new())
    }

    /// The bytes.
    ///
    /// # Panics
    /// If hexadecimal digits are none.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Literal(text) => text.as_bytes().to_vec(),
            Self::Hex { hex } => unhex(hex),
            Self::Repeated { repeat, times } => repeat.bytes().repeat(*times),
            Self::Joined(texts) => texts.iter().flat_map(Self::bytes).collect(),
        }
    }

    /// The bytes, which are UTF-8.
    ///
    /// # Panics
    /// If they are not.
    #[must_use]
    pub fn utf8(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    assert!(rest.is_empty(), "half a byte");
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Fails if two cases of these files have one id; returns how many cases there are.
///
/// # Panics
/// If two have.
#[must_use]
pub fn count(files: &[String]) -> usize {
    let mut ids = HashSet::new();
    for case in files.iter().flat_map(|file| cases(file)) {
        let id = case.id.clone();
        assert!(ids.insert(case.id), "`{id}` is there twice");
    }
    ids.len()
}
