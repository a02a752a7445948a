//! Steps that other people's tools build for the contract in `guest-sdk/wit`: one folder of `tests/foreign` for each tool,
//! with the same step in each, and with one that makes a request where the tool can build that.
//!
//! The commands are those of `guest-sdk/OTHER-TOOLS.md`, the tools those of the lock files; what is missing is installed
//! below the folder or below `target`, and from Debian where this process is root's.

mod c;
mod python;

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context, Result};

use crate::{
    console, npm,
    process::{root, run},
};

/// Where the steps are.
const SOURCES: &str = "tests/foreign";
/// Where the components go, and what else is made on the way.
const RESULTS: &str = "target/foreign";
/// The contract, as seen from the folder of a step.
const WIT: &str = "../../../guest-sdk/wit";

/// A tool, by the folder of its step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tool {
    /// clang and wit-bindgen.
    C,
    /// jco, with StarlingMonkey.
    Jco,
    /// componentize-py, with CPython.
    Python,
    /// componentize-qjs, with QuickJS.
    Qjs,
}

/// Builds the steps of every tool, as `target/foreign/<folder>.wasm` and `target/foreign/<folder>-request.wasm`.
pub(crate) fn build() -> Result<()> {
    fs::create_dir_all(root().join(RESULTS)).with_context(|| format!("cannot make {RESULTS}"))?;
    for tool in Tool::ALL {
        let folder = tool.folder();
        let bytes = tool
            .build()
            .with_context(|| format!("cannot build {folder}"))?;
        console::say(&bytes);
    }
    Ok(())
}

// === impl Tool ===

impl Tool {
    const ALL: [Self; 4] = [Self::Qjs, Self::Python, Self::Jco, Self::C];

    fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Jco => "jco",
            Self::Python => "python",
            Self::Qjs => "qjs",
        }
    }

    fn folder(self) -> String {
        format!("{SOURCES}/{}", self.name())
    }

    /// What it builds, below [`RESULTS`]: the step that all build, and the one that makes a request.
    fn results(self) -> Vec<PathBuf> {
        let name = self.name();
        let mut files = vec![format!("{name}.wasm")];
        if self != Self::Qjs {
            files.push(format!("{name}-request.wasm"));
        }
        let folder = root().join(RESULTS);
        files.iter().map(|file| folder.join(file)).collect()
    }

    /// Builds its steps. Returns the line that tells of them.
    fn build(self) -> Result<String> {
        let started = Instant::now();
        let results = self.results();
        // What a build before left is not to be taken for that of one that fails.
        for result in results.iter().filter(|result| result.exists()) {
            fs::remove_file(result)?;
        }
        match self {
            Self::C => c::build(&self.folder(), &results)?,
            Self::Python => python::build(&self.folder(), &results)?,
            // Their `package.json` has the commands, and where the results go.
            Self::Jco | Self::Qjs => {
                run(npm::npm(&self.folder())?.args(["run", "--silent", "build"]))?;
            }
        }
        let mut sizes = Vec::new();
        for result in &results {
            let built = fs::metadata(result)
                .with_context(|| format!("there is no {}", result.display()))?;
            sizes.push(format!("{} KB", built.len() / 1000));
        }
        let (sizes, seconds) = (sizes.join(", "), started.elapsed().as_secs_f32());
        Ok(format!("{}: {sizes} ({seconds:.1} s)", self.folder()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_a_step_has_its_tool() {
        let mut folders: Vec<String> = fs::read_dir(root().join(SOURCES))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut names = Tool::ALL.map(Tool::name);
        names.sort_unstable();
        assert_eq!(folders, names);
    }
}
