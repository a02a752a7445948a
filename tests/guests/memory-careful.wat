;; Grows its memory until it is refused, and takes that well: `completed` with "enough".
(module
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\"enough\"")
  (func (export "_start")
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (call $set_output (i32.const 0) (i32.const 8))))
