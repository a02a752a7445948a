export const greet = (name) => `Hello ${name}, from a worker`;
export const unused = () => Buffer.alloc(1);
