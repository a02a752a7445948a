;; Its output is where it has no memory: `trap`.
(module
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $set_output (i32.const 0x70000000) (i32.const 100))))
