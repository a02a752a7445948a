//! Running other programs, in a folder of this repository.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The folder of this repository.
pub(crate) fn root() -> PathBuf {
    // The folder of this crate is two below it.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .skip(2)
        .collect::<Vec<_>>()[0]
        .to_owned()
}

/// `cargo`, of the toolchain in use, in a folder of this repository.
pub(crate) fn cargo(folder: &str) -> Command {
    command("cargo", folder)
}

pub(crate) fn command(program: impl AsRef<OsStr>, folder: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root().join(folder))
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end; its output is shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs a program to its end, or, once `limit` has passed, to that; its output is shown.
pub(crate) fn run_within(limit: Duration, command: &mut Command) -> Result<()> {
    let deadline = Instant::now() + limit;
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    loop {
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("`{}` failed ({status})", line(command));
            }
            return Ok(());
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!(
                "`{}` did not end within {} s",
                line(command),
                limit.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// What a program writes to stdout, trimmed; an error when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", line(command), output.status);
    }
    let text = String::from_utf8(output.stdout).context("its output is not UTF-8")?;
    Ok(text.trim().to_owned())
}

/// The program and its arguments, to be read by people.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_that_of_the_repository() {
        assert!(root().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_failing_program_is_named() {
        let error = run(command("cargo", "")
            .arg("no-such-command")
            .stderr(Stdio::null()))
        .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`cargo no-such-command` failed"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_does_not_end_is_stopped() {
        let error = run_within(Duration::ZERO, command("sleep", "").arg("60")).unwrap_err();
        assert_eq!(error.to_string(), "`sleep 60` did not end within 0 s");
    }

    #[test]
    fn a_program_that_ends_in_time_is_not() {
        run_within(Duration::from_secs(60), &mut command("true", "")).unwrap();
    }
}
