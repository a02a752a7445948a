;; Writes one line that never ends: `timeout`; the log is cut.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One piece: 4096 bytes at 4096.
  (data (i32.const 0) "\00\10\00\00\00\10\00\00")
  (func (export "_start")
    (memory.fill (i32.const 4096) (i32.const 0x78) (i32.const 4096))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br $again))))
