//! What the operator says about requests: the command line before the environment, each item parsed before anything starts.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use lockstep_sandbox::{EgressConfig, Reach};

use crate::problem::{Exit, Problem};

/// What the operator says about requests, as it is written: on the command line, or in the environment.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "What requests of steps may reach, in every command")]
pub(crate) struct Reaching {
    /// `public` addresses and what is listed, or `nothing` but what is listed [env: LOCKSTEP_EGRESS] [default: public].
    #[arg(long, global = true, hide_short_help = true, value_name = "REACH")]
    egress: Option<String>,
    /// Hosts that may be reached whatever their address is, such as `intranet.example,*.corp.example`
    /// [env: LOCKSTEP_EGRESS_HOSTS].
    #[arg(long, global = true, hide_short_help = true, value_name = "HOSTS")]
    egress_hosts: Option<String>,
    /// Networks that may be reached by whatever name, such as `10.1.0.0/16,fd00::/8` [env: LOCKSTEP_EGRESS_NETWORKS].
    #[arg(long, global = true, hide_short_help = true, value_name = "NETWORKS")]
    egress_networks: Option<String>,
    /// A PEM file with certificates of authorities that are trusted beside those of the platform
    /// [env: LOCKSTEP_EGRESS_ROOTS].
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    egress_roots: Option<PathBuf>,
    /// Where a sealed credential may go without TLS, such as `localhost:8080` [env: LOCKSTEP_EGRESS_SEALED_IN_THE_CLEAR].
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "DESTINATIONS"
    )]
    egress_sealed_in_the_clear: Option<String>,
}

/// A text, and who said it: the name of an option or of a variable.
#[derive(Clone, Copy)]
struct Said<T> {
    by: &'static str,
    what: T,
}

impl Reaching {
    /// What the environment says; `text` tells what a variable has.
    pub(crate) fn of_environment(text: impl Fn(&'static str) -> Option<String>) -> Self {
        Self {
            egress: text("LOCKSTEP_EGRESS"),
            egress_hosts: text("LOCKSTEP_EGRESS_HOSTS"),
            egress_networks: text("LOCKSTEP_EGRESS_NETWORKS"),
            egress_roots: text("LOCKSTEP_EGRESS_ROOTS").map(PathBuf::from),
            egress_sealed_in_the_clear: text("LOCKSTEP_EGRESS_SEALED_IN_THE_CLEAR"),
        }
    }

    /// What holds, where `environment` says what the command line does not.
    pub(crate) fn egress(&self, environment: &Self) -> Result<EgressConfig, Problem> {
        let mut egress = EgressConfig::default();
        let names = ("--egress", "LOCKSTEP_EGRESS");
        if let Some(said) = either(names, &self.egress, &environment.egress) {
            egress.reach = said.reach()?;
        }
        let names = ("--egress-hosts", "LOCKSTEP_EGRESS_HOSTS");
        if let Some(said) = either(names, &self.egress_hosts, &environment.egress_hosts) {
            egress.hosts = said.items("host")?;
        }
        let names = ("--egress-networks", "LOCKSTEP_EGRESS_NETWORKS");
        if let Some(said) = either(names, &self.egress_networks, &environment.egress_networks) {
            egress.networks = said.items("network")?;
        }
        let names = (
            "--egress-sealed-in-the-clear",
            "LOCKSTEP_EGRESS_SEALED_IN_THE_CLEAR",
        );
        let (line, variable) = (
            &self.egress_sealed_in_the_clear,
            &environment.egress_sealed_in_the_clear,
        );
        if let Some(said) = either(names, line, variable) {
            egress.sealed_in_the_clear = said.items("destination")?;
        }
        let names = ("--egress-roots", "LOCKSTEP_EGRESS_ROOTS");
        if let Some(said) = either(names, &self.egress_roots, &environment.egress_roots) {
            said.trust(&mut egress)?;
        }
        Ok(egress)
    }
}

/// The command line stands before the environment.
fn either<T>(
    (option, variable): (&'static str, &'static str),
    line: &Option<T>,
    environment: &Option<T>,
) -> Option<Said<T>>
where
    T: Clone,
{
    let said = |by, what: &Option<T>| what.clone().map(|what| Said { by, what });
    said(option, line).or_else(|| said(variable, environment))
}

// === impl Said ===

impl Said<String> {
    fn reach(&self) -> Result<Reach, Problem> {
        match self.what.as_str() {
            "public" => Ok(Reach::Public),
            "nothing" => Ok(Reach::Nothing),
            other => Err(self.refused(&other, &"it is `public` or `nothing`")),
        }
    }

    /// What stands between commas. `kind` says what each is.
    fn items<T: FromStr<Err: Display>>(&self, kind: &str) -> Result<Vec<T>, Problem> {
        let items = self.what.split(',').map(str::trim);
        items
            .map(|item| {
                let parsed = item.parse::<T>();
                parsed.map_err(|error| self.refused(&item, &format!("no {kind}: {error}")))
            })
            .collect()
    }
}

impl Said<PathBuf> {
    fn trust(&self, egress: &mut EgressConfig) -> Result<(), Problem> {
        let path: &Path = &self.what;
        let shown = path.display();
        let pem = fs::read(path).map_err(|error| self.refused(&shown, &error))?;
        let trusted = egress.trust(&pem);
        trusted.map_err(|error| self.refused(&shown, &error))?;
        Ok(())
    }
}

impl<T> Said<T> {
    fn refused(&self, item: &dyn Display, reason: &dyn Display) -> Problem {
        let message = format!("`{}` has `{item}`: {reason}", self.by);
        Problem::new(Exit::Usage, "egress_policy", message)
            .hint("nothing is started while what requests may reach cannot be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &'static str, value: &str) -> Reaching {
        Reaching::of_environment(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[track_caller]
    fn refused(name: &'static str, value: &str, message: &str) {
        let problem = Reaching::default()
            .egress(&environment(name, value))
            .unwrap_err();
        assert_eq!(problem.message, message);
        assert_eq!(problem.exit, Exit::Usage);
    }

    #[test]
    fn without_a_word_public_addresses_may_be_reached_and_nothing_else() {
        let egress = Reaching::default().egress(&Reaching::default()).unwrap();
        assert_eq!(egress.reach, Reach::Public);
        assert!(egress.hosts.is_empty() && egress.networks.is_empty() && egress.roots.is_empty());
    }

    #[test]
    fn lists_are_read_item_by_item() {
        let hosts = environment("LOCKSTEP_EGRESS_HOSTS", "a.test, *.b.test");
        let egress = Reaching::default().egress(&hosts).unwrap();
        let told: Vec<_> = egress.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["a.test", "*.b.test"]);
        let networks = environment("LOCKSTEP_EGRESS_NETWORKS", "10.0.0.0/8,fd00::/8");
        let egress = Reaching::default().egress(&networks).unwrap();
        let told: Vec<_> = egress.networks.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["10.0.0.0/8", "fd00::/8"]);
    }

    #[test]
    fn the_command_line_stands_before_the_environment() {
        let line = Reaching {
            egress: Some("public".to_owned()),
            ..Reaching::default()
        };
        let nothing = environment("LOCKSTEP_EGRESS", "nothing");
        assert_eq!(line.egress(&nothing).unwrap().reach, Reach::Public);
        let silent = Reaching::default();
        assert_eq!(silent.egress(&nothing).unwrap().reach, Reach::Nothing);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_variable_item_and_reason() {
        refused(
            "LOCKSTEP_EGRESS",
            "all",
            "`LOCKSTEP_EGRESS` has `all`: it is `public` or `nothing`",
        );
        refused(
            "LOCKSTEP_EGRESS_HOSTS",
            "a.test,https://b.test",
            "`LOCKSTEP_EGRESS_HOSTS` has `https://b.test`: no host: a host has no scheme, path, port or user: write `api.example.com`",
        );
        refused(
            "LOCKSTEP_EGRESS_NETWORKS",
            "10.0.0.0",
            "`LOCKSTEP_EGRESS_NETWORKS` has `10.0.0.0`: no network: invalid IP address syntax",
        );
        refused(
            "LOCKSTEP_EGRESS_SEALED_IN_THE_CLEAR",
            "a.test:0",
            "`LOCKSTEP_EGRESS_SEALED_IN_THE_CLEAR` has `a.test:0`: no destination: a port is a number from 1 to 65535, as in `api.example.com:8443`",
        );
        refused(
            "LOCKSTEP_EGRESS_ROOTS",
            "/nowhere.pem",
            "`LOCKSTEP_EGRESS_ROOTS` has `/nowhere.pem`: No such file or directory (os error 2)",
        );
    }
}
