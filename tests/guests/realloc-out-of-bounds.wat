;; Has the host write its answer beyond its memory: `trap`.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "KEY")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const -8))
  (func (export "_start") (call $credential (i32.const 0) (i32.const 3) (i32.const 16))))
