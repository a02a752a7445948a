;; Its output is no JSON: `step_failed`, phase `output`.
(module
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{]")
  (func (export "_start")
    (call $set_output (i32.const 0) (i32.const 2))))
