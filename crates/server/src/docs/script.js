// Puts the OpenAPI document into the page. All text goes in as text: nothing of it is ever read as HTML.

const METHODS = ["get", "put", "post", "patch", "delete", "head"];
// A schema that holds itself ends somewhere.
const MAX_DEPTH = 8;

/** An element with attributes and children; a string is text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** What a reference stands for, and its name. */
function resolve(api, schema) {
  const path = schema?.$ref;
  if (!path) return { schema: schema ?? {}, name: null };
  const parts = path.replace(/^#\//, "").split("/");
  const found = parts.reduce((at, part) => at?.[part], api);
  return { schema: found ?? {}, name: parts.at(-1) };
}

/** A word or two for a type. */
function typeName(api, reference) {
  const { schema, name } = resolve(api, reference);
  if (name) return name;
  const either = schema.oneOf ?? schema.anyOf;
  if (either) return either.map((one) => typeName(api, one)).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const types = [schema.type ?? "any"].flat().map((type) => (type === "array" ? `${typeName(api, schema.items)}[]` : type));
  return types.join(" or ") + (schema.format ? ` (${schema.format})` : "");
}

/** The schemas that say what an object has: its own, and those that it is put together from. */
function objects(api, reference) {
  const { schema } = resolve(api, reference);
  const parts = [schema.allOf, schema.oneOf, schema.anyOf].flatMap((list) => list ?? []);
  const items = schema.items ? objects(api, schema.items) : [];
  return [schema, ...parts.flatMap((part) => objects(api, part)), ...items];
}

/** The fields of a schema, each with its own; null if it has none. */
function fields(api, reference, seen = []) {
  const { name } = resolve(api, reference);
  if (seen.length > MAX_DEPTH || (name && seen.includes(name))) return null;
  const list = element("ul", { class: "schema" });
  for (const schema of objects(api, reference)) {
    for (const [field, type] of Object.entries(schema.properties ?? {})) {
      const isRequired = schema.required?.includes(field);
      const says = type.description ?? resolve(api, type).schema.description;
      list.append(
        element(
          "li", {},
          element("code", isRequired ? { class: "required" } : {}, field),
          ` ${typeName(api, type)}${isRequired ? ", required" : ""}`,
          says ? element("span", { class: "faint" }, ` – ${says}`) : null,
          fields(api, type, [...seen, name]),
        ),
      );
    }
  }
  return list.childElementCount > 0 ? list : null;
}

function bodies(api, content) {
  return Object.entries(content ?? {}).flatMap(([kind, { schema }]) => [
    element("p", {}, element("code", {}, kind), ` ${typeName(api, schema)}`),
    fields(api, schema),
  ]);
}

function parameters(api, operation) {
  const rows = (operation.parameters ?? []).map((parameter) =>
    element(
      "tr", {},
      element("td", {}, element("code", parameter.required ? { class: "required" } : {}, parameter.name)),
      element("td", {}, parameter.in),
      element("td", {}, typeName(api, parameter.schema)),
      element("td", {}, parameter.description ?? ""),
    ),
  );
  if (rows.length === 0) return [];
  const head = ["name", "in", "type", ""].map((name) => element("th", { scope: "col" }, name));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  return [element("h3", {}, "Parameters"), table];
}

/** A command that asks for it. */
function command(path, method, operation) {
  const words = ["curl", "-X", method.toUpperCase()];
  if (operation.security) words.push("-H", '"Authorization: Bearer $TOKEN"');
  const [kind] = Object.keys(operation.requestBody?.content ?? {});
  if (kind) words.push("-H", `'Content-Type: ${kind}'`, "--data-binary", "@body");
  words.push(`'${location.origin}${path}'`);
  return element("pre", {}, words.join(" "));
}

function operationElement(api, path, method, operation) {
  const answers = Object.entries(operation.responses ?? {}).flatMap(([status, answer]) => [
    element("p", {}, element("code", {}, status), ` ${answer.description ?? ""}`),
    ...bodies(api, answer.content),
  ]);
  const summary = element(
    "summary", {},
    element("span", { class: "method" }, method.toUpperCase()),
    element("code", {}, path),
    element("span", { class: "says" }, operation.summary ?? ""),
  );
  const request = bodies(api, operation.requestBody?.content);
  return element(
    "details", { class: "operation", id: operation.operationId ?? `${method}${path}` },
    summary,
    operation.description ? element("p", {}, operation.description) : null,
    element("p", { class: "faint" }, operation.security ? "Takes a token." : "For everybody."),
    command(path, method, operation),
    ...parameters(api, operation),
    ...(request.length > 0 ? [element("h3", {}, "Body"), ...request] : []),
    element("h3", {}, "Answers"),
    ...answers,
  );
}

/** What a path is about: its last word that is no parameter. */
function subject(path) {
  if (!path.startsWith("/v1/")) return "the host";
  return path.split("/").filter((word) => !word.startsWith("{")).at(-1);
}

function show(api) {
  document.getElementById("about").textContent = api.info?.description ?? "";
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => methods[method])) {
      const group = groups.get(subject(path)) ?? [];
      group.push(operationElement(api, path, method, methods[method]));
      groups.set(subject(path), group);
    }
  }
  const main = document.getElementById("operations");
  main.replaceChildren();
  for (const [name, operations] of groups) {
    main.append(element("section", {}, element("h2", {}, name), ...operations));
  }
}

/** Hides what has not all of the words. */
function find() {
  const words = document.getElementById("find").value.toLowerCase().split(/\s+/);
  for (const section of document.querySelectorAll("section")) {
    let shown = 0;
    for (const operation of section.querySelectorAll("details")) {
      const text = operation.textContent.toLowerCase();
      operation.hidden = !words.every((word) => text.includes(word));
      shown += operation.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
}

document.getElementById("find").addEventListener("input", find);
try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  show(await answer.json());
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.setAttribute("open", "");
} catch (error) {
  document.getElementById("operations").textContent = `The document did not come: ${error.message}`;
}
