//! How fast the masker is: a short run from registration to its one line, and long logs of which nothing is masked.
//!
//! Beside it: a bare Aho-Corasick scan over the same forms of the raw text, without views, map or output.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends with a message"
)]

#[path = "../../sandbox/benches/stand/bodies.rs"]
mod bodies;

#[path = "../tests/model/mod.rs"]
#[expect(
    dead_code,
    reason = "only the forms and the random numbers are used here"
)]
mod model;

use std::hint::black_box;

use aho_corasick::AhoCorasick;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lockstep_secret::{Masker, MaskerConfig, Secret};
use model::spell::Random;

const LOG_BYTES: usize = 64 << 20;
/// What a pipe or a guest hands over at once.
const WRITE_BYTES: usize = 64 << 10;

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = one_line, logs, answers
}
criterion_main!(benches);

fn one_line(criterion: &mut Criterion) {
    let values: Vec<String> = (0..3).map(token).collect();
    let clean = "2024-05-17T08:30:01.123Z INFO request handled method=GET path=/api/v1/items/4821 status=200 in=12ms\n";
    let hit = format!(
        "2024-05-17T08:30:01.123Z INFO authorization: Bearer {} status=200 in=9ms\n",
        values[1]
    );
    let mut group = criterion.benchmark_group("three values registered, one line");
    group.sample_size(100);
    for (name, line) in [("clean", clean), ("with a value", &hit)] {
        group.bench_function(name, |bencher| {
            let secrets = || values.iter().cloned().map(Secret::new).collect::<Vec<_>>();
            bencher.iter_batched(
                secrets,
                |secrets| mask_one_line(&secrets, line),
                BatchSize::SmallInput,
            );
        });
    }
}

fn mask_one_line(secrets: &[Secret], line: &str) -> usize {
    let masker = Masker::new(MaskerConfig::default());
    for secret in secrets {
        assert!(masker.register(secret).is_ok());
    }
    let mut stream = masker.stream();
    stream.write(line.as_bytes()).as_bytes().len() + stream.finish().as_bytes().len()
}

fn logs(criterion: &mut Criterion) {
    let logs = [
        ("clean", clean_log()),
        ("quotes and escapes here and there", mixed_log()),
        ("JSON in JSON lines", json_log()),
    ];
    for (name, log) in &logs {
        let mut group = criterion.benchmark_group(format!("64 MiB log, {name}"));
        group.throughput(Throughput::Bytes(LOG_BYTES as u64));
        for count in [10, 1_000] {
            let values: Vec<String> = (0..count).map(token).collect();
            let masker = masker(&values);
            group.bench_function(BenchmarkId::new("masker", count), |bencher| {
                bencher.iter(|| mask_log(&masker, log));
            });
            let bare = bare_search(&values);
            group.bench_function(BenchmarkId::new("bare aho-corasick", count), |bencher| {
                bencher.iter(|| bare.find_iter(black_box(log)).count());
            });
        }
        group.finish();
    }
}

/// What servers answer, looked through for one sealed value.
fn answers(criterion: &mut Criterion) {
    let masker = Masker::new(MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    });
    assert!(masker.register(&Secret::new(token(1))).is_ok());
    let answers = [
        ("text", bodies::text()),
        ("JSON", bodies::json()),
        ("JSON full of escapes", bodies::escaped()),
        ("bytes of every value", bodies::random()),
    ];
    let mut group = criterion.benchmark_group("an answer, one sealed value");
    for (name, answer) in &answers {
        group.throughput(Throughput::Bytes(answer.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| look_through(&masker, answer));
        });
    }
}

fn look_through(masker: &Masker, answer: &[u8]) -> usize {
    let mut stream = masker.stream();
    answer
        .chunks(WRITE_BYTES)
        .map(|piece| stream.write_through(piece).as_inner().len())
        .sum()
}

fn masker(values: &[String]) -> Masker {
    let masker = Masker::new(MaskerConfig::default());
    for value in values {
        assert!(masker.register(&Secret::new(value.clone())).is_ok());
    }
    masker
}

fn mask_log(masker: &Masker, log: &[u8]) -> usize {
    let mut stream = masker.stream();
    let written: usize = log
        .chunks(WRITE_BYTES)
        .map(|write| stream.write(write).as_bytes().len())
        .sum();
    written + stream.finish().as_bytes().len()
}

fn bare_search(values: &[String]) -> AhoCorasick {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    AhoCorasick::new(model::forms_of(&values).shared).expect("few enough forms")
}

/// A random token of 32 characters.
fn token(seed: u64) -> String {
    let mut random = Random(seed);
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..32)
        .map(|_| char::from(letters[random.below(letters.len())]))
        .collect()
}

fn log(mut line: impl FnMut(&mut Random) -> String) -> Vec<u8> {
    let mut random = Random(1);
    let mut log = Vec::with_capacity(LOG_BYTES + 1024);
    while log.len() < LOG_BYTES {
        log.extend_from_slice(line(&mut random).as_bytes());
        log.push(b'\n');
    }
    log.truncate(LOG_BYTES);
    log
}

fn clean_log() -> Vec<u8> {
    log(|random| {
        let (second, item, status) = (
            random.below(60),
            random.below(100_000),
            200 + random.below(300),
        );
        let word = WORDS[random.below(WORDS.len())];
        format!(
            "2024-05-17T08:30:{second:02}.123Z INFO  {word} handled method=GET path=/api/v1/{word}/{item} status={status} duration={item}us"
        )
    })
}

fn mixed_log() -> Vec<u8> {
    log(|random| {
        let (one, other) = (
            WORDS[random.below(WORDS.len())],
            WORDS[random.below(WORDS.len())],
        );
        match random.below(4) {
            0 => format!(
                "WARN it's \"{one}\" that the {other} of {} was told to use",
                random.below(1000)
            ),
            1 => format!(
                "GET https://example.com/{one}%20{other}?page={}&size=20 200",
                random.below(100)
            ),
            2 => format!(
                "\x1b[32mINFO\x1b[0m {one} {other} finished in {} ms",
                random.below(1000)
            ),
            _ => format!(
                "    at {one}.{other} (/srv/app/{one}/{other}.js:{}:{})",
                random.below(1000),
                random.below(80)
            ),
        }
    })
}

fn json_log() -> Vec<u8> {
    log(|random| {
        let (one, other) = (
            WORDS[random.below(WORDS.len())],
            WORDS[random.below(WORDS.len())],
        );
        format!(
            r#"{{"log":"{{\"level\":\"info\",\"message\":\"{one} of \\\"{other}\\\" done\",\"path\":\"\/api\/{one}\"}}\n","id":{}}}"#,
            random.below(100_000)
        )
    })
}

const WORDS: [&str; 12] = [
    "request", "invoice", "customer", "worker", "queue", "session", "report", "shipment",
    "payment", "index", "backup", "message",
];
