//! What is seen of a server from here: that it answers, over what, and what the token is for.

use jiff::{Timestamp, ToSpan as _};

use lockstep_client::{Client, WhoAmI};

use super::Check;
use crate::commands::show::time;
use crate::problem::Problem;
use crate::server::Server;

/// A token that ends sooner is warned of: time enough to have another one made.
const SOON_DAYS: i64 = 14;

pub(super) async fn examine(server: &Server, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![transport(server)];
    let client = match server.client() {
        Ok(client) => client,
        Err(problem) => {
            checks.push(Check::problem("server", &problem));
            return checks;
        }
    };
    checks.push(ready(&client).await);
    checks.push(match client.whoami().await {
        Ok(who) => token(&who, now),
        Err(error) => Check::problem("token", &Problem::from(error)),
    });
    checks
}

fn transport(server: &Server) -> Check {
    const NAME: &str = "transport";
    let (address, said_by) = (&server.address, server.said_by);
    let named = format!("`{said_by}` names the server `{address}`");
    if address.is_tls() {
        Check::ok(NAME, format!("{named}, over TLS"))
    } else if address.is_loopback() {
        Check::ok(NAME, format!("{named}, in the clear on this machine"))
    } else {
        Check::warn(
            NAME,
            format!("{named}, in the clear over a network"),
            "whoever is between reads the token and all values: put TLS in front of the server",
        )
    }
}

async fn ready(client: &Client) -> Check {
    const NAME: &str = "server";
    match client.ready().await {
        Ok(()) => Check::ok(NAME, "it answers, and so does its database"),
        Err(error) => Check::problem(NAME, &Problem::from(error)),
    }
}

fn token(who: &WhoAmI, now: Timestamp) -> Check {
    const NAME: &str = "token";
    let mut message = format!(
        "it is `{}`, with the role `{}` in workspace `{}`",
        who.token, who.role, who.workspace
    );
    if let Some(member) = &who.member {
        message += &format!(", of member `{member}`");
    }
    if who.speaks_for_host() {
        message += ", and speaks for the host";
    }
    let Some(at) = who.expires_at else {
        return Check::ok(NAME, format!("{message}; it does not expire"));
    };
    message += &format!("; it expires at {}", time(at));
    let soon = now.checked_add((SOON_DAYS * 24).hours());
    if soon.is_ok_and(|soon| at < soon) {
        let hint = "an admin makes another with `lockstep token create`";
        Check::warn(NAME, message, hint)
    } else {
        Check::ok(NAME, message)
    }
}
