;; Grows a table until it is refused, and takes that badly: `memory_exceeded`.
(module
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (func (export "_start")
    (loop $again
      (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000000)) (i32.const -1))))
    unreachable))
