;; Its data do not fit its memory: `trap` in the phase `start`.
(module
  (memory (export "memory") 1)
  (data (i32.const 65535) "too long")
  (func (export "_start")))
