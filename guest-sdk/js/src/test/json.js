// JSON as a step may hand it out: what has no JSON is an error that names its place.

/** The JSON text of a value; `undefined` is `null`. `name` stands for the value in errors. */
export function toJson(value, name) {
  check(value, name, []);
  return JSON.stringify(value) ?? "null";
}

function check(value, path, above) {
  switch (typeof value) {
    case "bigint":
      throw new TypeError(`${path} is a BigInt, which JSON does not have: convert it with \`Number(..)\` or \`String(..)\``);
    case "function":
      throw new TypeError(`${path} is a function, which JSON does not have`);
    case "symbol":
      throw new TypeError(`${path} is a symbol, which JSON does not have`);
    case "object":
      if (value !== null) checkObject(value, path, above);
  }
}

function checkObject(object, path, above) {
  const same = above.find((other) => other.object === object);
  if (same) throw new TypeError(`${path} is a cycle: it is ${same.path} again`);
  const here = [...above, { object, path }];
  if (typeof object.toJSON === "function") return check(object.toJSON(), path, here);
  for (const [key, item] of Object.entries(object)) check(item, `${path}${place(object, key)}`, here);
}

function place(object, key) {
  if (Array.isArray(object)) return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
