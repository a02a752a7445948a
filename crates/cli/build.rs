//! What `lockstep new` embeds is embedded anew when it changes: a file that is added changes none that was embedded.

/// Folders that are embedded.
const EMBEDDED: [&str; 6] = [
    "templates",
    "../../guest-sdk/js/bin",
    "../../guest-sdk/js/src",
    "../../guest-sdk/js/types",
    "../../guest-sdk/rust/src",
    "../../guest-sdk/rust/macros",
];

fn main() {
    for folder in EMBEDDED {
        println!("cargo::rerun-if-changed={folder}");
    }
}
