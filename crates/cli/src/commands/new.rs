//! `lockstep new`: a project with a step that runs as it is, and tests that pass.

mod template;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::console::{Answer, Console, Paint};
use crate::problem::{Exit, Problem};
use template::{File, Language};

const EXAMPLES: &str = "\
Examples:
  lockstep new greet
  lockstep new greet --lang rust

The project has a copy of the SDK in `vendor`: what it needs of Lockstep is in it.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewArguments {
    /// The name of the project, and of the folder that is made for it here: lower-case letters, digits and `-`.
    #[arg(value_parser = name)]
    name: String,
    /// The language of the step.
    #[arg(long, value_enum, default_value_t = Language::Ts)]
    lang: Language,
}

/// A project that was made.
#[derive(Serialize)]
struct Made {
    name: String,
    lang: Language,
    path: PathBuf,
    files: Vec<String>,
}

pub(crate) fn carry_out(arguments: NewArguments, console: &Console) -> Result<Exit, Problem> {
    let NewArguments { name, lang } = arguments;
    let path = PathBuf::from(&name);
    fs::create_dir(&path).map_err(|error| not_made(&path, &error))?;
    let made = write(&path, lang, &name).map_err(|error| {
        // It was made right now, and nobody's work is in it.
        drop(fs::remove_dir_all(&path));
        not_made(&path, &error)
    });
    console.show(&Made {
        files: made?,
        name,
        lang,
        path,
    })?;
    Ok(Exit::Completed)
}

/// A name that is one for npm, for cargo and for a step.
fn name(text: &str) -> Result<String, String> {
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && text.len() <= 63 && text.bytes().all(is_usual) {
        return Ok(text.to_owned());
    }
    Err(
        "a name has up to 63 lower-case letters, digits and `-`, and begins with a letter"
            .to_owned(),
    )
}

fn not_made(path: &Path, error: &io::Error) -> Problem {
    let shown = path.display();
    if error.kind() == io::ErrorKind::AlreadyExists {
        let message = format!("`{shown}` is there already, and nothing in it is overwritten");
        return Problem::new(Exit::Usage, "already_exists", message)
            .hint("choose another name, or remove it first");
    }
    let message = format!("cannot make the project `{shown}`");
    Problem::new(Exit::Usage, "unwritable", message).because(Some(error))
}

/// Writes the files of a project. Returns their paths in it, sorted.
fn write(project: &Path, lang: Language, name: &str) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for file in lang.files(name) {
        write_file(project, &file)?;
        paths.push(file.path);
    }
    if let Some((link, target)) = lang.link() {
        let link = project.join(link);
        make_parent(&link)?;
        symlink(target, link)?;
    }
    paths.sort();
    Ok(paths)
}

fn write_file(project: &Path, file: &File) -> io::Result<()> {
    let path = project.join(&file.path);
    make_parent(&path)?;
    fs::write(&path, &file.contents)?;
    if file.is_program() {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

impl Answer for Made {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let path = self.path.display();
        writeln!(out, "made `{path}`, a step in {}; next:", self.lang.title())?;
        writeln!(out, "  cd {path}")?;
        for command in self.lang.commands() {
            writeln!(out, "  {command}")?;
        }
        writeln!(out, "`{path}/README.md` has the rest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_for_npm_and_cargo_alike() {
        for good in ["a", "greet", "greet-2", &"x".repeat(63)] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "Greet",
            "2-greet",
            "-x",
            "a_b",
            "a/b",
            "..",
            "é",
            &"x".repeat(64),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
