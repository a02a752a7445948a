;; A component that exports nothing: `invalid_step`.
(component)
