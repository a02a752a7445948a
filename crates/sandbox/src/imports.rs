//! What a component may import: by the name, before it is compiled. A component of 16 MB takes half a minute to compile.

use wasmparser::{ComponentTypeRef, Parser, Payload};

use crate::InvalidStep;
use crate::artifact::OFFER;
use crate::bounds::not_valid;

/// How the names of the interfaces begin that a world offers.
const OFFERED: [&str; 12] = [
    "lockstep:step/credentials@1.",
    "lockstep:step/signing@1.",
    "lockstep:step/output@1.",
    "lockstep:step/failures@1.",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/outgoing-handler@0.2.",
    "wasi:http/types@0.2.",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Checks what `component` imports, but for types: which of these are only names for others the compiler knows.
pub(crate) fn check(component: &[u8]) -> Result<(), InvalidStep> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| not_valid(&error))? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // Components within the component import what it gives them.
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(|error| not_valid(&error))?;
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        check_name(import.name.name)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses an import that no world offers.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidStep> {
    if OFFERED.iter().any(|offered| name.starts_with(offered)) {
        return Ok(());
    }
    Err(InvalidStep::new(format!(
        "the component imports `{name}`, which no world offers; {OFFER}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(component: &str) -> Result<(), InvalidStep> {
        check(&wat::parse_str(component).unwrap())
    }

    #[test]
    fn an_interface_of_a_world_is_offered_and_no_other() {
        for name in [
            "wasi:io/error@0.2.12",
            "wasi:http/types@0.2.10",
            "wasi:http/outgoing-handler@0.2.0",
        ] {
            checked(&format!(r#"(component (import "{name}" (instance)))"#)).unwrap();
        }
        for name in [
            "wasi:http/incoming-handler@0.2.12",
            "wasi:http/client@0.3.0",
        ] {
            let refused = checked(&format!(r#"(component (import "{name}" (instance)))"#));
            let message = refused.unwrap_err().message;
            assert!(message.contains(&format!("`{name}`")), "{message}");
        }
    }

    #[test]
    fn what_a_component_within_imports_is_its_own_affair() {
        checked(r#"(component (component (import "a:b/c" (instance))))"#).unwrap();
        checked(r#"(component (component) (import "a:b/c" (instance)))"#).unwrap_err();
    }

    #[test]
    fn a_name_for_a_type_is_no_import() {
        checked(r#"(component (type $t (record (field "a" u8))) (import "t" (type (eq $t))))"#)
            .unwrap();
    }
}
