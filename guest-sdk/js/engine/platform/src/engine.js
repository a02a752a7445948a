// What the engine gives to the platform: host functions and natives, on one object.
// It is taken off the global before any step can see it.

export const engine = globalThis.__lockstep;
delete globalThis.__lockstep;
