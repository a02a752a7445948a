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

// Parsers are the exception: they go down through many functions, of which only the innermost looks how deep it is. Each of
// them calls one of the functions that are named at the end, and does so from a frame of a size that suits what else it needs.
#define LOCKSTEP_CALL_FROM_FRAME(bytes, function, ...) \
  ({ \
    char frame[bytes]; \
    __asm__("" : : "r"(frame) : "memory"); \
    (function)(__VA_ARGS__); \
  })

// A declaration looks like a call whose first argument has a type; it stays as it is.
#define LOCKSTEP_DECLARE(bytes, function, ...) function(__VA_ARGS__)
#define LOCKSTEP_DECLARES_JSParseState ~, LOCKSTEP_DECLARE,
#define LOCKSTEP_DECLARES_REParseState ~, LOCKSTEP_DECLARE,
#define LOCKSTEP_DECLARES_JSContext ~, LOCKSTEP_DECLARE,
#define LOCKSTEP_SECOND_OF(first, second, ...) second
#define LOCKSTEP_SECOND(...) LOCKSTEP_SECOND_OF(__VA_ARGS__)
#define LOCKSTEP_FROM_FRAME(bytes, function, first, ...) \
  LOCKSTEP_SECOND(LOCKSTEP_DECLARES_##first, LOCKSTEP_CALL_FROM_FRAME, ~)(bytes, function, first, ##__VA_ARGS__)

// Iterators of iterators (`map` of `map` ..) call each other without looking at all.
#define LOCKSTEP_CHECK(unused, function, ctx, ...) \
  (js_check_stack_overflow((ctx)->rt, 0) ? JS_ThrowStackOverflow(ctx) : (function)(ctx, __VA_ARGS__))
#define LOCKSTEP_CHECKED(function, first, ...) \
  LOCKSTEP_SECOND(LOCKSTEP_DECLARES_##first, LOCKSTEP_CHECK, ~)(0, function, first, ##__VA_ARGS__)

#define JS_IteratorNext2(...) LOCKSTEP_CHECKED(JS_IteratorNext2, __VA_ARGS__)
#define next_token(...) LOCKSTEP_FROM_FRAME(64, next_token, __VA_ARGS__)
#define js_parse_assign_expr2(...) LOCKSTEP_FROM_FRAME(128, js_parse_assign_expr2, __VA_ARGS__)
#define js_parse_postfix_expr(...) LOCKSTEP_FROM_FRAME(128, js_parse_postfix_expr, __VA_ARGS__)
#define re_parse_disjunction(...) LOCKSTEP_FROM_FRAME(64, re_parse_disjunction, __VA_ARGS__)
#define re_parse_nested_class(...) LOCKSTEP_FROM_FRAME(64, re_parse_nested_class, __VA_ARGS__)
