;; Writes bytes that are no text, and half of a character: `completed` with null, and the log has them as they are.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One piece: 11 bytes at 16.
  (data (i32.const 0) "\10\00\00\00\0b\00\00\00")
  (data (i32.const 16) "a\ff\fe\00b\0a\c3\28\0a\e2\82")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))
