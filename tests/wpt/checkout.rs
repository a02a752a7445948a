//! The files of a checkout: which are tests, and what each needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::expectations::Expectations;

/// What a step is held to: the interfaces of ECMA-429, folder by folder.
const FOLDERS: [&str; 28] = [
    "FileAPI",
    "WebCryptoAPI",
    "compression",
    "console",
    "dom/abort",
    "dom/events",
    "encoding",
    "fetch/api",
    "fetch/content-encoding",
    "fetch/content-length",
    "fetch/content-type",
    "fetch/data-urls",
    "fetch/h1-parsing",
    "fetch/range",
    "fetch/security",
    "hr-time",
    "html/webappapis/atob",
    "html/webappapis/microtask-queuing",
    "html/webappapis/scripting",
    "html/webappapis/structured-clone",
    "html/webappapis/timers",
    "mimesniff/mime-types",
    "streams",
    "url",
    "urlpattern",
    "webidl/ecmascript-binding/es-exceptions",
    "webmessaging/message-channels",
    "xhr/formdata",
];

/// Where the server of WPT has a file that is elsewhere on disk.
const PARSER: (&str, &str) = (
    "resources/WebIDLParser.js",
    "resources/webidl2/lib/webidl2.js",
);

/// The name of the server in the tests, and the port that it has there.
const HOST: &str = "web-platform.test";
const USUAL_PORT: u16 = 8000;

/// A checkout of the Web Platform Tests.
pub(crate) struct Checkout {
    root: PathBuf,
    port: u16,
    served: bool,
    pub(crate) harness: String,
}

/// A file of tests, in one of its variants.
pub(crate) struct File {
    /// Below the checkout.
    pub(crate) path: String,
    /// What its URL has behind the path, or nothing.
    pub(crate) search: String,
    pub(crate) folder: &'static str,
}

/// What its step gets.
#[derive(Serialize)]
pub(crate) struct Input<'a> {
    /// Of the server.
    origin: String,
    /// Whether it runs.
    served: bool,
    path: &'a str,
    search: &'a str,
    harness: &'a str,
    source: String,
    /// Whether `idlharness.js` is used.
    idl: bool,
    /// Path on the server, and content in base64.
    resources: BTreeMap<String, String>,
}

// === impl Checkout ===

impl Checkout {
    /// `port` is that of its server, if it runs.
    pub(crate) fn open(root: &Path, port: Option<u16>) -> Result<Self, String> {
        let harness = root.join("resources/testharness.js");
        let harness = fs::read_to_string(&harness).map_err(|error| {
            format!(
                "{} is no checkout of the Web Platform Tests: cannot read {}: {error}",
                root.display(),
                harness.display()
            )
        })?;
        Ok(Self {
            root: root.to_owned(),
            port: port.unwrap_or(USUAL_PORT),
            served: port.is_some(),
            harness,
        })
    }

    /// The tests whose paths begin with one of the filters, but for those that are left out.
    pub(crate) fn files(
        &self,
        expectations: &Expectations,
        filters: &[String],
    ) -> Result<Vec<File>, String> {
        let mut files = Vec::new();
        for folder in FOLDERS {
            let mut paths = Vec::new();
            list(&self.root.join(folder), &mut paths)?;
            paths.sort();
            for path in paths {
                let path = self.below(&path);
                let wanted =
                    filters.is_empty() || filters.iter().any(|filter| path.starts_with(filter));
                if wanted && is_test(&path) {
                    let variants = self.variants(folder, &path)?.into_iter();
                    files.extend(variants.filter(|file| !expectations.leaves_out(&file.name())));
                }
            }
        }
        Ok(files)
    }

    fn below(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        below.to_string_lossy().into_owned()
    }

    fn variants(&self, folder: &'static str, path: &str) -> Result<Vec<File>, String> {
        let text = self.read(path)?;
        let mut searches: Vec<&str> = metas(&text, "variant").collect();
        if searches.is_empty() {
            searches.push("");
        }
        let file = |search: &str| File {
            path: path.to_owned(),
            search: search.to_owned(),
            folder,
        };
        Ok(searches.into_iter().map(file).collect())
    }

    /// What the step of a file gets.
    pub(crate) fn input<'a>(&'a self, file: &'a File) -> Result<Input<'a>, String> {
        let test = self.read(&file.path)?;
        let mut source = String::new();
        let mut idl = false;
        for script in metas(&test, "script") {
            idl |= script.ends_with("idlharness.js");
            source += &self.read(&beside(&file.path, script))?;
            source += "\n;\n";
        }
        source += &test;
        Ok(Input {
            origin: format!("http://{HOST}:{}", self.port),
            served: self.served,
            path: &file.path,
            search: &file.search,
            harness: &self.harness,
            resources: self.resources(&file.path, &source),
            source,
            idl,
        })
    }

    /// The files and interface definitions that are named in a text.
    fn resources(&self, test: &str, source: &str) -> BTreeMap<String, String> {
        let mut resources = BTreeMap::new();
        let definitions = source.contains("idl_test(");
        for word in source.split(['"', '\'', '`', '\n']) {
            let path = match word {
                data if data.starts_with('/') || data.ends_with(".json") => beside(test, data),
                name if definitions && is_name(name) => format!("interfaces/{name}.idl"),
                _ => continue,
            };
            if let Ok(content) = fs::read(self.root.join(&path)) {
                resources.insert(format!("/{path}"), BASE64_STANDARD.encode(content));
            }
        }
        resources
    }

    /// What the server would put in for `{{host}}` and the like. It has one port.
    fn filled_in(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, (name, after))) = rest
            .split_once("{{")
            .and_then(|(before, after)| Some((before, after.split_once("}}")?)))
        {
            filled += before;
            filled += &match name {
                "host" | "domains[]" | "hosts[][]" => HOST.to_owned(),
                "domains[www]" => format!("www.{HOST}"),
                "domains[www1]" => format!("www1.{HOST}"),
                "domains[www2]" => format!("www2.{HOST}"),
                "hosts[alt][]" => format!("not-{HOST}"),
                _ => self.port.to_string(),
            };
            rest = after;
        }
        filled + rest
    }

    fn read(&self, path: &str) -> Result<String, String> {
        let path = if path == PARSER.0 { PARSER.1 } else { path };
        let full = self.root.join(path);
        let text = fs::read_to_string(&full)
            .map_err(|error| format!("cannot read {}: {error}", full.display()))?;
        Ok(if path.contains(".sub.") {
            self.filled_in(&text)
        } else {
            text
        })
    }
}

// === impl File ===

impl File {
    /// What it is called in expectations and reports.
    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.path, self.search)
    }
}

/// A folder that is not there is empty: Node.js carries a part of the tests only.
fn list(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry
            .map_err(|error| format!("cannot list {}: {error}", folder.display()))?
            .path();
        if path.is_dir() {
            list(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

fn is_test(path: &str) -> bool {
    path.ends_with(".any.js") || path.ends_with(".window.js")
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

/// The values of the comments `// META: KEY=VALUE` at the top of a test.
fn metas<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .take_while(|line| line.starts_with("//"))
        .filter_map(move |line| {
            let meta = line
                .strip_prefix("//")?
                .trim_start()
                .strip_prefix("META:")?;
            meta.trim().strip_prefix(key)?.strip_prefix('=')
        })
}

/// The path that a URL in a test means.
fn beside(test: &str, url: &str) -> String {
    if let Some(absolute) = url.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut parts: Vec<&str> = test.split('/').collect();
    parts.pop();
    for part in url.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_comment_is_at_the_top() {
        let text = "// META: script=a.js\n// a word\n//META: script=/b.js\n\n// META: script=c.js";
        assert_eq!(metas(text, "script").collect::<Vec<_>>(), ["a.js", "/b.js"]);
    }

    #[test]
    fn a_url_is_relative_to_the_test_or_absolute() {
        assert_eq!(beside("url/a/b.any.js", "../c.json"), "url/c.json");
        assert_eq!(beside("url/b.any.js", "./r/c.json"), "url/r/c.json");
        assert_eq!(beside("url/b.any.js", "/common/c.js"), "common/c.js");
    }
}
