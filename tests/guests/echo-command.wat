;; Its output is what is on stdin: `completed` with the input, up to 6 MiB.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 128)
  (func (export "_start")
    (local $length i32)
    (loop $again
      ;; One piece: the rest of the memory from 1024 on.
      (i32.store (i32.const 0) (i32.add (i32.const 1024) (local.get $length)))
      (i32.store (i32.const 4) (i32.sub (i32.const 8387584) (local.get $length)))
      (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
      (local.set $length (i32.add (local.get $length) (i32.load (i32.const 8))))
      (br_if $again (i32.load (i32.const 8))))
    (call $set_output (i32.const 1024) (local.get $length))))
