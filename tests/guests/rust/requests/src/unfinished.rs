//! A request that is let go of in the middle of its body.

use lockstep_step::Failure;
use serde::Deserialize;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

#[derive(Deserialize)]
pub(crate) struct Unfinished {
    authority: String,
    path: String,
    ending: Ending,
}

/// What happens after the first piece of the body.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// The body is dropped.
    Dropped,
    /// The run ends.
    Returned,
    /// The guest traps.
    Trapped,
}

static PIECE: [u8; 20_000] = [b'x'; 20_000];

/// The error that the request ended with.
pub(crate) fn send(asked: Unfinished) -> Result<String, Failure> {
    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| Failure::new("refused");
    request.set_method(&Method::Post).map_err(refused)?;
    request.set_scheme(Some(&Scheme::Https)).map_err(refused)?;
    request
        .set_authority(Some(&asked.authority))
        .map_err(refused)?;
    request
        .set_path_with_query(Some(&asked.path))
        .map_err(refused)?;
    let body = request.body().map_err(refused)?;
    let answer = handle(request, None)?;
    let stream = body.write().map_err(refused)?;
    for _ in 0..4 {
        stream.subscribe().block();
        stream.check_write()?;
        stream.write(&PIECE)?;
    }
    stream.subscribe().block();
    // What was written is on its way by then.
    wasip2::clocks::monotonic_clock::subscribe_duration(50_000_000).block();
    match asked.ending {
        Ending::Returned => {
            std::mem::forget((answer, body, stream));
            return Ok("returned".to_owned());
        }
        Ending::Trapped => {
            std::mem::forget((answer, body, stream));
            panic!("on purpose");
        }
        Ending::Dropped => drop((stream, body)),
    }
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Err(error))) => Ok(error.to_string()),
        Some(Ok(Ok(answer))) => Ok(format!("answered {}", answer.status())),
        Some(Err(())) | None => Err(Failure::new("no answer")),
    }
}
