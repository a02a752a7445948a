//! The attributes of `lockstep-step`; use them from there.

mod entry;
mod keys;

use proc_macro::TokenStream;

/// Makes a function the entry of a step: `fn(Input) -> Result<Output, E>`, where `Input` is [`Deserialize`], `Output` is
/// [`Serialize`], and `E` is `Failure` or any error.
///
/// A crate has one. The function stays what it is and can be called, by tests for example.
///
/// It also writes the keys of the credentials that the function names into the wasm file, as [`macro@names_credentials`]
/// does.
///
/// [`Deserialize`]: https://docs.rs/serde/latest/serde/trait.Deserialize.html
/// [`Serialize`]: https://docs.rs/serde/latest/serde/trait.Serialize.html
#[proc_macro_attribute]
pub fn step(attribute: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(&attribute.into(), &item.into()).into()
}

/// Writes the keys of the credentials that a function, an `impl` or a `mod` names into the wasm file: those that stand as
/// literals in calls of `credential` and `require_credentials`.
///
/// The function marked `step` needs it not: this is for the helpers around it.
#[proc_macro_attribute]
pub fn names_credentials(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    keys::expand(&item.into()).into()
}
