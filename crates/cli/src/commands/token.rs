//! `lockstep token`: what callers of the API show.

use std::fmt;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{Token, TokenEntry, TokenRequest};
use lockstep_step::{MemberName, Role, TokenName, WorkspaceName};

use super::show::time;
use crate::arguments::InWorkspace;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::quantity;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  lockstep token create engine --role runner
  lockstep token create deploy --role admin --workspace acme --expires-in 90d
  lockstep token create alice-laptop --member alice
  lockstep token revoke engine

Roles: `admin` sets credentials, `editor` adds steps and runs them, `runner` runs steps and sees runs, `viewer` sees steps, \
runs and the keys of credentials. None sees a value.

A token for a member may do what the member may at that moment, and with `--role` no more than that role either.";

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for one workspace. It is shown once, on stdout, and kept as a digest.
    #[command(after_help = EXAMPLES)]
    Create(CreateArguments),
    /// List the tokens of a workspace, those that were revoked or have expired included.
    List {
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Revoke a token. A server that runs lets nobody in with it from then on.
    Revoke {
        /// Its name.
        name: TokenName,
        #[command(flatten)]
        place: InWorkspace,
    },
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Its name: the record of runs names the caller by it, and no other token of the workspace ever has it.
    name: TokenName,
    /// What its bearer may do: `admin`, `editor`, `runner` or `viewer`. Of a member's token, at most.
    #[arg(long, required_unless_present = "member")]
    role: Option<Role>,
    /// Whose it is: `lockstep member add` adds members.
    #[arg(long, value_name = "MEMBER")]
    member: Option<MemberName>,
    #[command(flatten)]
    place: InWorkspace,
    /// After this time it is good for nothing; without this it does not expire.
    #[arg(long, value_name = "TIME", value_parser = quantity::long_time)]
    expires_in: Option<Duration>,
}

#[derive(Serialize)]
pub(super) struct Created<'a> {
    workspace: WorkspaceName,
    name: TokenName,
    /// Null for a member's, which may do what the member may.
    role: Option<Role>,
    member: Option<MemberName>,
    expires_at: Option<Timestamp>,
    pub(super) token: &'a str,
}

#[derive(Serialize)]
struct Tokens {
    workspace: WorkspaceName,
    tokens: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: TokenName,
    /// What it may do now; null for nothing, as its member was removed or may not do what it is for.
    role: Option<Role>,
    member: Option<MemberName>,
    created_at: Timestamp,
    created_by: String,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revoked_by: Option<String>,
}

#[derive(Serialize)]
struct Revoked {
    workspace: WorkspaceName,
    name: TokenName,
    result: &'static str,
}

pub(crate) async fn carry_out(
    command: TokenCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    match command {
        TokenCommand::Create(arguments) => create(arguments, &host, console).await?,
        TokenCommand::List { place } => {
            let workspace = place.workspace;
            let tokens = host.tokens(&workspace).await?;
            let tokens = tokens.into_iter().map(Entry::from).collect();
            console.show(&Tokens { workspace, tokens })?;
        }
        TokenCommand::Revoke { name, place } => {
            let workspace = place.workspace;
            host.revoke_token(&workspace, &name).await?;
            console.show(&Revoked {
                workspace,
                name,
                result: "revoked",
            })?;
        }
    }
    Ok(Exit::Completed)
}

async fn create(
    arguments: CreateArguments,
    host: &Backend,
    console: &Console,
) -> Result<(), Problem> {
    let CreateArguments {
        name,
        role,
        member,
        place: InWorkspace { workspace },
        expires_in,
    } = arguments;
    let expires_at = expires_in
        .map(|time| Timestamp::now().checked_add(time))
        .transpose()
        .map_err(|_| Problem::usage("`--expires-in` is too far away"))?;
    let request = TokenRequest {
        name: name.clone(),
        role,
        member: member.clone(),
        expires_at,
    };
    let token = host.create_token(&workspace, request).await?;
    console.show(&Created {
        workspace,
        name,
        role,
        member,
        expires_at,
        token: shown(&token),
    })?;
    console.note("the token is shown this once: keep it where your other secrets are");
    Ok(())
}

/// The text of a token, for whoever made it.
#[expect(
    clippy::disallowed_methods,
    reason = "a token is shown once, on stdout, to whoever made it"
)]
pub(super) fn shown(token: &Token) -> &str {
    token.expose()
}

impl<'a> Created<'a> {
    /// The first token of a workspace, which is nobody's.
    pub(super) fn admin(workspace: WorkspaceName, name: TokenName, token: &'a Token) -> Self {
        Self {
            workspace,
            name,
            role: Some(Role::Admin),
            member: None,
            expires_at: None,
            token: shown(token),
        }
    }
}

impl From<TokenEntry> for Entry {
    fn from(entry: TokenEntry) -> Self {
        Self {
            role: entry.role_now(),
            name: entry.name,
            member: entry.member.map(|member| member.name),
            created_at: entry.created_at,
            created_by: entry.created_by,
            expires_at: entry.expires_at,
            last_used_at: entry.last_used_at,
            revoked_at: entry.revoked_at,
            revoked_by: entry.revoked_by,
        }
    }
}

impl Answer for Created<'_> {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "{}", self.token)
    }
}

impl Answer for Tokens {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.tokens.is_empty() {
            return writeln!(out, "workspace `{}` has no tokens", self.workspace);
        }
        let or_never = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), time);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mut table = Table::new([
            "NAME",
            "ROLE",
            "MEMBER",
            "CREATED",
            "EXPIRES",
            "LAST USED",
            "REVOKED",
        ]);
        for token in &self.tokens {
            table.row([
                token.name.to_string(),
                or_none(token.role.map(|role| role.to_string())),
                or_none(token.member.as_ref().map(ToString::to_string)),
                time(token.created_at),
                or_never(token.expires_at),
                or_never(token.last_used_at),
                or_none(token.revoked_at.map(time)),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Revoked {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let (name, workspace) = (&self.name, &self.workspace);
        writeln!(out, "revoked token `{name}` of workspace `{workspace}`")
    }
}
