//! No step: a component that answers each request over HTTP with a constant (the world `wasi:http/proxy`), for
//! `wasmtime serve`, beside which `cargo xtask load` puts runs.

use std::io::Write as _;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

wasip2::http::proxy::export!(Constant);

struct Constant;

impl Guest for Constant {
    fn handle(_: IncomingRequest, told: ResponseOutparam) {
        let answer = OutgoingResponse::new(Fields::new());
        let body = answer.body().unwrap();
        ResponseOutparam::set(told, Ok(answer));
        let mut text = body.write().unwrap();
        text.write_all(br#"{"outcome":"completed"}"#).unwrap();
        drop(text);
        OutgoingBody::finish(body, None).unwrap();
    }
}
