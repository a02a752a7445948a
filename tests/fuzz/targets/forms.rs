//! The bodies that say what tokens, members, workspaces and workflows are to be, and where chains of the audit ended. Each is read here a second time, member by
//! member: it is taken if and only if all of it is what the API takes, and then as what it says.

#![no_main]

mod canary;
#[path = "../../../crates/server/src/egress_change.rs"]
mod egress_change;
#[path = "../../../crates/server/src/heads.rs"]
mod heads;
mod members;
mod names;
#[expect(dead_code, reason = "no member of these is an object by itself")]
#[path = "../../../crates/server/src/object.rs"]
mod object;
#[path = "../../../crates/server/src/parse.rs"]
mod parse;
#[path = "../../../crates/server/src/permissions.rs"]
mod permissions;
#[expect(
    dead_code,
    reason = "most problems are of what is done, and nothing is"
)]
#[path = "../../../crates/server/src/problem.rs"]
mod problem;
#[path = "../../../crates/server/src/wire/request_asked.rs"]
mod request_asked;
mod told;
#[path = "../../../crates/server/src/wire/used_by.rs"]
mod used_by;
#[path = "../../../crates/server/src/wire/wanted.rs"]
mod wanted;
#[path = "../../../crates/server/src/whole.rs"]
mod whole;
mod wire {
    pub(crate) use crate::used_by::UsedBy;
}

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use lockstep_step::{
    Digest, EgressRule, MAX_PERMITTED_KEYS, MAX_RULES, UsagePermission, WorkflowEgress,
};

use canary::{CANARY, with_canary};
use egress_change::EgressChange;
use heads::{HeadsKept, Kept, MAX_HEADS, MAX_SEQUENCE};
use members::Members;
use names::{is_key, is_name};
use permissions::CredentialPermissions;
use problem::Problem;
use request_asked::RequestAsked;
use told::check_told;
use wanted::{MemberChange, MemberWanted, TokenWanted, WorkspaceChange, WorkspaceWanted};

/// What follows is not a body, but what to make one of.
const PIECES: &[u8] = b"pieces:";
const MOST_PIECES: usize = 8;
/// Of a list in a body that is made of pieces.
const MOST_ENTRIES: usize = 4;

/// A body that the API takes.
struct Form {
    /// What an input begins with that is one.
    name: &'static str,
    members: &'static [&'static str],
    /// Holds it for any body.
    check: fn(&[u8]),
}

static FORMS: [Form; 9] = [
    Form {
        name: "token:",
        members: &["name", "role", "member", "expires_at"],
        check: check_token,
    },
    Form {
        name: "member:",
        members: &["name", "role"],
        check: check_member,
    },
    Form {
        name: "role:",
        members: &["role"],
        check: check_role,
    },
    Form {
        name: "workspace:",
        members: &["require_sealing"],
        check: check_workspace,
    },
    Form {
        name: "new-workspace:",
        members: &["admin_token"],
        check: check_new_workspace,
    },
    Form {
        name: "heads:",
        members: &["heads"],
        check: check_heads,
    },
    Form {
        name: "egress:",
        members: &["mode", "rules"],
        check: check_egress,
    },
    Form {
        name: "permissions:",
        members: &["mode", "keys"],
        check: check_permissions,
    },
    Form {
        name: "request:",
        members: &["method", "url", "key"],
        check: check_request,
    },
];

const HEAD: &str = r#"{"chain": "a", "sequence": 1.0, "hash": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}"#;
const HEAD_OF_HOST: &str = r#"{"chain": "<host>", "sequence": 2, "hash": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "sealed_sequence": null}"#;
/// Up to here floating-point numbers have every whole number.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

const ROLES: [&str; 4] = ["admin", "editor", "runner", "viewer"];
const INVALID_BODY: &[&str] = &["invalid_body"];

fuzz_target!(|data: &[u8]| {
    if let Some(data) = data.strip_prefix(PIECES) {
        let mut data = Unstructured::new(data);
        if let Ok((form, body)) = made(&mut data) {
            (form.check)(body.as_bytes());
        }
        return;
    }
    for form in &FORMS {
        if let Some(body) = data.strip_prefix(form.name.as_bytes()) {
            (form.check)(&with_canary(body));
        }
    }
});

// === Bodies of pieces ===

fn made(data: &mut Unstructured<'_>) -> Result<(&'static Form, String)> {
    let form = data.choose(&FORMS)?;
    let mut members = Vec::new();
    while !data.is_empty() && members.len() < MOST_PIECES {
        let name = match data.ratio(1, 8)? {
            true => *data.choose(&["", "\\u006ename", "Mode", "keys", "rules", "x", CANARY])?,
            false => data.choose(form.members)?,
        };
        members.push(format!("\"{name}\": {}", value(data)?));
    }
    let members = members.join(", ");
    Ok(match data.ratio(1, 16)? {
        true => (form, format!("[{members}]")),
        false => (form, format!("{{{members}}}")),
    })
}

fn value(data: &mut Unstructured<'_>) -> Result<String> {
    if data.ratio(1, 4)? {
        let mut entries = Vec::new();
        while !data.is_empty() && entries.len() < MOST_ENTRIES {
            entries.push(single(data)?);
        }
        return Ok(format!("[{}]", entries.join(", ")));
    }
    single(data).map(str::to_owned)
}

fn single(data: &mut Unstructured<'_>) -> Result<&'static str> {
    data.choose(&[
        "null",
        "true",
        "false",
        "0",
        "1e999",
        "\"\"",
        "\"a\"",
        "\"A-b.c_1\"",
        "\"-a\"",
        "\"KEY_1\"",
        "\"K\\u0045Y\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "\"Marmot Quill 7731\"",
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
        "\"admin\"",
        "\"viewer\"",
        "\"Admin\"",
        "{\"admin\": null}",
        "\"all\"",
        "\"only\"",
        "\"selected\"",
        "{\"all\": null}",
        "\"2031-01-01T00:00:00Z\"",
        "\"2031-01-01T00:00:00+02:00[Europe/Berlin]\"",
        "\"2031-01-01 00:00Z\"",
        "\"2031-01-01\"",
        "\"-009999-01-02T00:00:00Z\"",
        "\"GET,POST api.example.com/v1\"",
        "\"http://*.example.com:8443~/[a-z]+\"",
        "\"example.com~Marmot Quill 7731\"",
        "\"example.com~(Marmot\"",
        "\"Marmot example.com\"",
        "\"exa mple.com/Marmot Quill 7731\"",
        "\"https://api.example.com/v1?Marmot\"",
        HEAD,
        HEAD_OF_HOST,
        "[]",
        "{}",
    ])
    .copied()
}

// === What holds ===

/// What a body says, if it is an object whose members all have names of these, each once.
fn said(body: &[u8], known: &[&str]) -> Option<BTreeMap<String, Value>> {
    let Members(members) = serde_json::from_slice(body).ok()?;
    let count = members.len();
    let said: BTreeMap<String, Value> = members.into_iter().collect();
    let is_known = |name: &String| known.contains(&name.as_str());
    (said.len() == count && said.keys().all(is_known)).then_some(said)
}

/// What is taken, or nothing where it is refused, which is told in one of these codes.
fn taken<T>(read: std::result::Result<T, Problem>, codes: &[&str]) -> Option<T> {
    read.inspect_err(|problem| check_told(problem, codes)).ok()
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    taken(parse::parse(body), INVALID_BODY)
}

/// A text of this kind, for which null does not stand.
fn text(value: Option<&Value>, is_one: impl Fn(&str) -> bool) -> Option<&str> {
    value?.as_str().filter(|text| is_one(text))
}

/// Such a text or nothing. `None`: neither.
fn optional(value: Option<&Value>, is_one: impl Fn(&str) -> bool) -> Option<Option<&str>> {
    match value {
        None | Some(Value::Null) => Some(None),
        value => text(value, is_one).map(Some),
    }
}

fn is_role(text: &str) -> bool {
    ROLES.contains(&text)
}

fn is_time(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}

fn check_token(body: &[u8]) {
    let taken: Option<TokenWanted> = read(body);
    let said = said(body, &["name", "role", "member", "expires_at"]);
    let expected = said.as_ref().and_then(|said| {
        let name = text(said.get("name"), is_name)?;
        let role = optional(said.get("role"), is_role)?;
        let member = optional(said.get("member"), is_name)?;
        let expires_at = optional(said.get("expires_at"), is_time)?;
        let expires_at = expires_at.map(|text| text.parse().expect("it is a time"));
        Some((name, role, member, expires_at))
    });
    let taken = taken.as_ref().map(|it| {
        let (name, role) = (it.name.as_str(), it.role.map(|role| role.as_str()));
        let member = it.member.as_ref().map(|member| member.as_str());
        (name, role, member, it.expires_at)
    });
    assert_eq!(taken, expected);
}

fn check_member(body: &[u8]) {
    let taken: Option<MemberWanted> = read(body);
    let said = said(body, &["name", "role"]);
    let expected = said.as_ref().and_then(|said| {
        let name = text(said.get("name"), is_name)?;
        Some((name, text(said.get("role"), is_role)?))
    });
    let taken = taken
        .as_ref()
        .map(|it| (it.name.as_str(), it.role.as_str()));
    assert_eq!(taken, expected);
}

fn check_role(body: &[u8]) {
    let taken = read::<MemberChange>(body).map(|it| it.role.as_str());
    let said = said(body, &["role"]);
    let expected = said
        .as_ref()
        .and_then(|said| text(said.get("role"), is_role));
    assert_eq!(taken, expected);
}

fn check_workspace(body: &[u8]) {
    let taken = read::<WorkspaceChange>(body).map(|it| it.require_sealing);
    let said = said(body, &["require_sealing"]);
    let expected = said.and_then(|said| said.get("require_sealing")?.as_bool());
    assert_eq!(taken, expected);
}

fn check_new_workspace(body: &[u8]) {
    let taken: Option<WorkspaceWanted> = read(body);
    let said = said(body, &["admin_token"]);
    let expected = said
        .as_ref()
        .and_then(|said| optional(said.get("admin_token"), is_name));
    let taken = taken.as_ref();
    let taken = taken.map(|it| it.admin_token.as_ref().map(|name| name.as_str()));
    assert_eq!(taken, expected);
}

/// Each head is read by itself, so that none of its members is passed over that stands there twice.
fn check_heads(body: &[u8]) {
    #[derive(Deserialize)]
    struct Listed {
        heads: Vec<Box<RawValue>>,
    }

    let codes = ["invalid_body", "too_many_heads"];
    let read = parse::parse::<HeadsKept>(body).and_then(HeadsKept::checked);
    let taken = taken(read, &codes);
    let listed = said(body, &["heads"]).and_then(|_| serde_json::from_slice(body).ok());
    let expected = listed.and_then(|Listed { heads }| {
        let heads: Option<Vec<Kept>> = heads.iter().map(|head| kept(head.get())).collect();
        heads.filter(|heads| heads.len() <= MAX_HEADS)
    });
    assert_eq!(taken, expected);
}

fn kept(head: &str) -> Option<Kept> {
    let known = ["chain", "sequence", "hash", "sealed_sequence"];
    let said = said(head.as_bytes(), &known)?;
    let chain = text(said.get("chain"), |it| it == "<host>" || is_name(it))?;
    let hash = text(said.get("hash"), |it| it.parse::<Digest>().is_ok())?;
    Some(Kept {
        workspace: (chain != "<host>").then(|| chain.parse().expect("it is a name")),
        sequence: whole_number(said.get("sequence")?)?,
        hash: hash.parse().expect("it is a digest"),
        sealed_sequence: match said.get("sealed_sequence") {
            None | Some(Value::Null) => None,
            Some(number) => Some(whole_number(number)?),
        },
    })
}

fn whole_number(number: &Value) -> Option<u64> {
    let is_whole = |it: &f64| it.fract() == 0.0 && (0.0..=LARGEST_EXACT).contains(it);
    let of_float = || number.as_f64().filter(is_whole).map(|it| it as u64);
    let number = number.as_u64().or_else(of_float);
    number.filter(|it| *it <= MAX_SEQUENCE)
}

fn check_request(body: &[u8]) {
    let taken: Option<RequestAsked> = read(body);
    let said = said(body, &["method", "url", "key"]);
    let expected = said.as_ref().and_then(|said| {
        let [method, url] = ["method", "url"].map(|name| text(said.get(name), |_| true));
        Some((method?, url?, optional(said.get("key"), is_key)?))
    });
    let taken = taken.as_ref().map(|it| {
        let key = it.key.as_ref().map(|key| key.as_str());
        (it.method.as_str(), it.url.as_str(), key)
    });
    assert_eq!(taken, expected);
}

/// What stands beside a mode: a list of texts for `of`, and nothing for `all`.
fn listed<'a>(
    said: &'a BTreeMap<String, Value>,
    of: &str,
    list: &str,
) -> Option<Option<Vec<&'a str>>> {
    let entries = said.get(list);
    match said.get("mode")?.as_str()? {
        "all" => entries.is_none().then_some(None),
        mode if mode == of => {
            let texts = entries?.as_array()?.iter().map(Value::as_str);
            texts.collect::<Option<Vec<&str>>>().map(Some)
        }
        _ => None,
    }
}

fn check_egress(body: &[u8]) {
    let codes = ["invalid_body", "invalid_rule", "too_many_rules"];
    let read = parse::parse::<EgressChange>(body).and_then(EgressChange::checked);
    let taken = taken(read, &codes);
    let said = said(body, &["mode", "rules"]);
    let expected = said.as_ref().and_then(|said| {
        let Some(rules) = listed(said, "only", "rules")? else {
            return Some(WorkflowEgress::All);
        };
        let rules: Option<Vec<EgressRule>> = rules.iter().map(|it| it.parse().ok()).collect();
        rules
            .filter(|rules| rules.len() <= MAX_RULES)
            .map(WorkflowEgress::Only)
    });
    assert_eq!(taken, expected);
}

/// And what is told of it is taken as the same again.
fn check_permissions(body: &[u8]) {
    let read = |body: &[u8]| {
        parse::parse::<CredentialPermissions>(body).and_then(CredentialPermissions::checked)
    };
    let taken = taken(
        read(body),
        &["invalid_body", "invalid_key", "too_many_keys"],
    );
    let said = said(body, &["mode", "keys"]);
    let expected = said.as_ref().and_then(|said| {
        let Some(keys) = listed(said, "selected", "keys")? else {
            return Some(None);
        };
        let are_keys = keys.len() <= MAX_PERMITTED_KEYS && keys.iter().all(|key| is_key(key));
        are_keys.then(|| Some(keys.into_iter().collect::<BTreeSet<&str>>()))
    });
    let selected = taken.as_ref().map(|permission| match permission {
        UsagePermission::All => None,
        UsagePermission::Selected(keys) => Some(keys.iter().map(|key| key.as_str()).collect()),
    });
    assert_eq!(selected, expected);
    if let Some(permission) = taken {
        let told = CredentialPermissions::from(permission.clone());
        let told = serde_json::to_vec(&told).expect("it has a form of JSON");
        assert_eq!(read(&told).ok(), Some(permission));
    }
}
