//! `console`: one line of text each, to stdout or stderr. The platform puts one in its place that shows objects.

use rquickjs::{Coerced, Ctx, Function, Object, function::Rest};

use crate::host::{self, Stream};

const METHODS: [(&str, Stream); 6] = [
    ("log", Stream::Stdout),
    ("info", Stream::Stdout),
    ("debug", Stream::Stdout),
    ("warn", Stream::Stderr),
    ("error", Stream::Stderr),
    ("trace", Stream::Stderr),
];

pub(crate) fn install(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    let console = Object::new(ctx.clone())?;
    for (name, stream) in METHODS {
        let write = move |values: Rest<Coerced<String>>| write(stream, &values);
        console.set(name, Function::new(ctx.clone(), write)?.with_name(name)?)?;
    }
    ctx.globals().set("console", console)
}

fn write(stream: Stream, values: &[Coerced<String>]) {
    let words: Vec<&str> = values.iter().map(|value| value.0.as_str()).collect();
    host::log(stream, &format!("{}\n", words.join(" ")));
}
