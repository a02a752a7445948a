;; Asks a million times for the credential `KEY`, and takes each answer: `completed` with null, or `trap` if there is none.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "KEY")
  ;; Each answer is written over the one before it.
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "_start")
    (local $left i32)
    (local.set $left (i32.const 1000000))
    (loop $again
      (call $credential (i32.const 0) (i32.const 3) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then unreachable))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))
