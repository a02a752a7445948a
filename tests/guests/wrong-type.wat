;; Exports `run`, but of another type than the world's: `invalid_step`.
(module
  (memory (export "memory") 1)
  (func (export "run") (param i64) (result i64)
    (local.get 0)))
