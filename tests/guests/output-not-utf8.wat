;; Its output is not UTF-8: `trap`.
(module
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\"\ff\fe\"")
  (func (export "_start") (call $set_output (i32.const 0) (i32.const 4))))
