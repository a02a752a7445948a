//! Random ways of writing a value, and random text around it.

/// A piece of input. `seed` decides its details.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) kind: usize,
    pub(crate) value: usize,
    pub(crate) seed: u64,
}

/// So many kinds of pieces have to do with values, and [`PLAIN_KINDS`] more are what logs are full of.
pub(crate) const KINDS: usize = 24;
pub(crate) const PLAIN_KINDS: usize = 14;

/// Values that share beginnings and ends, overlap themselves, and are full of what views undo.
pub(crate) const VALUES: [&str; 26] = [
    "Marmot-Quill-7731",
    "Quill-7731-tail-of-it",
    "aaaaaaaaaaaa",
    "abab abab abab abab",
    "p@ss w0rd+&%/\\x \"q\"",
    "line one of it\nline two of it\n{\nlast line here",
    "-----BEGIN KEY-----\nMIIEowIBAAKC\nAQEA1234\n-----END KEY-----",
    "ünïcödé-schlüssel-✓",
    "short",
    "four",
    "sixsix",
    "seven77",
    "eight888",
    "C:\\temp\\new\\x41",
    "'quoted value'",
    "$dollar$sign`tick`",
    "https://user:p%40ss%3Aword@host.example/db?x=1",
    "{\"password\":\"leaf-secret-1\",\"name\":\"not-secret-2\",\"n\":{\"key\":[\"array-leaf-3\"]}}",
    "before1&before2&after3",
    "one two&+three four",
    "ab\u{1b}[0mcdefghijklmnop",
    "tab\tand\r\ncrlf value",
    "%41%42%43%44%45%46",
    "&amp;entity&lt;value",
    "nabcdefgh",
    "\u{20ac}uro-\u{2013}-dash",
];

/// The input that the pieces spell.
pub(crate) fn write(pieces: &[Piece], values: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        let value = values[piece.value % values.len()].as_bytes();
        let mut random = Random(piece.seed);
        let mut text = spell(piece.kind, value, &mut random);
        match random.below(6) {
            0 => text.truncate(random.below(text.len() + 1)),
            1 => {
                text.remove(random.below(text.len()));
            }
            2 => text.insert(random.below(text.len()), NOISE[random.below(NOISE.len())]),
            _ => {}
        }
        out.extend(text);
    }
    out
}

const NOISE: &[u8] = b" \n\r\t\\%&+'\"`^$;#=x0u41{}[]\x1b\x07mnaM4";

fn spell(kind: usize, value: &[u8], random: &mut Random) -> Vec<u8> {
    match kind {
        0 => (0..random.below(12) + 1)
            .map(|_| NOISE[random.below(NOISE.len())])
            .collect(),
        1 => b"a log line, nothing more\n".to_vec(),
        2 | 3 => value.to_vec(),
        4 => percent(value, random),
        5 => percent(&percent(value, random), random),
        6 => replace(&percent(value, random), b' ', b"+"),
        7 => backslash(value, random),
        8 => backslash(&backslash(value, random), random),
        9 => backslash(&backslash(&backslash(value, random), random), random),
        10 => entity(value, random),
        11 => entity(&entity(value, random), random),
        12 => scatter(value, random, BREAKS),
        13 => scatter(&base64(value, random), random, BREAKS),
        14 => backslash(&scatter(value, random, BREAKS), random),
        15 => scatter(
            value,
            random,
            &["'", "\"", "\\", "`", "^", "$", "$$", "'\\''"],
        ),
        16 => base64(value, random),
        17 => {
            let inner = base64(value, random);
            base64(&inner, random)
        }
        18 => value
            .iter()
            .flat_map(|byte| format!("{byte:02x}").into_bytes())
            .collect(),
        19 => value.iter().flat_map(|&byte| [byte, 0]).collect(),
        20 => percent(&base64(value, random), random),
        21 => [value, value].concat(),
        22 => value[..random.below(value.len()) + 1].to_vec(),
        23 => backslash(&scatter(&base64(value, random), random, BREAKS), random),
        _ => plain(random),
    }
}

/// What logs are full of.
fn plain(random: &mut Random) -> Vec<u8> {
    let words = [
        "2024-05-17T08:30:01.123Z INFO ",
        "request handled path=/api/v1/items status=200",
        "\n",
        "\n    at module.function (file.js:10:20)",
        " {\"level\":\"info\",\"message\":\"it's done\"}",
        " {\\\"nested\\\":\\\"json\\\",\\\"path\\\":\\\"C:\\\\\\\\dir\\\"}\\n",
        "https://example.com/a%20b?c=d&amp;e=%2Ff",
        "\x1b[32mgreen\x1b[0m ",
        "d2hhdCBsb2dzIGFyZSBmdWxsIG9mCg==",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ",
        "ghp_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3 ",
        "xoxb-1234567890-abcdef task-runner-deployment ",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nshort\n",
        "                                                  ",
    ];
    (0..random.below(8) + 1)
        .flat_map(|_| words[random.below(words.len())].bytes())
        .collect()
}

const BREAKS: &[&str] = &[
    "\n",
    "\r\n",
    " \n  ",
    "\x1b[31m",
    "\x1b[0m",
    "\x1b]0;t\x07",
    "\x1b]8;;u\x1b\\",
    "\n\x1b[1m\n",
    " ",
];

fn percent(text: &[u8], random: &mut Random) -> Vec<u8> {
    spread(text, random, |byte, random| match random.below(2) {
        0 => format!("%{byte:02x}").into_bytes(),
        _ => format!("%{byte:02X}").into_bytes(),
    })
}

fn backslash(text: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let rate = 1 + random.below(8);
    let mut out = String::new();
    for c in text.chars() {
        let code = u32::from(c);
        let must = c == '\\' || c == '"' || c.is_control();
        if !must && random.below(rate) > 0 {
            out.push(c);
            continue;
        }
        match random.below(7) {
            0 if code < 0x80 => out.push_str(&format!("\\x{code:02x}")),
            1 if code < 0x80 => out.push_str(&format!("\\{code:03o}")),
            2 => out.push_str(&format!("\\u{{{code:x}}}")),
            3 => out.push_str(&format!("\\U{code:08X}")),
            4 if c == '\n' => out.push_str("\\n"),
            4 if c.is_ascii_punctuation() => out.push_str(&format!("\\{c}")),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.into_bytes()
}

fn entity(text: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let rate = 1 + random.below(8);
    let mut out = String::new();
    for c in text.chars() {
        match (c, random.below(rate)) {
            ('&', _) => out.push_str("&amp;"),
            ('<', _) => out.push_str("&lt;"),
            ('"', _) => out.push_str("&quot;"),
            (c, 0) => out.push_str(&format!("&#{};", u32::from(c))),
            (c, 1) => out.push_str(&format!("&#x{:X};", u32::from(c))),
            (c, _) => out.push(c),
        }
    }
    out.into_bytes()
}

fn scatter(text: &[u8], random: &mut Random, inserts: &[&str]) -> Vec<u8> {
    let rate = 2 + random.below(16);
    let mut out = Vec::new();
    for &byte in text {
        out.push(byte);
        if random.below(rate) == 0 {
            out.extend_from_slice(inserts[random.below(inserts.len())].as_bytes());
        }
    }
    out
}

fn base64(text: &[u8], random: &mut Random) -> Vec<u8> {
    let before = [&b""[..], b"u:", b"x", b"user:"][random.below(4)];
    let after = [&b""[..], b"\n", b"yz"][random.below(3)];
    let text = [before, text, after].concat();
    let alphabet: &[u8] = match random.below(2) {
        0 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    };
    let mut out = Vec::new();
    for group in text.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | usize::from(*group.get(at).unwrap_or(&0))
        });
        for at in 0..4 {
            let byte = if at <= group.len() {
                alphabet[bits >> (18 - 6 * at) & 63]
            } else {
                b'='
            };
            out.push(byte);
        }
    }
    out
}

fn spread(
    text: &[u8],
    random: &mut Random,
    mut escape: impl FnMut(u8, &mut Random) -> Vec<u8>,
) -> Vec<u8> {
    let rate = 1 + random.below(8);
    let mut out = Vec::new();
    for &byte in text {
        if byte == b'%' || byte >= 0x80 || random.below(rate) == 0 {
            out.extend(escape(byte, random));
        } else {
            out.push(byte);
        }
    }
    out
}

fn replace(text: &[u8], from: u8, to: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|&byte| {
            if byte == from {
                to.to_vec()
            } else {
                vec![byte]
            }
        })
        .collect()
}

/// A small generator (splitmix64), so that a piece is decided by its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(bits >> 33).map_or(0, |number| number % limit)
    }
}
