;; Reads stdin again and again, past its end: `timeout`.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  ;; One piece: 65536 bytes at 4096.
  (data (i32.const 0) "\00\10\00\00\00\00\01\00")
  (func (export "_start")
    (loop $again
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br $again))))
