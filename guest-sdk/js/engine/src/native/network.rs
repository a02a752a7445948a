//! Requests, as the platform asks the host for them, and the news of them.

use std::cell::Cell;

use rquickjs::{Ctx, Function, Object, String as Text, TypedArray, Value};

use super::Platform;
use crate::{
    buffer::Buffer,
    host::{self, News},
    script,
    web::Bytes,
};

/// What the host is asked for.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Operation {
    Open = 0,
    Send = 1,
    End = 2,
    Read = 3,
    Close = 4,
}

/// Kinds of news that come with more than themselves.
const HEAD: u8 = 1;
const PIECE: u8 = 2;
const FAILURE: u8 = 4;
const WHOLE: u8 = 6;

thread_local! {
    /// How many news the platform waits for.
    static AWAITED: Cell<u32> = const { Cell::new(0) };
}

/// Whether anything can happen that no time brings.
pub(crate) fn awaits_news() -> bool {
    AWAITED.get() > 0
}

/// Tells the platform what happened to a request.
pub(crate) fn tell<'js>(ctx: &Ctx<'js>, platform: &Platform, news: &News) -> rquickjs::Result<()> {
    let bytes = host::take_news(news.length);
    let payload: Value = match news.kind {
        HEAD => answer(ctx, &bytes, None)?,
        WHOLE => {
            let (length, rest) = bytes.split_first_chunk().unwrap_or((&[0; 4], &[]));
            let (head, body) = rest.split_at(u32::from_le_bytes(*length) as usize);
            answer(ctx, head, Some(body))?
        }
        FAILURE => script::parse(ctx, &Buffer::from(bytes), c"news")?,
        PIECE => TypedArray::new(ctx.clone(), bytes)?.into_value(),
        _ => Value::new_undefined(ctx.clone()),
    };
    platform.hear(ctx, news.kind, news.id, payload)
}

/// The head of an answer, and its body if that is all there. Its headers stay lines until a step asks for one.
fn answer<'js>(ctx: &Ctx<'js>, head: &[u8], whole: Option<&[u8]>) -> rquickjs::Result<Value<'js>> {
    let text = |text| Text::from_str(ctx.clone(), text);
    let mut lines = str::from_utf8(head).unwrap_or_default().splitn(5, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let answer = Object::new(ctx.clone())?;
    answer.set("status", line().parse().unwrap_or(0_i32))?;
    answer.set("reason", text(line())?)?;
    answer.set("url", text(line())?)?;
    answer.set("redirected", line() == "redirected")?;
    answer.set("headers", text(line())?)?;
    if let Some(whole) = whole {
        answer.set("whole", TypedArray::new(ctx.clone(), whole)?)?;
    }
    Ok(answer.into_value())
}

pub(super) fn natives<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    natives.set("open", Function::new(ctx.clone(), open)?)?;
    natives.set("send", Function::new(ctx.clone(), send)?)?;
    natives.set("end", of_request(ctx, Operation::End)?)?;
    natives.set("read", of_request(ctx, Operation::Read)?)?;
    natives.set("close", of_request(ctx, Operation::Close)?)?;
    natives.set("awaits", Function::new(ctx.clone(), awaits)?)?;
    Ok(natives)
}

fn open(head: String, body: Option<Bytes<'_>>) -> i32 {
    let body = body.as_deref().unwrap_or_default();
    host::network(Operation::Open as i32, 0, head.as_bytes(), body)
}

fn send(id: i32, piece: Bytes<'_>) -> i32 {
    host::network(Operation::Send as i32, id, &piece, &[])
}

fn of_request<'js>(ctx: &Ctx<'js>, operation: Operation) -> rquickjs::Result<Function<'js>> {
    Function::new(ctx.clone(), move |id: i32| {
        host::network(operation as i32, id, &[], &[])
    })
}

fn awaits(count: u32) {
    AWAITED.set(count);
}
