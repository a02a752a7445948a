;; Four memories, each of which is within the limit alone: `memory_exceeded`, phase `start`, at the default of 128 MiB.
(module
  (memory (export "memory") 640)
  (memory 640)
  (memory 640)
  (memory 640)
  (func (export "_start")))
