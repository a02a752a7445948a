//! What makes the host hold something for a guest. Each tells how much it got away with.

use lockstep_step::Failure;
use serde::Deserialize;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, Method, OutgoingRequest, OutgoingResponse, Scheme,
};
use wasip2::io::poll::poll;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hoard {
    /// So many lists of headers, each with a value of so many bytes.
    Fields(usize, usize),
    /// So many answers of its own, each with such headers.
    Answers(usize, usize),
    /// So many bodies, each as full as it may be, in bytes.
    Bodies(usize),
    /// A method of this length; 0: it is refused.
    Method(usize),
    /// A host of this length.
    Authority(usize),
    /// A path of this length.
    Path(usize),
    /// So many requests at once to this host, which answers none, of which so many are refused.
    Open(usize, usize, String),
    /// So many long answers of this host, asked for one after the other; none is read.
    Unread(usize, String),
}

impl Hoard {
    pub(crate) fn hold(self) -> Result<u64, Failure> {
        let long = |length| "a".repeat(length);
        let request = || OutgoingRequest::new(Fields::new());
        let held = |result: Result<(), ()>, length| if result.is_ok() { length } else { 0 };
        let held = match self {
            Self::Fields(count, length) => held_by(count, length, std::mem::forget),
            Self::Answers(count, length) => held_by(count, length, |fields| {
                std::mem::forget(OutgoingResponse::new(fields));
            }),
            Self::Bodies(count) => {
                let mut bytes = 0;
                for _ in 0..count {
                    bytes += body()?;
                }
                bytes
            }
            Self::Method(length) => {
                held(request().set_method(&Method::Other(long(length))), length)
            }
            Self::Authority(length) => held(request().set_authority(Some(&long(length))), length),
            Self::Path(length) => {
                let path = format!("/{}", long(length - 1));
                held(request().set_path_with_query(Some(&path)), length)
            }
            Self::Open(count, refused, authority) => open(count, refused, &authority)?,
            Self::Unread(count, authority) => unread(count, &authority)?,
        };
        Ok(held as u64)
    }
}

/// Fills lists of headers, and leaves them with the host. Over the limit this is a trap.
fn held_by(count: usize, length: usize, leave: impl Fn(Fields)) -> usize {
    let filled = || {
        let fields = Fields::new();
        let set = fields.set("x", &[vec![b'x'; length]]);
        leave(fields);
        set.map_or(0, |()| length)
    };
    (0..count).map(|_| filled()).sum()
}

fn body() -> Result<usize, Failure> {
    let request = OutgoingRequest::new(Fields::new());
    let body = request.body().map_err(|()| Failure::new("no body"))?;
    let stream = body.write().map_err(|()| Failure::new("no stream"))?;
    let mut held = 0;
    loop {
        let room = usize::try_from(stream.check_write()?)?;
        if room == 0 {
            break;
        }
        stream.write(&vec![b'x'; room])?;
        held += room;
    }
    std::mem::forget((request, body, stream));
    Ok(held)
}

fn get(authority: &str, path: &str) -> Result<FutureIncomingResponse, Failure> {
    let request = OutgoingRequest::new(Fields::new());
    let invalid = |()| Failure::new("invalid");
    request.set_scheme(Some(&Scheme::Https)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;
    Ok(handle(request, None)?)
}

fn open(count: usize, refused: usize, authority: &str) -> Result<usize, Failure> {
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(get(authority, "/slow/never")?);
    }
    let all: Vec<_> = answers
        .iter()
        .map(FutureIncomingResponse::subscribe)
        .collect();
    for last in &all[count - refused..] {
        last.block();
    }
    Ok(poll(&all.iter().collect::<Vec<_>>()).len())
}

fn unread(count: usize, authority: &str) -> Result<usize, Failure> {
    let mut answers = Vec::new();
    for _ in 0..count {
        let asked = get(authority, "/bytes/1000000")?;
        asked.subscribe().block();
        let answer = asked.get().ok_or_else(|| Failure::new("no answer"))?;
        answers.push(answer.map_err(|()| Failure::new("taken before"))??);
    }
    Ok(answers.len())
}
