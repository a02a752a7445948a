//! JSON of a request, read.

use serde::Deserialize;

use crate::object::Object;
use crate::problem::Problem;

/// JSON of this form. What is wrong is told by its place: the text itself may be anything.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let read = serde_json::from_slice(bytes).map(|Object(read)| read);
    read.map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                "has a field that is unknown, missing or of another type"
            }
            _ => "is not JSON",
        };
        let (line, column) = (error.line(), error.column());
        let detail = format!("the body {what}, at line {line}, column {column}");
        Problem::bad_request("invalid_body", detail)
            .hint("`GET /openapi.json` tells the form of the body")
    })
}
