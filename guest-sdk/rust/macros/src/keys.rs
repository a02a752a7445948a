//! The keys of credentials that stand as literals in code, and the custom section that lists them.

use proc_macro2::{Literal, TokenStream, TokenTree};
use quote::quote;

/// The item, and the record of the keys in it.
pub(crate) fn expand(item: &TokenStream) -> TokenStream {
    let record = record(&find(item));
    quote! { #item #record }
}

/// The custom section `lockstep:credential-keys`: each key, and a line end. The linker joins those of all crates.
pub(crate) fn record(keys: &[String]) -> TokenStream {
    if keys.is_empty() {
        return TokenStream::new();
    }
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    let length = Literal::usize_suffixed(lines.len());
    let lines = Literal::byte_string(lines.as_bytes());
    quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[unsafe(link_section = "lockstep:credential-keys")]
            #[used]
            static KEYS: [u8; #length] = *#lines;
        };
    }
}

/// The keys in calls of `credential("KEY")` and `require_credentials(&["KEY", ..])`, at any depth, each once.
pub(crate) fn find(code: &TokenStream) -> Vec<String> {
    let mut keys = Vec::new();
    find_into(&mut keys, code.clone());
    keys
}

fn find_into(keys: &mut Vec<String>, code: TokenStream) {
    let mut called = None;
    for token in code {
        match &token {
            TokenTree::Group(group) => {
                match called.as_deref() {
                    Some("credential") => add(keys, group.stream().into_iter().next()),
                    Some("require_credentials") => add_all(keys, group.stream()),
                    _ => {}
                }
                find_into(keys, group.stream());
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        called = match &token {
            TokenTree::Ident(name) => Some(name.to_string()),
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        };
    }
}

fn add_all(keys: &mut Vec<String>, arguments: TokenStream) {
    for token in arguments {
        match token {
            TokenTree::Group(group) => add_all(keys, group.stream()),
            other => add(keys, Some(other)),
        }
    }
}

fn add(keys: &mut Vec<String>, token: Option<TokenTree>) {
    let Some(TokenTree::Literal(literal)) = token else {
        return;
    };
    if let Some(key) = key(&literal.to_string()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
}

/// The key that a string literal spells. Keys need no escapes, so that what is between the quotes is the key.
fn key(literal: &str) -> Option<String> {
    let text = literal.trim_start_matches('r').trim_matches('#');
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    is_key(text).then(|| text.to_owned())
}

/// Whether a credential can have this key: `[A-Za-z_][A-Za-z0-9_]{0,127}`.
fn is_key(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: &[&str]) {
        assert_eq!(find(&code.parse().unwrap()), expected, "in {code}");
    }

    #[test]
    fn a_literal_key_is_found() {
        check(r#"let token = credential("TOKEN")?;"#, &["TOKEN"]);
        check(
            r#"let token = lockstep_step::credential("TOKEN")?;"#,
            &["TOKEN"],
        );
        check(r##"credential(r"A"); credential(r#"B"#);"##, &["A", "B"]);
    }

    #[test]
    fn a_literal_key_is_found_at_any_depth() {
        check(
            r#"if x { println!("{}", credential("TOKEN")?) }"#,
            &["TOKEN"],
        );
    }

    #[test]
    fn all_required_keys_are_found() {
        check(
            r#"let [a, b] = require_credentials(&["A", "B"])?;"#,
            &["A", "B"],
        );
    }

    #[test]
    fn a_key_is_listed_once() {
        check(
            r#"credential("A"); credential("A"); require_credentials(&["A", "B"]);"#,
            &["A", "B"],
        );
    }

    #[test]
    fn other_strings_are_no_keys() {
        check(
            r#"println!("TOKEN"); missing(&["TOKEN"]); credential; "TOKEN""#,
            &[],
        );
        check(r#"my_credential("TOKEN")"#, &[]);
    }

    #[test]
    fn a_computed_key_is_not_found() {
        check(
            r#"credential(KEY); credential(&format!("TOKEN_{n}"));"#,
            &[],
        );
    }

    #[test]
    fn what_no_credential_can_be_called_is_not_found() {
        check(
            r#"credential("two words"); credential(""); credential("1ST"); credential("a\n");"#,
            &[],
        );
        check(
            &format!("credential({:?})", "k".repeat(128)),
            &[&"k".repeat(128)],
        );
        check(&format!("credential({:?})", "k".repeat(129)), &[]);
    }

    #[test]
    fn the_record_ends_each_key_with_a_line_end() {
        let record = record(&["A".to_owned(), "BC".to_owned()]).to_string();
        assert!(
            record.contains(r#"[u8 ; 5usize] = * b"A\nBC\n""#),
            "{record}"
        );
    }

    #[test]
    fn code_that_names_no_key_has_no_record() {
        assert!(record(&[]).is_empty());
    }
}
