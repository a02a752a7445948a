;; Its output is 400,000 lists within each other: `completed`.
(module
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 16)
  (func (export "_start")
    (memory.fill (i32.const 0) (i32.const 0x5b) (i32.const 400000))
    (memory.fill (i32.const 400000) (i32.const 0x5d) (i32.const 400000))
    (call $set_output (i32.const 0) (i32.const 800000))))
