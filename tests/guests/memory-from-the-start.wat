;; Wants 192 MiB before it starts: `memory_exceeded`, phase `start`, at the default of 128 MiB.
(module
  (memory (export "memory") 3072)
  (func (export "_start")))
