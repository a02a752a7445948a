;; Says `begun`, asks for the credentials `SHORT` and `KEY`, sleeps for a millisecond, sets its output, and says `ended` with
;; what may be the beginning of a value that is `KEY-` and more: completed with "done".
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 2048))
  ;; The pieces of the log: 6 bytes at 64, and 10 bytes at 72.
  (data (i32.const 0) "\40\00\00\00\06\00\00\00\48\00\00\00\0a\00\00\00")
  (data (i32.const 64) "begun\0a\00\00ended KEY-")
  (data (i32.const 96) "SHORTKEY\"done\"")
  ;; A subscription: a clock (0, at 136), the monotonic one (1, at 144), so many nanoseconds from now (at 152).
  (data (i32.const 144) "\01")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3))))
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
    (call $credential (i32.const 96) (i32.const 5) (i32.const 512))
    (call $credential (i32.const 101) (i32.const 3) (i32.const 512))
    (i64.store (i32.const 152) (i64.const 1_000_000))
    (drop (call $poll (i32.const 128) (i32.const 192) (i32.const 1) (i32.const 256)))
    (call $set_output (i32.const 104) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))))
