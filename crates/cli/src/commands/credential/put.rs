//! `lockstep credential set`, `rotate` and `import`.

use std::fmt;
use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{CredentialPut, NewCredential, PutRule};
use lockstep_secret::{Masker, Registered, Zeroizing};
use lockstep_step::{CredentialKey, Handling, WorkspaceName};

use super::expiry::ExpiryFields;
use super::{ImportArguments, PutArguments};
use crate::arguments::InScope;
use crate::backend::Backend;
use crate::commands::show::{HandlingFields, ScopeFields, time};
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::env_file;
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::value::{self, LineEnd};

/// A file that is imported, in bytes: more than any list of credentials that people keep.
const MAX_IMPORT_BYTES: usize = 4 << 20;

/// A credential that was set.
#[derive(Serialize)]
struct Put {
    workspace: WorkspaceName,
    key: CredentialKey,
    #[serde(flatten)]
    scope: ScopeFields,
    version: u64,
    /// `created` or `rotated`.
    result: &'static str,
    /// `masked`, `too_short` or `blank`.
    masking: &'static str,
    #[serde(flatten)]
    handling: HandlingFields,
    #[serde(flatten)]
    expiry: ExpiryFields,
}

#[derive(Serialize)]
struct Imported {
    credentials: Vec<Put>,
}

pub(super) async fn set(
    arguments: PutArguments,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let handling = arguments.sealing.handling()?;
    let host = Backend::open(config, Keys::Sealing, console).await?;
    put_one(&host, arguments, handling, PutRule::CreateOrRotate, console).await
}

pub(super) async fn rotate(
    arguments: PutArguments,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let handling = arguments.sealing.handling()?;
    let host = Backend::open(config, Keys::Sealing, console).await?;
    // Nobody is asked for a value that has no place.
    let PutArguments { key, place, .. } = &arguments;
    host.credential_usage(&place.workspace, &place.scope(), key)
        .await?;
    put_one(&host, arguments, handling, PutRule::Rotate, console).await
}

async fn put_one(
    host: &Backend,
    arguments: PutArguments,
    handling: Option<Handling>,
    rule: PutRule<'_>,
    console: &Console,
) -> Result<(), Problem> {
    let PutArguments {
        key,
        place,
        expires,
        from_file,
        no_trim,
        ..
    } = arguments;
    let expires_at = expires.map(|end| end.at(Timestamp::now())).transpose()?;
    // Nobody is asked for a value that its workspace would refuse.
    host.check_planned(&place.workspace, &place.scope(), &key, handling.as_ref())
        .await?;
    let line_end = if no_trim {
        LineEnd::Kept
    } else {
        LineEnd::Trimmed
    };
    let value = value::read(&key, from_file.as_deref(), line_end)?;
    let credential = NewCredential {
        key,
        value,
        note: None,
        expires_at,
        handling,
    };
    for put in put(host, &place, vec![credential], rule, console).await? {
        console.show(&put)?;
    }
    Ok(())
}

pub(super) async fn import(
    arguments: ImportArguments,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let ImportArguments {
        file,
        place,
        sealing,
    } = arguments;
    let handling = sealing.handling()?;
    let name = if file == Path::new("-") {
        "stdin".to_owned()
    } else {
        format!("`{}`", file.display())
    };
    let text = read(&file, &name)?;
    let text = std::str::from_utf8(&text)
        .map_err(|error| invalid(format!("{name} is not UTF-8")).because(Some(&error)))?;
    let entries = env_file::parse(text).map_err(|error| {
        invalid(format!(
            "nothing is set: {name} cannot be read as a `.env` file"
        ))
        .because(Some(&error))
    })?;
    if entries.is_empty() {
        return Err(invalid(format!(
            "nothing is set: {name} holds no credential"
        )));
    }
    let credentials: Vec<NewCredential> = entries
        .into_iter()
        .map(|entry| NewCredential {
            key: entry.key,
            value: entry.value,
            note: None,
            expires_at: None,
            handling: handling.clone(),
        })
        .collect();
    let host = Backend::open(config, Keys::Sealing, console).await?;
    let credentials = put(&host, &place, credentials, PutRule::CreateOrRotate, console).await?;
    console.show(&Imported { credentials })?;
    Ok(())
}

fn read(file: &Path, name: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let source = if file == Path::new("-") {
        value::unbuffered_stdin()
    } else {
        File::open(file)
    };
    let source = source.map_err(|error| value::unreadable(name, &error))?;
    value::read_file(source, MAX_IMPORT_BYTES, name)
}

async fn put(
    host: &Backend,
    place: &InScope,
    credentials: Vec<NewCredential>,
    rule: PutRule<'_>,
    console: &Console,
) -> Result<Vec<Put>, Problem> {
    let scope = place.scope();
    let told = host
        .put_credentials(&place.workspace, &scope, credentials, rule)
        .await?;
    for put in &told {
        warn_of_masking(put, console);
        warn_of_header(put, console);
        warn_of_expiry(put, console);
    }
    let now = Timestamp::now();
    let shown = told.into_iter().map(|put| Put {
        workspace: place.workspace.clone(),
        scope: ScopeFields::from(&scope),
        version: put.version,
        result: put.result.as_str(),
        masking: put.masking.as_str(),
        handling: HandlingFields::from(&put.handling),
        expiry: ExpiryFields::new(put.expires_at, now),
        key: put.key,
    });
    Ok(shown.collect())
}

fn warn_of_masking(put: &CredentialPut, console: &Console) {
    let key = &put.key;
    let least = Masker::SHORTEST_VALUE_BYTES;
    let is_sealed = put.handling.sealing().is_some();
    match put.masking {
        Registered::Masked => {}
        Registered::TooShort if is_sealed => console.warn(&format!(
            "the value of `{key}` has fewer than {least} bytes and cannot be taken out of answers: a step sees it where \
             the host that it goes to sends it back"
        )),
        Registered::TooShort => console.warn(&format!(
            "the value of `{key}` has fewer than {least} bytes and will not be masked: it will stand in logs and \
             outputs of steps that write it"
        )),
        Registered::Blank => console.warn(&format!(
            "the value of `{key}` is nothing but blanks, and will not be masked"
        )),
    }
}

fn warn_of_header(put: &CredentialPut, console: &Console) {
    if put.breaks_header {
        console.warn(&format!(
            "the value of `{}` has a line break or another control character, which no header may have: a request with it \
             in a header will be refused",
            put.key
        ));
    }
}

/// Nobody loses an end unseen.
fn warn_of_expiry(put: &CredentialPut, console: &Console) {
    if let (Some(before), None) = (put.expired_before, put.expires_at) {
        console.warn(&format!(
            "the value of `{}` before this one had its end at {}; this one does not expire: `--expires` gives it an end",
            put.key,
            time(before)
        ));
    }
}

fn invalid(message: String) -> Problem {
    Problem::new(Exit::Usage, "invalid_file", message)
}

impl Answer for Put {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let Self {
            key,
            result,
            scope,
            workspace,
            version,
            handling,
            expiry,
            ..
        } = self;
        writeln!(
            out,
            "credential `{key}` {result}: {}, version {version}{}{}",
            scope.in_words(workspace),
            handling.behind_a_comma(),
            expiry.behind_a_comma()
        )
    }
}

impl Answer for Imported {
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
        self.credentials
            .iter()
            .try_for_each(|put| put.text(out, paint))
    }
}
