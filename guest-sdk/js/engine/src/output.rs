//! The output of a step: JSON. What JSON has no words for is an error that says where it is.

use std::{cell::RefCell, fmt::Write as _};

use rquickjs::{Ctx, Exception, Function, Persistent, Value, function::This};

/// One level of what is being written: an object or array, and the name that it has in the one around it.
struct Level {
    value: Persistent<Value<'static>>,
    name: String,
    is_in_array: bool,
}

thread_local! {
    /// The way from the output to what is being looked at.
    static WAY: RefCell<Vec<Level>> = const { RefCell::new(Vec::new()) };
}

/// Writes outputs.
pub(crate) struct Output {
    check: Persistent<Function<'static>>,
}

impl Output {
    pub(crate) fn install(ctx: &Ctx<'_>) -> rquickjs::Result<Self> {
        let check = Function::new(ctx.clone(), check)?;
        Ok(Self {
            check: Persistent::save(ctx, check),
        })
    }

    /// The output as JSON text. `undefined` is `null`.
    pub(crate) fn stringify<'js>(
        &self,
        ctx: &Ctx<'js>,
        value: &Value<'js>,
    ) -> rquickjs::Result<String> {
        let check = self.check.clone().restore(ctx)?;
        match ctx.json_stringify_replacer(value.clone(), check)? {
            Some(text) => text.to_string(),
            None => Ok("null".to_owned()),
        }
    }
}

/// What `JSON.stringify` calls for each value, before it is written; `this` is what the value is in.
fn check<'js>(
    ctx: Ctx<'js>,
    holder: This<Value<'js>>,
    name: Value<'js>,
    value: Value<'js>,
) -> rquickjs::Result<Value<'js>> {
    let what = if value.is_function() {
        "a function"
    } else if value.is_symbol() {
        "a symbol"
    } else if value.is_big_int() {
        "a BigInt"
    } else if value.is_object() {
        return enter(&ctx, holder.0, &name, value);
    } else {
        return Ok(value);
    };
    climb(&ctx, &holder.0);
    let message = format!(
        "{} is {what}; JSON has none: convert it, or leave it out",
        path(Some((&name, holder.0.is_array())))
    );
    Err(Exception::throw_type(&ctx, &message))
}

fn enter<'js>(
    ctx: &Ctx<'js>,
    holder: Value<'js>,
    name: &Value<'js>,
    value: Value<'js>,
) -> rquickjs::Result<Value<'js>> {
    climb(ctx, &holder);
    let is_in_array = holder.is_array();
    let saved = Persistent::save(ctx, value.clone());
    let seen = WAY.with_borrow(|way| way.iter().position(|level| level.value == saved));
    if let Some(seen) = seen {
        let message = format!(
            "{} is {} again; JSON has no cycles",
            path(Some((name, is_in_array))),
            WAY.with_borrow(|way| path_of(&way[..=seen])),
        );
        return Err(Exception::throw_type(ctx, &message));
    }
    let name = text(name);
    WAY.with_borrow_mut(|way| {
        way.push(Level {
            value: saved,
            name,
            is_in_array,
        })
    });
    Ok(value)
}

/// Goes back up to the level of a holder. That of the output itself is not on the way.
fn climb<'js>(ctx: &Ctx<'js>, holder: &Value<'js>) {
    let holder = Persistent::save(ctx, holder.clone());
    WAY.with_borrow_mut(|way| {
        while way.last().is_some_and(|level| level.value != holder) {
            way.pop();
        }
    });
}

/// Where the output is being looked at: one step further than the way, if there is one.
fn path(last: Option<(&Value<'_>, bool)>) -> String {
    let mut path = WAY.with_borrow(|way| path_of(way));
    // The first value has the name "" in an object around it.
    let is_inside = WAY.with_borrow(|way| !way.is_empty());
    if let Some((name, is_in_array)) = last.filter(|_| is_inside) {
        push(&mut path, &text(name), is_in_array);
    }
    path
}

fn path_of(way: &[Level]) -> String {
    let mut path = "output".to_owned();
    for level in way.iter().skip(1) {
        push(&mut path, &level.name, level.is_in_array);
    }
    path
}

fn push(path: &mut String, name: &str, is_in_array: bool) {
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    // Writing to a string does not fail.
    let _ = if is_in_array {
        write!(path, "[{name}]")
    } else if is_word && !name.is_empty() {
        write!(path, ".{name}")
    } else {
        write!(path, "[{name:?}]")
    };
}

fn text(name: &Value<'_>) -> String {
    let text = name.as_string().and_then(|name| name.to_string().ok());
    text.unwrap_or_else(|| "?".to_owned())
}
