;; The step of the demo, written by hand so that the demo needs no compiler: it "posts" a message with the credential
;; SLACK_BOT_TOKEN, and carelessly prints the token. It is of the world `step` of guest-sdk/wit/step.wit.
(module
  (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 4096))

  (data (i32.const 1024) "SLACK_BOT_TOKEN")
  (data (i32.const 1056) "posting to #general with the token ")
  (data (i32.const 1120) "\n")
  (data (i32.const 1152) "{\"posted\":true}")

  ;; The component model allocates with this: an arena that nobody gives back, as an instance lives for one run.
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.sub (i32.add (global.get $free) (local.get $align)) (i32.const 1))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "run") (param $input i32) (param $length i32) (result i32)
    ;; At 64: result<string, credential-error>.
    (call $credential (i32.const 1024) (i32.const 15) (i32.const 64))
    (if (i32.load8_u (i32.const 64))
      (then (call $fail))
      (else (call $post)))
    ;; At 128: result<string, failure>.
    (i32.const 128))

  (func $post
    (call $print (i32.const 1056) (i32.const 35))
    (call $print (i32.load (i32.const 68)) (i32.load (i32.const 72)))
    (call $print (i32.const 1120) (i32.const 1))
    (i32.store8 (i32.const 128) (i32.const 0))
    (call $part (i32.const 132) (i32.const 1152) (i32.const 15)))

  ;; A failure with the message of the credential-error, and with its key as the one that is missing.
  (func $fail
    (i32.store8 (i32.const 128) (i32.const 1))
    (call $part (i32.const 132) (i32.load (i32.const 84)) (i32.load (i32.const 88)))
    (i32.store8 (i32.const 140) (i32.const 0))
    (call $part (i32.const 144) (i32.const 160) (i32.const 1))
    (call $part (i32.const 160) (i32.const 1024) (i32.const 15)))

  ;; To stdout, in a write of its own: fd_write need not take more than one piece at a time.
  (func $print (param $pointer i32) (param $length i32)
    (call $part (i32.const 256) (local.get $pointer) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 256) (i32.const 1) (i32.const 288))))

  ;; Writes a pointer and a length: a string, a list, a piece for fd_write.
  (func $part (param $at i32) (param $pointer i32) (param $length i32)
    (i32.store (local.get $at) (local.get $pointer))
    (i32.store (i32.add (local.get $at) (i32.const 4)) (local.get $length))))
