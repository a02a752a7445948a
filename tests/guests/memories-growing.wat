;; Grows three memories in turn until one is refused, each far below the limit by itself: `memory_exceeded`.
(module
  (memory $a (export "memory") 1)
  (memory $b 1)
  (memory $c 1)
  (func (export "_start")
    (loop $again
      (br_if $again
        (i32.and
          (i32.ne (memory.grow $a (i32.const 16)) (i32.const -1))
          (i32.and
            (i32.ne (memory.grow $b (i32.const 16)) (i32.const -1))
            (i32.ne (memory.grow $c (i32.const 16)) (i32.const -1))))))
    ;; Each has less than half of the limit of 128 MiB.
    (if (i32.gt_u (memory.size $a) (i32.const 1024)) (then (return)))
    unreachable))
