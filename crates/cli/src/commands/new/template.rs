//! The files of a new project: those of its language, and the SDK.

use clap::ValueEnum;
use include_dir::{Dir, DirEntry, include_dir};
use serde::Serialize;
use serde_json::Value;

/// The language of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Language {
    /// TypeScript
    Ts,
    /// JavaScript
    Js,
    /// Rust
    Rust,
}

/// A file, at a path of the project.
pub(super) struct File {
    pub(super) path: String,
    pub(super) contents: Vec<u8>,
}

static TS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/ts");
static JS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/js");
static RUST: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/rust");

/// What is published of `@lockstep/step`, by its folders.
static JS_SDK: [(&str, Dir<'static>); 3] = [
    (
        "bin",
        include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/js/bin"),
    ),
    (
        "src",
        include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/js/src"),
    ),
    (
        "types",
        include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/js/types"),
    ),
];
/// And its files.
const JS_SDK_FILES: [(&str, &str); 4] = [
    (
        "package.json",
        include_str!("../../../../../guest-sdk/js/package.json"),
    ),
    (
        "tsconfig.json",
        include_str!("../../../../../guest-sdk/js/tsconfig.json"),
    ),
    (
        "README.md",
        include_str!("../../../../../guest-sdk/js/README.md"),
    ),
    (
        "PLATFORM.md",
        include_str!("../../../../../guest-sdk/js/PLATFORM.md"),
    ),
];

/// What is published of `lockstep-step`, by its folders.
static RUST_SDK: [(&str, Dir<'static>); 2] = [
    (
        "src",
        include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/rust/src"),
    ),
    (
        "macros/src",
        include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/rust/macros/src"),
    ),
];
/// And its files.
const RUST_SDK_FILES: [(&str, &str); 3] = [
    (
        "Cargo.toml",
        include_str!("../../../../../guest-sdk/rust/Cargo.toml"),
    ),
    (
        "macros/Cargo.toml",
        include_str!("../../../../../guest-sdk/rust/macros/Cargo.toml"),
    ),
    (
        "README.md",
        include_str!("../../../../../guest-sdk/rust/README.md"),
    ),
];

/// Where a project has the SDK.
const SDK: &str = "vendor/lockstep-step";

/// The package of the SDK for JavaScript there.
const SDK_MANIFEST: &str = "vendor/lockstep-step/package.json";

/// What stands for the name of the project in the files of a language.
const NAME: &str = "{{name}}";

// === impl Language ===

impl Language {
    /// As people call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Ts => "TypeScript",
            Self::Js => "JavaScript",
            Self::Rust => "Rust",
        }
    }

    /// The files of a project of this name.
    pub(super) fn files(self, name: &str) -> Vec<File> {
        let (own, folders, files): (_, &[_], &[_]) = match self {
            Self::Ts => (&TS, &JS_SDK, &JS_SDK_FILES),
            Self::Js => (&JS, &JS_SDK, &JS_SDK_FILES),
            Self::Rust => (&RUST, &RUST_SDK, &RUST_SDK_FILES),
        };
        let mut all = files_of(own, "");
        for file in &mut all {
            file.fill_in(name);
        }
        for (path, contents) in files {
            let (path, contents) = (format!("{SDK}/{path}"), contents.as_bytes().to_vec());
            all.push(File { path, contents });
        }
        for (path, folder) in folders {
            all.extend(files_of(folder, &format!("{SDK}/{path}/")));
        }
        for file in &mut all {
            if file.path == SDK_MANIFEST {
                file.leave_out_tools();
            }
        }
        all
    }

    /// A link that `npm install` would make, and what it leads to: with it, JavaScript needs no `npm install`.
    pub(super) fn link(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ts | Self::Js => {
                Some(("node_modules/@lockstep/step", "../../vendor/lockstep-step"))
            }
            Self::Rust => None,
        }
    }

    /// What to do first in the project.
    pub(super) fn commands(self) -> &'static [&'static str] {
        const SET: &str = "printf %s any-token | lockstep credential set GREETER_TOKEN";
        match self {
            Self::Ts => &[
                SET,
                "lockstep run src/step.ts --input @input.json",
                "npm install && npm test",
            ],
            Self::Js => &[
                SET,
                "lockstep run src/step.js --input @input.json",
                "npm test",
            ],
            Self::Rust => &[
                "cargo test",
                "cargo build --release --target wasm32-wasip1",
                SET,
                "lockstep run target/wasm32-wasip1/release/step.wasm --input @input.json",
            ],
        }
    }
}

// === impl File ===

impl File {
    /// Whether somebody may start it.
    pub(super) fn is_program(&self) -> bool {
        self.path.starts_with("vendor/lockstep-step/bin/")
    }

    /// Gives it its name, and the project its own: some files of a template would mean something where it is.
    fn fill_in(&mut self, name: &str) {
        if self.path == "gitignore" {
            ".gitignore".clone_into(&mut self.path);
        }
        if let Some(path) = self.path.strip_suffix(".in") {
            self.path = path.to_owned();
        }
        let text = String::from_utf8_lossy(&self.contents).replace(NAME, name);
        self.contents = text.into_bytes();
    }

    /// Takes out of a package what it is worked on with. `npm install` has it for a workspace of the project, as it is a
    /// folder, and would install that, too.
    fn leave_out_tools(&mut self) {
        if let Ok(Value::Object(mut package)) = serde_json::from_slice(&self.contents) {
            package.retain(|member, _| !matches!(member.as_str(), "devDependencies" | "scripts"));
            self.contents = format!("{:#}\n", Value::Object(package)).into_bytes();
        }
    }
}

fn files_of(folder: &Dir<'_>, before: &str) -> Vec<File> {
    let mut files = Vec::new();
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(folder) => files.extend(files_of(folder, before)),
            DirEntry::File(file) => files.push(File {
                path: format!("{before}{}", file.path().display()),
                contents: file.contents().to_vec(),
            }),
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Language; 3] = [Language::Ts, Language::Js, Language::Rust];

    #[test]
    fn the_name_is_in_the_manifest_and_nothing_is_left_to_fill_in() {
        for language in ALL {
            let files = language.files("greet");
            let manifest = files
                .iter()
                .find(|file| file.path == "package.json" || file.path == "Cargo.toml");
            let manifest = String::from_utf8(manifest.unwrap().contents.clone()).unwrap();
            assert!(manifest.contains("\"greet\""), "{manifest}");
            for file in files
                .iter()
                .filter(|file| !file.path.starts_with("vendor/"))
            {
                let text = String::from_utf8_lossy(&file.contents);
                assert!(
                    !text.contains(NAME) && !file.path.ends_with(".in"),
                    "{}",
                    file.path
                );
            }
        }
    }

    #[test]
    fn no_path_is_there_twice() {
        for language in ALL {
            let mut paths: Vec<_> = language
                .files("x")
                .into_iter()
                .map(|file| file.path)
                .collect();
            let count = paths.len();
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len(), count);
        }
    }
}
