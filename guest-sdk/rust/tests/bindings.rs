//! `src/host/bindings.rs` is generated from the contract, `guest-sdk/wit/step.wit`, and kept in the crate, so that the author of a
//! step builds neither a WIT parser nor a code generator.
//!
//! After a change of the contract: `BLESS=1 cargo test --test bindings`.

use std::{env, fs, path::Path};

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};
use wit_bindgen_rust::Opts;

const WORLD: &str = "step-core";

#[test]
fn the_bindings_are_those_of_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = root.join("src/host/bindings.rs");
    let generated = generate(&root.join("../wit/step.wit"));
    if env::var_os("BLESS").is_some() {
        fs::write(&kept, &generated).unwrap();
    }
    assert!(
        fs::read_to_string(&kept).unwrap_or_default() == generated,
        "src/host/bindings.rs is not what wit-bindgen makes of step.wit: run `BLESS=1 cargo test --test bindings`"
    );
}

fn generate(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some(WORLD)).unwrap();
    let options = Opts {
        format: true,
        pub_export_macro: true,
        default_bindings_module: Some("lockstep_step::__private::bindings".to_owned()),
        runtime_path: Some("::wit_bindgen::rt".to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .unwrap();
    let (_, contents) = files.iter().next().unwrap();
    String::from_utf8(contents.to_vec()).unwrap()
}
