//! Who calls: whoever shows a token that is good, in the one workspace that the token is for.

use std::time::Instant;

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use lockstep_runner::{Bearer, Lacking, Refused, Token, TokenEntry, TokenRefusal};
use lockstep_secret::Secret;
use lockstep_step::{Right, WorkspaceName};

use crate::authorization::bearer as bearer_of;
use crate::failures::Standing;
use crate::host::Host;
use crate::peer::Peer;
use crate::place;
use crate::problem::Problem;

/// What a route is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RoutePlace {
    /// The workspace that its path names.
    Workspace,
    /// Whatever token is shown.
    Token,
    /// The host itself, for which the tokens of the workspace `default` speak: it is always there, and the first token is
    /// one of it. To all others there is nothing at its path.
    Host,
}

/// What a caller needs for a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrance<'a> {
    pub(crate) right: Right,
    pub(crate) place: RoutePlace,
    /// As it is documented.
    pub(crate) path: &'a str,
}

/// An authenticated caller. Only [`Caller::admit`] makes one, and every handler of [`Api::route`](crate::route::Api) takes
/// one.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    caller: lockstep_step::Caller,
    bearer: TokenEntry,
}

impl Caller {
    /// Lets a caller in who has the right in the workspace of the path, in that of the token where the route names none, or
    /// in `default` where it is about the host. Nothing of the body has been read by then. Who is refused is told in the
    /// audit a moment later.
    ///
    /// First the token, then the workspace, then the right: who has no token hears nothing, and who has one of another
    /// workspace does not hear whether this one exists.
    pub(crate) async fn admit(
        host: &Host,
        entrance: Entrance<'_>,
        parts: &mut Parts,
    ) -> Result<Self, Problem> {
        let token = shown_token(parts).ok_or_else(Problem::no_token)?;
        let bearer = bearer(host, &token, parts).await?;
        if let Some(unknown) = unknown_place(entrance.place, &bearer, parts).await? {
            refuse(host, &bearer, Lacking::Workspace, entrance, parts);
            return Err(unknown);
        }
        let role = bearer.role_now().ok_or_else(Problem::bad_token)?;
        if !role.has(entrance.right) {
            let lacking = Lacking::Right(entrance.right);
            refuse(host, &bearer, lacking, entrance, parts);
            return Err(Problem::forbidden(role));
        }
        let name = bearer.caller_name();
        let name = match entrance.place {
            RoutePlace::Workspace | RoutePlace::Token => name,
            // In the chain of another workspace it is not to be taken for a token of that one.
            RoutePlace::Host => format!("{}/{name}", bearer.workspace),
        };
        let caller = lockstep_step::Caller { name, role };
        Ok(Self { caller, bearer })
    }

    /// As the runner knows callers.
    pub(crate) fn as_runner_knows(&self) -> &lockstep_step::Caller {
        &self.caller
    }

    /// Whether the caller speaks for the host: who administers the workspace `default`.
    pub(crate) fn speaks_for_host(&self) -> bool {
        is_of_host(&self.bearer) && self.caller.role.has(Right::Administer)
    }

    /// The one workspace that the caller is in.
    pub(crate) fn workspace(&self) -> &WorkspaceName {
        &self.bearer.workspace
    }

    /// What is known of the token that was shown.
    pub(crate) fn bearer(&self) -> &TokenEntry {
        &self.bearer
    }
}

/// What is told of a place that is none to who bears this token.
async fn unknown_place(
    place: RoutePlace,
    bearer: &TokenEntry,
    parts: &mut Parts,
) -> Result<Option<Problem>, Problem> {
    Ok(match place {
        RoutePlace::Token => None,
        RoutePlace::Workspace => {
            let names = place::names(parts).await?;
            let named = names.get("workspace").map(String::as_str);
            (named != Some(bearer.workspace.as_str())).then(Problem::unknown_workspace)
        }
        RoutePlace::Host => (!is_of_host(bearer)).then(Problem::unknown_path),
    })
}

fn is_of_host(bearer: &TokenEntry) -> bool {
    bearer.workspace == WorkspaceName::default_name()
}

/// Who bears the token. One that is unknown, one that was revoked and one that has expired are looked up alike, answered
/// alike, and counted as failures alike.
async fn bearer(host: &Host, token: &Token, parts: &Parts) -> Result<TokenEntry, Problem> {
    let peer = parts.extensions.get::<Peer>().copied().unwrap_or_default();
    let (digest, failures) = (token.digest(), &host.failures);
    let standing = failures.standing(peer, &digest, Instant::now());
    if let Standing::Unheard(wait) = standing {
        host.metrics.authentication_failed();
        let why = Refused::Token(TokenRefusal::PutOff);
        host.refusals.note(why, || None);
        return Err(Problem::too_many_failures(wait));
    }
    let (why, known) = match host.runner.bearer(token).await? {
        Bearer::Known(bearer) => {
            failures.is_good(&digest, Instant::now());
            return Ok(bearer);
        }
        Bearer::Refused { why, token } => (why, token),
    };
    host.metrics.authentication_failed();
    host.refusals.note(Refused::Token(why), || {
        known.map(|token| format!("{}/{}", token.workspace, token.name))
    });
    failures.has_failed(peer, &digest, Instant::now());
    match standing {
        Standing::PutOff(wait) => Err(Problem::too_many_failures(wait)),
        Standing::Heard | Standing::Unheard(_) => Err(Problem::bad_token()),
    }
}

/// Notes that somebody is refused who is known. The path as it was written is not told: somebody may have put a value
/// there.
fn refuse(
    host: &Host,
    bearer: &TokenEntry,
    lacking: Lacking,
    entrance: Entrance<'_>,
    parts: &Parts,
) {
    let refused = Refused::Access {
        workspace: bearer.workspace.clone(),
        actor: bearer.caller_name(),
        lacking,
    };
    let asked = || Some(format!("{} {}", parts.method, entrance.path));
    host.refusals.note(refused, asked);
}

/// The token of the header, if it can be one.
fn shown_token(parts: &Parts) -> Option<Token> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let shown = bearer_of(header)?;
    Token::parse(Secret::new(shown.to_owned())).ok()
}
