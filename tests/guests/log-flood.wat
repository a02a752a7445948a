;; Writes 4 MiB to stdout: the log is cut, and the run goes on to `completed` with "done".
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 1)
  ;; One piece: 4096 bytes at 4096.
  (data (i32.const 0) "\00\10\00\00\00\10\00\00")
  (data (i32.const 32) "\"done\"")
  (func (export "_start")
    (local $left i32)
    (memory.fill (i32.const 4096) (i32.const 0x78) (i32.const 4095))
    (i32.store8 (i32.const 8191) (i32.const 0x0a))
    (local.set $left (i32.const 1024))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (call $set_output (i32.const 32) (i32.const 6))))
