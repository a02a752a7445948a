// Put before every C file of the engine by `cargo xtask engine`, after `stack.h`.
//
// QuickJS counts references in front of each thing, and a step that uses what is in the snapshot counts up and down all over
// it. Nothing has changed afterwards, but each page that was written to is put back after the run, and is cold in the next
// one. What is in the snapshot stays until the run is over anyway (`heap.rs`, `keep`): its references are not counted.
//
// A shape with one owner is changed in place where that is known to be so, and so it is counted until it has a second one.

/// Where what is kept ends; 0 until there is something.
__attribute__((weak)) unsigned long lockstep_kept_end;

/// Stands for what is in front of something that is kept, with more references than anything has.
__attribute__((weak, aligned(8))) int lockstep_kept_header[2];

/// A copy of what is in front of something that is kept, unless that is a shape with one owner. The kind is in the lower
/// seven bits of the fourth byte, the number of references behind it.
__attribute__((weak, noinline, cold)) void *lockstep_kept(void *header, int shape) {
  if ((((unsigned char *)header)[3] & 0x7f) == shape && ((int *)header)[1] <= 1)
    return header;
  __builtin_memcpy(lockstep_kept_header, header, 4);
  lockstep_kept_header[1] = 1 << 30;
  return lockstep_kept_header;
}

// What a run makes itself is counted most.
#define LOCKSTEP_IS_KEPT(address) __builtin_expect((unsigned long)(address) < lockstep_kept_end, 0)

#define LOCKSTEP_HEADER(unused, function, thing) \
  ({ \
    __typeof__((function)(thing)) lockstep_found = (function)(thing); \
    _Static_assert(offsetof(__typeof__(*lockstep_found), block_size_idx) == 2, "the kind is elsewhere"); \
    _Static_assert(offsetof(__typeof__(*lockstep_found), ref_count) == 4, "the references are elsewhere"); \
    if (LOCKSTEP_IS_KEPT(lockstep_found)) \
      lockstep_found = lockstep_kept(lockstep_found, JS_GC_OBJ_TYPE_SHAPE); \
    lockstep_found; \
  })
#define LOCKSTEP_FREE(unused, function, rt, pointer) \
  (LOCKSTEP_IS_KEPT(pointer) ? (void)0 : (function)(rt, pointer))

// As in `stack.h`, a declaration stays as it is.
#define LOCKSTEP_DECLARES_const ~, LOCKSTEP_DECLARE,
#define LOCKSTEP_DECLARES_JSRuntime ~, LOCKSTEP_DECLARE,
#define LOCKSTEP_FOR(replacement, function, first, ...) \
  LOCKSTEP_SECOND(LOCKSTEP_DECLARES_##first, replacement, ~)(0, function, first, ##__VA_ARGS__)

#define js_rc(...) LOCKSTEP_FOR(LOCKSTEP_HEADER, js_rc, __VA_ARGS__)
#define js_arena_free(...) LOCKSTEP_FOR(LOCKSTEP_FREE, js_arena_free, __VA_ARGS__)
