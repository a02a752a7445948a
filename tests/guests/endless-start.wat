;; Its start function never ends, before the entry is called: `timeout`, phase `start`.
(module
  (memory (export "memory") 1)
  (func $init
    (loop $again (br $again)))
  (start $init)
  (func (export "_start")))
