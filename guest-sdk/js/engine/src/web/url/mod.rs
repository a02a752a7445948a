//! URLs: the crate `url` parses them and sets their parts.
//!
//! A parsed URL is an array for JavaScript: its text, then where its parts are in it (`url.js` names them in the same
//! order). The text is ASCII, so a position in bytes is one in characters.

use rquickjs::{Array, Ctx, Function, Object, Result, Value};
use url::{Position, Url, form_urlencoded, quirks};

mod standard;

pub(super) fn natives<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    natives.set("parse", Function::new(ctx.clone(), parse)?)?;
    natives.set("requestable", Function::new(ctx.clone(), requestable)?)?;
    natives.set("set", Function::new(ctx.clone(), set)?)?;
    natives.set("origin", Function::new(ctx.clone(), origin)?)?;
    natives.set("parseQuery", Function::new(ctx.clone(), parse_query)?)?;
    natives.set(
        "serializeQuery",
        Function::new(ctx.clone(), serialize_query)?,
    )?;
    Ok(natives)
}

/// The record of `text`, resolved against `base`; null where one of them is no URL.
fn parse<'js>(ctx: Ctx<'js>, text: String, base: Option<String>) -> Result<Value<'js>> {
    match standard::parse(&text, base.as_deref()) {
        Some(url) => record(&ctx, &url),
        None => Ok(Value::new_null(ctx)),
    }
}

/// The text of a URL that can be requested; null where `text` is no absolute one, undefined where it has a user name or a
/// password.
fn requestable<'js>(ctx: Ctx<'js>, text: String) -> Result<Value<'js>> {
    match standard::parse(&text, None) {
        None => Ok(Value::new_null(ctx)),
        Some(url)
            if !url.username().is_empty() || url.password().is_some_and(|it| !it.is_empty()) =>
        {
            Ok(Value::new_undefined(ctx))
        }
        Some(url) => Ok(rquickjs::String::from_str(ctx, url.as_str())?.into_value()),
    }
}

/// The record of `href` with one part set; null where the standard ignores the new value.
fn set<'js>(ctx: Ctx<'js>, href: String, part: String, value: String) -> Result<Value<'js>> {
    let null = Value::new_null(ctx.clone());
    let Ok(mut url) = Url::parse(&href) else {
        return Ok(null);
    };
    let done = match part.as_str() {
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => standard::set_host(&mut url, |url| quirks::set_host(url, &value)),
        "hostname" => standard::set_host(&mut url, |url| quirks::set_hostname(url, &value)),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            standard::set_path(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => Err(()),
    };
    match done {
        Ok(()) => record(&ctx, &standard::encoded(url)),
        Err(()) => Ok(null),
    }
}

fn record<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<Value<'js>> {
    let at = |position| url[..position].len();
    let username_end = at(Position::AfterUsername);
    let password = username_end + usize::from(url.password().is_some());
    let positions = [
        url.scheme().len() + 1,
        at(Position::BeforeUsername),
        username_end,
        password,
        password + url.password().map_or(0, str::len),
        at(Position::BeforeHost),
        at(Position::AfterHost),
        at(Position::BeforePort),
        at(Position::AfterPort),
        at(Position::BeforePath),
        at(Position::AfterPath),
        at(Position::AfterQuery),
    ];
    let record = Array::new(ctx.clone())?;
    record.set(0, url.as_str())?;
    for (index, position) in positions.into_iter().enumerate() {
        record.set(index + 1, position)?;
    }
    Ok(record.into_value())
}

/// The origin as text. That of a `blob:` URL is the one of the URL inside, if a page could have that.
fn origin(href: String) -> String {
    let Ok(mut url) = Url::parse(&href) else {
        return OPAQUE.to_owned();
    };
    if url.scheme() == "blob" {
        match Url::parse(url.path()) {
            Ok(inner) if matches!(inner.scheme(), "http" | "https") => url = inner,
            _ => return OPAQUE.to_owned(),
        }
    }
    quirks::origin(&url)
}

/// An origin that is equal to no other.
const OPAQUE: &str = "null";

fn parse_query<'js>(ctx: Ctx<'js>, query: String) -> Result<Array<'js>> {
    let list = Array::new(ctx.clone())?;
    for (index, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        let pair = Array::new(ctx.clone())?;
        pair.set(0, name.as_ref())?;
        pair.set(1, value.as_ref())?;
        list.set(index, pair)?;
    }
    Ok(list)
}

fn serialize_query(list: Array<'_>) -> Result<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for pair in list.iter::<Array<'_>>() {
        let pair = pair?;
        query.append_pair(&pair.get::<String>(0)?, &pair.get::<String>(1)?);
    }
    Ok(query.finish())
}
