//! HTTP/2 as its frames come (RFC 9113), from clients that mean no good: what one connection may have is limited.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, RUNS, get, run};

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const GOAWAY: u8 = 0x7;
const CONTINUATION: u8 = 0x9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;
const REFUSED_STREAM: u32 = 0x7;
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// What `connection.rs` of the server says.
const MOST_REQUESTS: u32 = 128;
const LARGEST_HEAD: u32 = 32 << 10;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A connection that speaks HTTP/2 from its first byte on.
struct Connection(TcpStream);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field of a head that is kept in no table (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.extend(number(text.len(), 7));
        field.extend(text.as_bytes());
    }
    field
}

/// A whole number (RFC 7541, section 5.1).
fn number(number: usize, bits: u32) -> Vec<u8> {
    let most = (1 << bits) - 1;
    let Some(mut rest) = number.checked_sub(most) else {
        return vec![u8::try_from(number).unwrap()];
    };
    let mut bytes = vec![u8::try_from(most).unwrap()];
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

fn head(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a"),
    ];
    let fields = pseudo.iter().chain(fields);
    fields
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

fn ask(stream: u32, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        stream,
        &head(path, fields),
    )
}

fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

impl Connection {
    fn open(server: &Served<'_>) -> Self {
        let mut connection = server.connect();
        connection
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        connection.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
        Self(connection)
    }

    /// Whether it was taken: a server that has had enough takes nothing more.
    fn say(&mut self, frames: &[u8]) -> bool {
        self.0.write_all(frames).is_ok()
    }

    /// The next frame, or the end.
    fn hear(&mut self) -> Option<Frame> {
        let mut start = [0; 9];
        match self.0.read_exact(&mut start) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ) =>
            {
                return None;
            }
            Err(error) => panic!("{error}"),
        }
        let length = u32::from_be_bytes([0, start[0], start[1], start[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).unwrap();
        let stream = u32::from_be_bytes(start[5..].try_into().unwrap());
        let (kind, flags) = (start[3], start[4]);
        Some(Frame {
            kind,
            flags,
            stream,
            payload,
        })
    }

    /// The answer to a request: the block of its fields, and its body. `None` if it was taken back.
    fn answer(&mut self, stream: u32) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut fields, mut body) = (Vec::new(), Vec::new());
        loop {
            let heard = self.hear().unwrap();
            assert_ne!(heard.kind, GOAWAY, "{}", code(&heard.payload[4..]));
            if heard.stream != stream {
                continue;
            }
            match heard.kind {
                HEADERS => fields = heard.payload,
                DATA => body.extend(heard.payload),
                RST_STREAM => return None,
                _ => continue,
            }
            if heard.flags & END_STREAM != 0 {
                return Some((fields, body));
            }
        }
    }

    /// Why the server ended the connection.
    fn goodbye(&mut self) -> Option<u32> {
        let mut why = None;
        while let Some(heard) = self.hear() {
            if heard.kind == GOAWAY {
                why = Some(code(&heard.payload[4..]));
            }
        }
        why
    }
}

fn is_served(server: &Served<'_>) {
    let mut connection = Connection::open(server);
    connection.say(&ask(1, "/healthz", &[]));
    assert_eq!(connection.answer(1).unwrap().1, b"ok\n");
}

#[tokio::test]
async fn a_connection_has_so_many_requests_at_a_time_and_no_more() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let body = json!({"source": "await new Promise(done => setTimeout(done, 600000))"}).to_string();
    let whom = ("POST", INLINE, Some(runner.as_str()));
    let accepted = server.ask_with("Prefer: respond-async\r\n", whom, (JSON, body.as_bytes()));
    let endless = accepted.is(202).json()["run"].as_str().unwrap().to_owned();
    let mut connection = Connection::open(&server);
    let settings = connection.hear().unwrap();
    assert_eq!(settings.kind, SETTINGS);
    let set: Vec<(u16, u32)> = settings
        .payload
        .chunks_exact(6)
        .map(|set| (u16::from_be_bytes([set[0], set[1]]), code(&set[2..])))
        .collect();
    assert!(
        set.contains(&(MAX_CONCURRENT_STREAMS, MOST_REQUESTS)),
        "{set:?}"
    );
    assert!(
        set.contains(&(MAX_HEADER_LIST_SIZE, LARGEST_HEAD)),
        "{set:?}"
    );
    // Who has said that it has seen this is held to it.
    connection.say(&frame(SETTINGS, 0x1, 0, &[]));
    let (path, bearer) = (format!("{RUNS}/{endless}/logs"), format!("Bearer {runner}"));
    let events = [
        ("authorization", bearer.as_str()),
        ("accept", "text/event-stream"),
    ];
    let beyond = 10;
    for at in 0..MOST_REQUESTS + beyond {
        assert!(connection.say(&ask(2 * at + 1, &path, &events)));
    }
    let (mut answered, mut refused) = (0, 0);
    while answered < MOST_REQUESTS || refused < beyond {
        let heard = connection.hear().unwrap();
        match heard.kind {
            HEADERS => answered += 1,
            RST_STREAM => {
                assert_eq!(code(&heard.payload), REFUSED_STREAM);
                assert!(heard.stream > 2 * MOST_REQUESTS, "{}", heard.stream);
                refused += 1;
            }
            GOAWAY => panic!("{}", code(&heard.payload[4..])),
            _ => {}
        }
    }
    assert_eq!((answered, refused), (MOST_REQUESTS, beyond));
    is_served(&server);
    let cancel = format!("{RUNS}/{endless}/cancel");
    server
        .ask("POST", &cancel, Some(&runner), super::NOTHING)
        .is(202);
}

#[tokio::test]
async fn a_flood_of_requests_that_are_taken_back_ends_the_connection() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let cancel = 8_u32.to_be_bytes();
    let taken_back = |stream| {
        [
            ask(stream, "/healthz", &[]),
            frame(RST_STREAM, 0, stream, &cancel),
        ]
        .concat()
    };
    // Such a field makes a request malformed, so that the server takes it back (RFC 9113, section 8.2.2).
    let malformed = |stream| ask(stream, "/healthz", &[("connection", "close")]);
    for flood in [&taken_back as &dyn Fn(u32) -> Vec<u8>, &malformed] {
        let mut connection = Connection::open(&server);
        let frames: Vec<u8> = (0..2_000).flat_map(|at| flood(2 * at + 1)).collect();
        connection.say(&frames);
        // What it says last may be lost, where more had come than it read.
        if let Some(why) = connection.goodbye() {
            assert_eq!(why, ENHANCE_YOUR_CALM);
        }
    }
    is_served(&server);
    assert_eq!(run(&server, &runner, "return 1", &Value::Null)["output"], 1);
}

#[tokio::test]
async fn a_head_that_never_ends_or_is_large_when_it_is_unpacked_is_not_held() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let before = server.resident_bytes();
    // Frame by frame, without an end.
    let mut endless = Connection::open(&server);
    endless.say(&frame(HEADERS, END_STREAM, 1, &head("/healthz", &[])));
    let more = frame(CONTINUATION, 0, 1, &field("x-more", &"x".repeat(8_000)));
    let taken = (0..10_000).take_while(|_| endless.say(&more)).count();
    assert!(taken < 10_000, "80 MB were taken");
    endless.goodbye();
    // A field that is put into the table once (RFC 7541, section 6.2.1), and named a thousand times.
    let mut bomb = Connection::open(&server);
    let mut fields = head("/healthz", &[]);
    fields.extend(field("x-bomb", &"x".repeat(3_000)));
    let literal = fields.len() - field("x-bomb", &"x".repeat(3_000)).len();
    fields[literal] = 0x40;
    fields.extend([0x80 | 62; 4_000]);
    bomb.say(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields));
    if let Some(why) = bomb.goodbye() {
        assert_eq!(why, ENHANCE_YOUR_CALM);
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
    is_served(&server);
}

#[tokio::test]
async fn a_flood_that_asks_for_answers_and_reads_none_is_not_read_on() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    // A line for each frame would be the most of what is done here.
    let quiet = [("LOCKSTEP_LOG", "info".to_owned())];
    let server = Served::start_in(&host, &quiet, &["--client-timeout", "2s"]).await;
    is_served(&server);
    let before = server.resident_bytes();
    for asks in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
        let mut connection = Connection::open(&server);
        connection
            .0
            .set_write_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let many = asks.repeat(4_096);
        // What neither side has read is in the sockets: some megabytes.
        let taken = (0..2_000).take_while(|_| connection.say(&many)).count();
        assert!(taken < 2_000, "{} bytes were taken", taken * many.len());
        get(&server, RUNS, &admin).is(200);
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}
