//! What is nested in a step: types in types, components in components, instances of instances.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentExternalKind, ComponentImport,
    ComponentInstance, ComponentOuterAliasKind, ComponentType, ComponentTypeRef, CoreType,
    Instance, Payload, Result,
};

use crate::InvalidStep;
use crate::bounds::{Bound, not_valid};

/// Types of components and instances within each other: the parser reads them by recursion. WIT has 3 levels.
const TYPE_DEPTH: Bound = Bound {
    what: "levels of types within types",
    limit: 50,
};
/// Components within each other. A composition of compositions has a few.
const COMPONENT_DEPTH: Bound = Bound {
    what: "levels of components within components",
    limit: 20,
};
/// All instances that exist once the step is instantiated. A run has room for far fewer core instances.
const INSTANCES: Bound = Bound {
    what: "instances, those within instances included",
    limit: 2_000,
};
/// All definitions, once each instantiation is written out, which is how a component is compiled.
const EXPANDED: Bound = Bound {
    what: "definitions, those within instances included",
    limit: 500_000,
};

const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;
const CORE_TYPE_DECLARATION: u8 = 0x00;
const TYPE_DECLARATION: u8 = 0x01;
const ALIAS_DECLARATION: u8 = 0x02;
const IMPORT_DECLARATION: u8 = 0x03;

/// Checks how deep the types of a section are nested. `wasmparser` reads them by recursion, and a type takes 3 bytes.
pub(crate) fn check_types(section: &[u8]) -> std::result::Result<(), InvalidStep> {
    let mut reader = BinaryReader::new(section, 0);
    let types = reader.read_var_u32().map_err(|error| not_valid(&error))?;
    // Of each open type, how many declarations are still to be read; the section itself is the first.
    let mut open = vec![types];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let is_declaration = open.len() > 1;
        let inner = next(&mut reader, is_declaration).map_err(|error| not_valid(&error))?;
        if let Some(declarations) = inner {
            open.push(declarations);
            TYPE_DEPTH.check(open.len() as u64 - 1)?;
        }
    }
    Ok(())
}

/// Reads one type or declaration. Of one that holds others only the head is read: how many they are.
fn next(reader: &mut BinaryReader<'_>, is_declaration: bool) -> Result<Option<u32>> {
    let tag = if is_declaration {
        reader.read_u8()?
    } else {
        TYPE_DECLARATION
    };
    match tag {
        TYPE_DECLARATION => {
            // Peeks: a reader is a cursor over borrowed bytes.
            if let COMPONENT_TYPE | INSTANCE_TYPE = reader.clone().read_u8()? {
                reader.read_u8()?;
                return Ok(Some(reader.read_var_u32()?));
            }
            reader.read::<ComponentType<'_>>()?;
        }
        CORE_TYPE_DECLARATION => {
            reader.read::<CoreType<'_>>()?;
        }
        ALIAS_DECLARATION => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        IMPORT_DECLARATION => {
            reader.read::<ComponentImport<'_>>()?;
        }
        // An export. Other tags are refused by the parser, which reads the same bytes next.
        _ => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
    }
    Ok(None)
}

/// What instantiating a component comes to.
#[derive(Clone, Copy, Default)]
struct Cost {
    instances: u64,
    definitions: u64,
}

/// A component or module that is being read.
#[derive(Default)]
struct Open {
    cost: Cost,
    /// What instantiating each component of its index space costs.
    components: Vec<Cost>,
    is_component: bool,
}

/// How far the instantiations of a component expand: a component that makes two instances of one that makes two instances
/// of one, and so on, is small.
#[derive(Default)]
pub(crate) struct Expansion {
    /// Innermost last.
    open: Vec<Open>,
}

impl Expansion {
    pub(crate) fn add(&mut self, payload: &Payload<'_>) -> std::result::Result<(), InvalidStep> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_component = *encoding == wasmparser::Encoding::Component;
                self.open.push(Open {
                    is_component,
                    ..Open::default()
                });
                COMPONENT_DEPTH.check(self.open.len() as u64 - 1)?;
            }
            Payload::End(_) => self.close(),
            _ => self.add_section(payload)?,
        }
        Ok(())
    }

    /// The component that ends becomes one of those that the outer one may instantiate.
    fn close(&mut self) {
        let Some(inner) = self.open.pop() else { return };
        if let Some(outer) = self.open.last_mut()
            && inner.is_component
        {
            outer.components.push(inner.cost);
        }
    }

    fn add_section(&mut self, payload: &Payload<'_>) -> std::result::Result<(), InvalidStep> {
        let invalid = |error: wasmparser::Error| not_valid(&error);
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    let arguments = match instance.map_err(invalid)? {
                        Instance::Instantiate { args, .. } => args.len(),
                        Instance::FromExports(exports) => exports.len(),
                    };
                    self.spend(Cost {
                        instances: 1,
                        definitions: 1 + arguments as u64,
                    })?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    self.instantiate(&instance.map_err(invalid)?)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias.map_err(invalid)?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import.map_err(invalid)?;
                    self.define(1)?;
                    if import.ty.kind() == ComponentExternalKind::Component {
                        return Err(handed_on("imports a component"));
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export.map_err(invalid)?;
                    self.define(1)?;
                    if export.kind == ComponentExternalKind::Component {
                        // What is exported gets an index of its own.
                        let cost = self.component(0, export.index);
                        self.name(cost);
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => self.define(section.count())?,
            _ => {}
        }
        Ok(())
    }

    fn instantiate(
        &mut self,
        instance: &ComponentInstance<'_>,
    ) -> std::result::Result<(), InvalidStep> {
        match instance {
            ComponentInstance::Instantiate {
                component_index,
                args,
            } => {
                let Cost {
                    instances,
                    definitions,
                } = self.component(0, *component_index);
                let definitions = definitions.saturating_add(1 + args.len() as u64);
                self.spend(Cost {
                    instances: instances.saturating_add(1),
                    definitions,
                })
            }
            ComponentInstance::FromExports(exports) => self.spend(Cost {
                instances: 1,
                definitions: 1 + exports.len() as u64,
            }),
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> std::result::Result<(), InvalidStep> {
        self.define(1)?;
        match alias {
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => Err(handed_on("takes a component out of an instance")),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let cost = self.component(*count, *index);
                self.name(cost);
                Ok(())
            }
            ComponentAlias::InstanceExport { .. }
            | ComponentAlias::CoreInstanceExport { .. }
            | ComponentAlias::Outer { .. } => Ok(()),
        }
    }

    /// The cost of the component `index`, so many levels out. One that does not exist is for the validator to refuse.
    fn component(&self, outwards: u32, index: u32) -> Cost {
        let level = (self.open.len() - 1).checked_sub(outwards as usize);
        let open = level.and_then(|level| self.open.get(level));
        open.and_then(|open| open.components.get(index as usize))
            .copied()
            .unwrap_or_default()
    }

    fn name(&mut self, component: Cost) {
        if let Some(open) = self.open.last_mut() {
            open.components.push(component);
        }
    }

    fn define(&mut self, definitions: u32) -> std::result::Result<(), InvalidStep> {
        self.spend(Cost {
            instances: 0,
            definitions: definitions.into(),
        })
    }

    fn spend(&mut self, more: Cost) -> std::result::Result<(), InvalidStep> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.cost.instances = open.cost.instances.saturating_add(more.instances);
        open.cost.definitions = open.cost.definitions.saturating_add(more.definitions);
        INSTANCES.check(open.cost.instances)?;
        EXPANDED.check(open.cost.definitions)
    }
}

/// Components that are values cannot be counted before they are run; no tool makes such steps.
fn handed_on(how: &str) -> InvalidStep {
    InvalidStep::new(format!(
        "the step {how}; a step holds its components, and does not hand them on"
    ))
}
