;; Never ends, and spends its time in the host: `timeout`.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 17)
  (func (export "_start")
    (loop $again
      (drop (call $random (i32.const 65536) (i32.const 1048576)))
      (br $again))))
