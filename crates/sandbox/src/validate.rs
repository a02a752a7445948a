//! Validation, function by function, with limits on what makes a compiler slow: depth, and branches among many variables.
//!
//! Cranelift needs a time that grows with the cube of the depth of loops, and a memory that grows with the product of
//! branches and local variables. In a debug build 14 KB of nested loops took 20 s, and 1 MB of branches took 5 GB.

use wasmparser::{
    FrameKind, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, Parser,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use crate::InvalidStep;
use crate::bounds::{Bound, not_valid};

/// Of one function. What people write, and what compilers make of it, has some ten.
const LOOP_DEPTH: Bound = Bound {
    what: "loops within loops",
    limit: 128,
};
/// Of one function. A `switch` has a block for each case.
const BLOCK_DEPTH: Bound = Bound {
    what: "blocks within blocks",
    limit: 10_000,
};
/// Of one function. The main loops of interpreters have some millions.
const BRANCHES_BY_LOCALS: Bound = Bound {
    what: "branches times local variables in one function",
    limit: 200_000_000,
};

/// Checks that `wasm` is valid, and that its functions can be compiled at a bearable cost.
pub(crate) fn validate(wasm: &[u8]) -> Result<(), InvalidStep> {
    let invalid = |error| not_valid(&error);
    let mut validator = Validator::new_with_features(WasmFeatures::default());
    let mut allocations = FuncValidatorAllocations::default();
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(invalid)?;
        match validator.payload(&payload).map_err(invalid)? {
            ValidPayload::Func(function, body) => functions.push((function, body)),
            ValidPayload::End(_) => {
                for (function, body) in functions.drain(..) {
                    let mut function = function.into_validator(allocations);
                    Cost::default().of(&mut function, &body)?;
                    allocations = function.into_allocations();
                }
            }
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
    }
    Ok(())
}

/// What of a function makes it dear.
#[derive(Default)]
struct Cost {
    /// Loops among the open blocks.
    loops: u64,
    branches: u64,
}

impl Cost {
    fn of(
        &mut self,
        function: &mut FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), InvalidStep> {
        let invalid = |error| not_valid(&error);
        let mut locals = body.get_binary_reader();
        function.read_locals(&mut locals).map_err(invalid)?;
        let mut operators = body.get_operators_reader().map_err(invalid)?;
        while !operators.eof() {
            let offset = operators.original_position();
            let operator = operators.read().map_err(invalid)?;
            self.add(&operator, function)?;
            function.op(offset, &operator).map_err(invalid)?;
        }
        operators.finish().map_err(invalid)?;
        BRANCHES_BY_LOCALS.check(self.branches.saturating_mul(function.len_locals().into()))
    }

    /// Counts an operator, before it is validated.
    fn add(
        &mut self,
        operator: &Operator<'_>,
        function: &FuncValidator<ValidatorResources>,
    ) -> Result<(), InvalidStep> {
        match operator {
            Operator::Loop { .. } => {
                self.loops += 1;
                LOOP_DEPTH.check(self.loops)?;
            }
            Operator::End => {
                let ends = function.get_control_frame(0).map(|frame| frame.kind);
                self.loops -= u64::from(ends == Some(FrameKind::Loop));
            }
            Operator::If { .. } | Operator::Br { .. } | Operator::BrIf { .. } => self.branches += 1,
            Operator::BrTable { targets } => self.branches += u64::from(targets.len()) + 1,
            _ => {}
        }
        BLOCK_DEPTH.check(function.control_stack_height().into())
    }
}
