;; Asks for a credential while the host answers it: the component model forbids that, `trap`.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "KEY")
  (func $ask (call $credential (i32.const 0) (i32.const 3) (i32.const 16)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $ask) (i32.const 1024))
  (func (export "_start") (call $ask)))
