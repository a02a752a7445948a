//! The entry of a step: finds the function's name, and exports it under the contract's `run`.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::keys;

pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
    let entry = match check(attribute, item) {
        Ok(name) => export(&name),
        Err((span, message)) => quote_spanned! { span => ::core::compile_error!(#message); },
    };
    let record = keys::record(&keys::find(item));
    quote! { #item #entry #record }
}

/// The export, in wasm. On the host only the types are checked, by using the function as the export does.
fn export(name: &Ident) -> TokenStream {
    quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Step;
            impl ::lockstep_step::__private::Guest for Step {
                fn run(
                    input: ::std::string::String,
                ) -> ::core::result::Result<::std::string::String, ::lockstep_step::__private::WireFailure> {
                    ::lockstep_step::__private::export(#name, &input)
                }
            }
            ::lockstep_step::__private::bindings::export!(
                Step with_types_in ::lockstep_step::__private::bindings
            );
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn(&str) -> ::core::result::Result<::std::string::String, ::lockstep_step::Failure> =
            |input| ::lockstep_step::__private::run(#name, input);
    }
}

type Refusal = (Span, &'static str);

/// The name of the function, when it can be the entry of a step.
///
/// Only what the compiler would say unclearly is checked here; it checks the types.
fn check(attribute: &TokenStream, item: &TokenStream) -> Result<Ident, Refusal> {
    if let Some(token) = attribute.clone().into_iter().next() {
        return Err((token.span(), "`step` takes no arguments"));
    }
    let mut tokens = item.clone().into_iter();
    let mut last = Span::call_site();
    for token in tokens.by_ref() {
        last = token.span();
        match &token {
            TokenTree::Ident(word) if word == "async" => {
                return Err((last, "a step is not `async`"));
            }
            TokenTree::Ident(word) if word == "fn" => return signature(tokens),
            TokenTree::Ident(word)
                if ["struct", "mod", "impl", "trait", "enum"]
                    .iter()
                    .any(|other| word == other) =>
            {
                break;
            }
            _ => {}
        }
    }
    Err((last, "`step` marks a function"))
}

/// What follows `fn`.
fn signature(mut tokens: impl Iterator<Item = TokenTree>) -> Result<Ident, Refusal> {
    let Some(TokenTree::Ident(name)) = tokens.next() else {
        return Err((Span::call_site(), "`step` marks a function"));
    };
    match tokens.next() {
        Some(TokenTree::Group(parameters)) if parameters.delimiter() == Delimiter::Parenthesis => {
            if is_one_parameter(&parameters) {
                return Ok(name);
            }
            Err((parameters.span(), "a step takes one parameter: its input"))
        }
        _ => Err((name.span(), "a step has no generic parameters")),
    }
}

/// Whether there is no comma but a last one. Those within a pattern's parentheses are in a group of their own; those
/// within the angle brackets of a type are not, so they are counted out.
fn is_one_parameter(parameters: &Group) -> bool {
    let mut depth = 0_i32;
    let mut tokens = parameters.stream().into_iter().peekable();
    if tokens.peek().is_none() {
        return false;
    }
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '<' => depth += 1,
            TokenTree::Punct(mark) if mark.as_char() == '>' => depth -= 1,
            TokenTree::Punct(mark)
                if mark.as_char() == ',' && depth == 0 && tokens.peek().is_some() =>
            {
                return false;
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepted(code: &str) {
        let name =
            check(&TokenStream::new(), &code.parse().unwrap()).map_err(|(_, message)| message);
        assert_eq!(name.unwrap(), "run", "{code}");
    }

    #[track_caller]
    fn refused(code: &str, expected: &str) {
        let refusal =
            check(&TokenStream::new(), &code.parse().unwrap()).map_err(|(_, message)| message);
        assert_eq!(refusal.unwrap_err(), expected, "{code}");
    }

    #[test]
    fn a_function_of_one_parameter_is_an_entry() {
        accepted("fn run(input: In) -> Result<Out, Failure> {}");
        accepted(
            "/// Docs with fn in them.\n#[inline] pub(crate) fn run(In { a, b }: In,) -> Result<Out, Failure> {}",
        );
        accepted("fn run(input: HashMap<String, Vec<u8>>) -> Result<Out, Failure> {}");
    }

    #[test]
    fn another_number_of_parameters_is_refused() {
        refused(
            "fn run() -> Result<Out, Failure> {}",
            "a step takes one parameter: its input",
        );
        refused(
            "fn run(a: A, b: B) -> Result<Out, Failure> {}",
            "a step takes one parameter: its input",
        );
    }

    #[test]
    fn generic_and_async_functions_are_refused() {
        refused(
            "fn run<T>(input: T) -> Result<Out, Failure> {}",
            "a step has no generic parameters",
        );
        refused(
            "async fn run(input: In) -> Result<Out, Failure> {}",
            "a step is not `async`",
        );
    }

    #[test]
    fn another_item_is_refused() {
        refused("struct Run;", "`step` marks a function");
        refused(
            "impl Run { fn run(input: In) {} }",
            "`step` marks a function",
        );
    }
}
