;; Wants all that a memory can have, 4 GiB, before it starts: it never does.
(module
  (memory (export "memory") 65536)
  (func (export "_start")))
