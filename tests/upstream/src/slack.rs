//! Slack's `chat.postMessage` (<https://docs.slack.dev/reference/methods/chat.postMessage>), as far as steps see it.

use http::Response;
use serde_json::{Value, json};

use crate::body::{self, Body};
use crate::record::Received;

/// Posts a message, if all is well; else says what is not, with status 200, as Slack does.
pub(crate) fn post_message(received: &Received, token: &str) -> Response<Body> {
    body::json(&match message(received, token) {
        Ok(message) => json!({
            "ok": true,
            "channel": message["channel"],
            "ts": "1503435956.000247",
            "message": { "type": "message", "text": message["text"] },
        }),
        Err(error) => json!({ "ok": false, "error": error }),
    })
}

fn message(received: &Received, token: &str) -> Result<Value, &'static str> {
    if received.method != "POST" {
        return Err("method_not_supported_for_channel_type");
    }
    let given = received.header("authorization").ok_or("not_authed")?;
    let given = given.strip_prefix("Bearer ").ok_or("not_authed")?;
    if given != token {
        return Err("invalid_auth");
    }
    let kind = received.header("content-type").unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err("invalid_post_type");
    }
    let message: Value = serde_json::from_slice(&received.body).map_err(|_| "invalid_json")?;
    if !message["channel"].is_string() {
        return Err("channel_not_found");
    }
    if !message["text"].is_string() {
        return Err("no_text");
    }
    Ok(message)
}
