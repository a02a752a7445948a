;; Its start function traps: `trap` in the phase `start`.
(module
  (memory (export "memory") 1)
  (func $start unreachable)
  (start $start)
  (func (export "_start")))
