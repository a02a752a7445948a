//! Plans to copy new contacts from a CRM to a mailing list. It needs credentials for both, and asks for them first.

use base64::{Engine, prelude::BASE64_STANDARD};
use lockstep_step::{Failure, require_credentials};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Input {
    contacts: Vec<Contact>,
    /// Addresses that are on the list already.
    subscribed: Vec<String>,
}

#[derive(Deserialize)]
struct Contact {
    name: String,
    email: String,
    consent: bool,
}

#[derive(Serialize)]
struct Plan {
    add: Vec<Entry>,
    skipped: usize,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    email: String,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Plan, Failure> {
    // Before anything else: a run that lacks one of them has no effect, and its failure names all that are missing.
    let [user, password, list_key] =
        require_credentials(&["CRM_USER", "CRM_PASSWORD", "MAILING_LIST_KEY"])?;

    // Each spelling of a value is masked, also within other text.
    println!(
        "GET /contacts    Authorization: Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    );
    let contacts = input.contacts.len();
    let add: Vec<Entry> = input
        .contacts
        .into_iter()
        .filter_map(|contact| wanted(contact, &input.subscribed))
        .collect();
    for entry in &add {
        println!("POST /members    X-Api-Key: {list_key}    {}", entry.email);
    }
    Ok(Plan {
        skipped: contacts - add.len(),
        add,
    })
}

/// A contact who agreed and is not on the list yet.
fn wanted(contact: Contact, subscribed: &[String]) -> Option<Entry> {
    let email = contact.email.trim().to_lowercase();
    let is_new = contact.consent && !subscribed.contains(&email);
    is_new.then_some(Entry {
        name: contact.name,
        email,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_step::testing;
    use serde_json::json;

    #[test]
    fn all_missing_credentials_are_named_at_once() {
        testing::set_credentials([("CRM_USER", "ada")]);
        let failure = testing::run(run, json!({"contacts": [], "subscribed": []})).unwrap_err();
        assert_eq!(
            failure.missing_credentials(),
            ["CRM_PASSWORD", "MAILING_LIST_KEY"]
        );
    }

    #[test]
    fn a_contact_without_consent_is_left_out() {
        let contact = |consent| Contact {
            name: "Ada".into(),
            email: " Ada@Example.com".into(),
            consent,
        };
        assert!(wanted(contact(false), &[]).is_none());
        assert_eq!(wanted(contact(true), &[]).unwrap().email, "ada@example.com");
        assert!(wanted(contact(true), &["ada@example.com".to_owned()]).is_none());
    }
}
