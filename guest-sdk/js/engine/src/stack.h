// Put before every C file of the engine by `cargo xtask engine`.
//
// QuickJS knows how deep it is from the address of a frame. In WebAssembly that is an address in linear memory, where only
// what has an address lives: the host's own stack, with everything else, may grow several times as fast, and its end is a
// trap that no `catch` sees. So each function that looks how deep it is gets a frame of this size at least, and the host's
// stack never grows much faster than that in linear memory (`engine.rs`, `STACK_BYTES`).
#define __builtin_frame_address(level) \
  ({ \
    char frame[512]; \
    __asm__("" : : "r"(frame) : "memory"); \
    (char *)frame; \
  })
