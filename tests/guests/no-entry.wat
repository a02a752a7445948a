;; Exports no entry: `invalid_step`.
(module
  (memory (export "memory") 1)
  (func (export "main")))
