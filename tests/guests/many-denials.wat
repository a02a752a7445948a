;; Asks for a hundred thousand credentials that are not there, each of another key: `completed` with null.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "K000000")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "_start")
    (local $left i32) (local $rest i32) (local $at i32)
    (local.set $left (i32.const 100000))
    (loop $again
      ;; The number in decimal digits, from the last to the first.
      (local.set $rest (local.get $left))
      (local.set $at (i32.const 6))
      (loop $digit
        (i32.store8 (local.get $at)
          (i32.add (i32.const 48) (i32.rem_u (local.get $rest) (i32.const 10))))
        (local.set $rest (i32.div_u (local.get $rest) (i32.const 10)))
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (br_if $digit (local.get $at)))
      (call $credential (i32.const 0) (i32.const 7) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16))) (then unreachable))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))
