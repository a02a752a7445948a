;; A component that imports what no world offers: `invalid_step`, which names `example:other/thing@1.0.0`.
(component
  (import "example:other/thing@1.0.0" (instance (export "f" (func)))))
