//! The npm packages of this repository: their dependencies are set up as their lock files say, and their scripts run.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    console,
    process::{command, output, root, run},
};

/// What their `engines` ask for.
const NODE: u32 = 20;

/// The lock file that was installed last, in the folder of what was installed.
const INSTALLED: &str = "node_modules/.installed-lock.json";

/// `npm`, in a folder of this repository whose dependencies are installed.
pub(crate) fn npm(folder: &str) -> Result<Command> {
    install(folder)?;
    Ok(command("npm", folder))
}

/// Installs the dependencies of a folder of this repository, unless that is done.
pub(crate) fn install(folder: &str) -> Result<()> {
    check_node()?;
    if !is_installed(&root().join(folder))? {
        console::say(&format!("npm ci, in {folder}"));
        run(command("npm", folder).args(["ci", "--no-audit", "--no-fund"]))?;
        let folder = root().join(folder);
        fs::copy(folder.join("package-lock.json"), folder.join(INSTALLED))
            .with_context(|| format!("cannot write {INSTALLED}"))?;
    }
    Ok(())
}

fn check_node() -> Result<()> {
    let missing = format!(
        "Node.js {NODE} or newer and npm are needed: on Debian `apt-get install nodejs npm`"
    );
    let version = output(command("node", "").arg("--version")).context(missing.clone())?;
    output(command("npm", "").arg("--version")).context(missing.clone())?;
    let major = version.trim_start_matches('v').split('.').next();
    let Some(major) = major.and_then(|major| major.parse::<u32>().ok()) else {
        bail!("`node --version` told `{version}`");
    };
    ensure!(major >= NODE, "{missing}; this is {version}");
    Ok(())
}

fn is_installed(folder: &Path) -> Result<bool> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    Ok(fs::read(folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_that_of_the_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let [lock, installed] =
            ["package-lock.json", INSTALLED].map(|name| folder.path().join(name));
        fs::create_dir(installed.parent().unwrap()).unwrap();
        fs::write(&lock, "{}").unwrap();
        assert!(!is_installed(folder.path()).unwrap());
        fs::copy(&lock, &installed).unwrap();
        assert!(is_installed(folder.path()).unwrap());
        fs::write(&lock, "{ }").unwrap();
        assert!(!is_installed(folder.path()).unwrap());
    }

    #[test]
    fn a_folder_without_a_lock_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = is_installed(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("package-lock.json"), "{error}");
    }
}
