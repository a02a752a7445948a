;; Its output is a string of 2 MiB: `output_too_large` at the default of 1 MiB.
(module
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 33)
  (func (export "_start")
    (memory.fill (i32.const 0) (i32.const 0x78) (i32.const 2097152))
    (i32.store8 (i32.const 0) (i32.const 0x22))
    (i32.store8 (i32.const 2097151) (i32.const 0x22))
    (call $set_output (i32.const 0) (i32.const 2097152))))
