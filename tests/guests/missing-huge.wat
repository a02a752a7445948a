;; Asks which of 10,000 keys of a million letters are missing, all in the same place: `trap`, before the host copies 10 GB.
(module
  (import "lockstep:step/credentials@1.0.0" "missing" (func $missing (param i32 i32 i32)))
  (memory (export "memory") 32)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
  (func (export "_start")
    (local $at i32)
    ;; A list of strings: where each begins, and its length.
    (loop $again
      (i32.store (i32.add (i32.const 65536) (i32.mul (local.get $at) (i32.const 8))) (i32.const 1000000))
      (i32.store offset=4 (i32.add (i32.const 65536) (i32.mul (local.get $at) (i32.const 8))) (i32.const 1000000))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 10000))))
    (call $missing (i32.const 65536) (i32.const 10000) (i32.const 16))))
