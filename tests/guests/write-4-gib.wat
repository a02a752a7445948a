;; Says that it writes 4 GiB, which it does not have: `trap`.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One piece: 4 GiB less one byte, from 4096 on.
  (data (i32.const 0) "\00\10\00\00\ff\ff\ff\ff")
  (func (export "_start")
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 4096)))
      (br $again))))
