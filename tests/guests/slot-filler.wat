;; Fills its memory, its table and its global, unless there is a credential `LOOK`: then it looks whether all of them are
;; fresh, grown pages and elements too, and traps if one is not. Its output is `"filled"` or `"fresh"`.
;; A test puts an ending in the place of `(; ending ;)`, such as a trap.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  ;; The first four pages are for what the host and its adapter write, and are not looked at.
  (memory (export "memory") 8)
  (table $table 100 funcref)
  (global $number (mut i64) (i64.const 0))
  (global $free (mut i32) (i32.const 1024))
  (elem declare func $run)
  (data (i32.const 0) "LOOK")
  (data (i32.const 16) "\"filled\"\"fresh\"")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3))))
  (func $fill
    (drop (memory.grow (i32.const 156)))
    (memory.fill (i32.const 262144) (i32.const 0xa5) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 262144)))
    (drop (table.grow $table (ref.func $run) (i32.const 5000)))
    (table.fill $table (i32.const 0) (ref.func $run) (i32.const 100))
    (global.set $number (i64.const 0x5aa5a55a5aa5a55a)))
  (func $look
    (call $look_at_memory (i32.const 262144))
    (drop (memory.grow (i32.const 156)))
    (call $look_at_memory (i32.const 262144))
    (call $look_at_table)
    (drop (table.grow $table (ref.null func) (i32.const 5000)))
    (call $look_at_table)
    (if (i64.ne (global.get $number) (i64.const 0)) (then unreachable)))
  (func $look_at_memory (param $at i32)
    (local $end i32)
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (loop $next
      (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))
  (func $look_at_table
    (local $at i32)
    (loop $next
      (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (table.size $table)))))
  (func $run (export "_start")
    (call $credential (i32.const 0) (i32.const 4) (i32.const 64))
    (if (i32.load8_u (i32.const 64))
      (then
        (call $fill)
        (call $set_output (i32.const 16) (i32.const 8))
        (; ending ;))
      (else
        (call $look)
        (call $set_output (i32.const 24) (i32.const 7))))))
