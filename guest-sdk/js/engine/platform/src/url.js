// URL. Parsing is the native's (the crate `url`): a parsed URL is its text and the positions of its parts.

import { engine } from "./engine.js";
import { URLSearchParams, attach, refill } from "./url-search-params.js";
import { expose, need, USVString } from "./webidl.js";

const { parse, set, origin } = engine.url;

/** The text of a URL that can be requested; null if it is no absolute URL, undefined if it has a user name or a password. */
export const { requestable } = engine.url;

// The native gives the text, and then positions of parts in it, in this order.
const HREF = 0;
const SCHEME_END = 1;
const USERNAME = 2;
const USERNAME_END = 3;
const PASSWORD = 4;
const PASSWORD_END = 5;
const HOST = 6;
const HOST_END = 7;
const PORT = 8;
const PORT_END = 9;
const PATH = 10;
const PATH_END = 11;
const QUERY_END = 12;

/** Sets the query of a URL from its `searchParams`. */
let setQuery;

export class URL {
  #record;
  #query;

  constructor(url, base = undefined) {
    need(arguments, 1, "URL");
    const text = USVString(url);
    const baseText = base === undefined ? undefined : USVString(base);
    const record = parse(text, baseText);
    if (record === null)
      throw new TypeError(
        baseText === undefined
          ? `Invalid URL: ${shown(text)}`
          : `Invalid URL: ${shown(text)} with base ${shown(baseText)}`,
      );
    this.#record = record;
  }

  static canParse(url, base = undefined) {
    need(arguments, 1, "URL.canParse");
    return parse(USVString(url), base === undefined ? undefined : USVString(base)) !== null;
  }

  static parse(url, base = undefined) {
    need(arguments, 1, "URL.parse");
    const record = parse(USVString(url), base === undefined ? undefined : USVString(base));
    if (record === null) return null;
    const result = new URL("a:");
    result.#record = record;
    return result;
  }

  static {
    setQuery = (url, query) => {
      url.#record = set(url.#record[HREF], "search", query) ?? url.#record;
    };
  }

  get href() {
    return this.#record[HREF];
  }
  set href(value) {
    this.#record;
    const record = parse(USVString(value), undefined);
    if (record === null) throw new TypeError(`Invalid URL: ${shown(USVString(value))}`);
    this.#record = record;
    this.#queryChanged();
  }
  toString() {
    return this.#record[HREF];
  }
  toJSON() {
    return this.#record[HREF];
  }
  get origin() {
    return origin(this.#record[HREF]);
  }
  get protocol() {
    return this.#record[HREF].slice(0, this.#record[SCHEME_END]);
  }
  set protocol(value) {
    this.#set("protocol", value);
  }
  get username() {
    return this.#slice(USERNAME, USERNAME_END);
  }
  set username(value) {
    this.#set("username", value);
  }
  get password() {
    return this.#slice(PASSWORD, PASSWORD_END);
  }
  set password(value) {
    this.#set("password", value);
  }
  get host() {
    return this.#slice(HOST, PORT_END);
  }
  set host(value) {
    this.#set("host", value);
  }
  get hostname() {
    return this.#slice(HOST, HOST_END);
  }
  set hostname(value) {
    this.#set("hostname", value);
  }
  get port() {
    return this.#slice(PORT, PORT_END);
  }
  set port(value) {
    this.#set("port", value);
  }
  get pathname() {
    return this.#slice(PATH, PATH_END);
  }
  set pathname(value) {
    this.#set("pathname", value);
  }
  get search() {
    const text = this.#slice(PATH_END, QUERY_END);
    return text === "?" ? "" : text;
  }
  set search(value) {
    this.#set("search", value);
    this.#queryChanged();
  }
  get searchParams() {
    this.#record;
    if (this.#query === undefined) {
      this.#query = new URLSearchParams(this.search);
      attach(this.#query, (query) => setQuery(this, query));
    }
    return this.#query;
  }
  get hash() {
    const text = this.#record[HREF].slice(this.#record[QUERY_END]);
    return text === "#" ? "" : text;
  }
  set hash(value) {
    this.#set("hash", value);
  }

  #slice(from, to) {
    const record = this.#record;
    return record[HREF].slice(record[from], record[to]);
  }
  #set(part, value) {
    const record = this.#record;
    this.#record = set(record[HREF], part, USVString(value)) ?? record;
  }
  #queryChanged() {
    if (this.#query !== undefined) refill(this.#query, this.search.slice(1));
  }
}

const shown = (text) => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);

expose({ URL });
