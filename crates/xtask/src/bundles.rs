//! Bundles the JavaScript examples that have npm packages in them: `target/guests/<folder of the example>.js`.
//!
//! They are not committed: like the wasm files they are made of sources and of packages in a lock file.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    guests::{RESULTS, copy_if_changed},
    npm,
    process::{root, run},
};

const EXAMPLES: &str = "examples";
/// What the script `build` of each example makes.
const BUNDLE: &str = "dist/step.js";

/// Builds each. Returns the names of the files.
pub(crate) fn build() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for example in packages(&root().join(EXAMPLES))? {
        let folder = format!("{EXAMPLES}/{example}");
        run(npm::npm(&folder)?.args(["run", "--silent", "build"]))?;
        let file = format!("{example}.js");
        copy_if_changed(
            &root().join(folder).join(BUNDLE),
            &root().join(RESULTS).join(&file),
        )?;
        files.push(file);
    }
    Ok(files)
}

/// The folders of the examples that are npm packages.
pub(crate) fn folders() -> Result<Vec<String>> {
    let names = packages(&root().join(EXAMPLES))?;
    Ok(names
        .iter()
        .map(|name| format!("{EXAMPLES}/{name}"))
        .collect())
}

/// The names of the folders with a `package.json` right below a folder.
fn packages(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().join("package.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_with_a_manifest_of_npm_is_bundled() {
        assert_eq!(folders().unwrap(), ["examples/csv-to-json"]);
    }
}
