;; A component whose `run` is of another type than the world's: `invalid_step`.
(component
  (core module $module
    (func (export "run") (param i32) (result i32)
      (local.get 0)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "input" u32) (result u32)
    (canon lift (core func $instance "run"))))
