//! What answers are made of: enough of it that no branch predictor learns it.

const BYTES: usize = 4 << 20;

const WORDS: [&str; 12] = [
    "request", "invoice", "customer", "worker", "queue", "session", "report", "shipment",
    "payment", "index", "backup", "message",
];

/// Lines of a log, without escapes or quotes.
pub(crate) fn text() -> Vec<u8> {
    lines(|random| {
        let (word, item) = (random.word(), random.below(100_000));
        let status = 200 + random.below(300);
        format!(
            "2026-05-17T08:30:01.123Z INFO {word} handled path=/api/v1/{word}/{item} status={status} in={item}us\n"
        )
    })
}

/// Records of an API, with escapes here and there.
pub(crate) fn json() -> Vec<u8> {
    lines(|random| {
        let (one, other, id) = (random.word(), random.word(), random.below(100_000));
        let text = match random.below(4) {
            0 => format!("{one} of \\\"{other}\\\"\\n{id}"),
            1 => format!("{one} \\u00e4nd {other}"),
            _ => format!("{one} and {other}"),
        };
        format!(
            r#"{{"id":{id},"kind":"{one}","text":"{text}","url":"https://example.com/{one}?of={other}&page={id}","done":true}},"#
        )
    })
}

/// Records that hold JSON and HTML, as those of queues and forges do: every few letters there is an escape.
pub(crate) fn escaped() -> Vec<u8> {
    lines(|random| {
        let (one, other, id) = (random.word(), random.word(), random.below(100_000));
        format!(
            r#"{{"id":{id},"html":"\u003ca href=\"https:\/\/example.com\/{one}\"\u003e{other}\u003c\/a\u003e\n","log":"{{\"kind\":\"{one}\",\"text\":\"the \\\"{other}\\\"\"}}\n"}},"#
        )
    })
}

/// Bytes of every value, as in an image.
pub(crate) fn random() -> Vec<u8> {
    let mut random = Random(1);
    (0..BYTES).map(|_| random.next().to_le_bytes()[7]).collect()
}

fn lines(line: impl Fn(&mut Random) -> String) -> Vec<u8> {
    let mut random = Random(1);
    let mut text = String::new();
    while text.len() < BYTES {
        text.push_str(&line(&mut random));
    }
    text.into_bytes()
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }
}
