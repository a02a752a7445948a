;; Asks for a credential whose key is a million letters: there is none, `completed` with null.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (memory (export "memory") 34)
  (global $free (mut i32) (i32.const 1114112))
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $address i32)
    (local.set $address (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $address) (local.get $size)))
    (local.get $address))
  (func (export "_start")
    (memory.fill (i32.const 1024) (i32.const 0x4b) (i32.const 1000000))
    (call $credential (i32.const 1024) (i32.const 1000000) (i32.const 16))
    (if (i32.eqz (i32.load8_u (i32.const 16))) (then unreachable))))
