;; Its output is a token by HS256, with the claims `{}`, by the credential `KEY`, in quotes.
;; Without that credential it exits with 1: `step_failed`.
(module
  (import "lockstep:step/signing@1.0.0" "jwt"
    (func $jwt (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 65536))
  (data (i32.const 0) "KEY{}")
  ;; One byte is left free before each piece, and one behind it: here, for the quotes.
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $address i32)
    (local.set $address
      (i32.and (i32.add (global.get $free) (i32.const 8)) (i32.const -8)))
    (global.set $free (i32.add (i32.add (local.get $address) (local.get $size)) (i32.const 1)))
    (local.get $address))
  (func (export "_start")
    ;; The key, text, HS256, an empty header, the claims; what comes back lies at 16.
    (call $jwt
      (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0)
      (i32.const 3) (i32.const 2) (i32.const 3) (i32.const 2) (i32.const 16))
    (if (i32.load8_u (i32.const 16)) (then (call $exit (i32.const 1))))
    (i32.store8 (i32.sub (i32.load (i32.const 20)) (i32.const 1)) (i32.const 0x22))
    (i32.store8 (i32.add (i32.load (i32.const 20)) (i32.load (i32.const 24))) (i32.const 0x22))
    (call $set_output
      (i32.sub (i32.load (i32.const 20)) (i32.const 1))
      (i32.add (i32.load (i32.const 24)) (i32.const 2)))))
