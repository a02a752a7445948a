//! axum that answers a constant: what the way there and back costs.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use hyper::Method;
use tokio::net::TcpListener;

use crate::client::Ask;
use crate::process::Process;

/// The argument with which this program is that server.
pub(crate) const ALONE: &str = "--constant";
const ANSWER: &str = r#"{"outcome":"completed"}"#;

pub(crate) fn start() -> Process {
    let mut child = Command::new("/proc/self/exe")
        .arg(ALONE)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    told.read_line(&mut line).unwrap();
    let address = line.trim().parse().unwrap();
    Process { child, address }
}

pub(crate) fn ask() -> Ask {
    Ask {
        method: Method::POST,
        path: "/".to_owned(),
        token: None,
        kind: "application/json",
        body: Bytes::from_static(br#"{"input":{"n":1}}"#),
        expected: ANSWER,
    }
}

/// With the runtime that `lockstep serve` has.
#[tokio::main]
pub(crate) async fn serve() {
    let router = Router::new().route("/", post(async || ANSWER));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}
