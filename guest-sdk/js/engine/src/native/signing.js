// `sign` and `verify`: they look at what a step hands in, and have the host compute.
// Nothing here calls what a step may have changed, but where the step hands in objects of its own.
(native, MissingCredentialError) => {
  const { apply } = Reflect;
  const { entries, freeze, defineProperty } = Object;
  const { stringify, parse } = JSON;
  const { isView } = ArrayBuffer;
  const { floor } = Math;
  const { isFinite } = Number;
  const { now } = Date;
  const { slice, toLowerCase, toWellFormed } = String.prototype;
  const { getTime } = Date.prototype;
  const { iterator } = Symbol;
  const Bytes = Uint8Array;
  const Buffer = ArrayBuffer;
  const SECOND_MS = 1000;
  const TOLERANCE_S = 300;
  const MAX_U32 = 0xffffffff;

  const HASHES = ['SHA-256', 'SHA-384', 'SHA-512'];
  const KEYS = ['text', 'hex', 'base64'];
  const ENCODINGS = ['hex', 'base64', 'base64url'];
  const ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA'];

  const fail = (told) => {
    const error = new Error(told.message);
    defineProperty(error, 'name', { value: 'SigningError', writable: true, configurable: true });
    error.code = told.code;
    error.key = told.key;
    return error;
  };

  // What the host answers.
  const ask = (asked, data) => {
    const answer = native(stringify(asked), data);
    const text = apply(slice, answer, [1]);
    if (answer[0] === 's') return text;
    throw answer[0] === 'e' ? fail(parse(text)) : new MissingCredentialError(text, answer[0] === 'r');
  };

  const kind = (value) => (value === null ? 'null' : typeof value);

  const text = (value, what) => {
    if (typeof value !== 'string') throw new TypeError(`${what} is a string, not ${kind(value)}`);
    return apply(toWellFormed, value, []);
  };

  const keyOf = (key) => text(key, 'the key of a credential');

  const one = (value, words, what) => {
    let list = '';
    for (let i = 0; i < words.length; i++) {
      if (value === words[i]) return value;
      list += (i ? ', `' : '`') + words[i] + '`';
    }
    throw new TypeError(`${what} is one of ${list}`);
  };

  const bytes = (data, what) => {
    if (typeof data === 'string') return apply(toWellFormed, data, []);
    if (isView(data)) return new Bytes(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof Buffer) return new Bytes(data);
    throw new TypeError(`${what} is a string, an ArrayBuffer or a view of one, not ${kind(data)}`);
  };

  const json = (value, what) => {
    const written = typeof value === 'object' && value !== null ? stringify(value) : undefined;
    if (written === undefined || written[0] !== '{') throw new TypeError(`${what} are an object`);
    return written;
  };

  // Seconds since 1970.
  const seconds = (date) => {
    if (date === undefined) return floor(now() / SECOND_MS);
    const ms = typeof date === 'number' ? date : apply(getTime, date, []);
    if (!isFinite(ms)) throw new RangeError('`date` is no time');
    return floor(ms / SECOND_MS);
  };

  // The pairs of a `Headers`, of a list of pairs, or of an object.
  const pairs = (headers) => {
    const list = [];
    if (headers === undefined || headers === null) return list;
    const given = headers[iterator] === undefined ? entries(headers) : headers;
    for (const [name, value] of given) {
      list[list.length] = [text(`${name}`, 'the name of a header'), text(`${value}`, 'a header')];
    }
    return list;
  };

  // The value of a header, in whatever case its name is; empty if there is none.
  const header = (headers, name) => {
    const all = pairs(headers);
    for (let i = 0; i < all.length; i++) {
      if (apply(toLowerCase, all[i][0], []) === name) return all[i][1];
    }
    return '';
  };

  const hashed = (key, { hash = 'SHA-256', keyEncoding = 'text' }) => ({
    key: keyOf(key),
    hash: one(hash, HASHES, '`hash`'),
    keyEncoding: one(keyEncoding, KEYS, '`keyEncoding`'),
  });

  const ofAws = (key, { method = 'GET', url, headers }, options) => {
    const { accessKeyId, sessionToken, region, service, date } = options;
    return {
      key: keyOf(key),
      accessKeyId: text(accessKeyId, '`accessKeyId`'),
      sessionToken: sessionToken === undefined ? null : text(sessionToken, '`sessionToken`'),
      method: text(method, 'the method of the request'),
      url: text(`${url}`, 'the URL of the request'),
      headers: pairs(headers),
      region: text(region, '`region`'),
      service: text(service, '`service`'),
      time: seconds(date),
    };
  };

  const sign = {
    hmac(key, data, options = {}) {
      const encoding = one(options.encoding ?? 'hex', ENCODINGS, '`encoding`');
      return ask({ op: 'hmac', ...hashed(key, options), encoding }, bytes(data, 'what is signed'));
    },
    jwt(key, claims, { algorithm = 'HS256', header = {}, keyEncoding = 'text' } = {}) {
      const asked = {
        op: 'jwt',
        key: keyOf(key),
        keyEncoding: one(keyEncoding, KEYS, '`keyEncoding`'),
        algorithm: one(algorithm, ALGORITHMS, '`algorithm`'),
        header: json(header, 'the members of the header'),
        claims: json(claims, 'the claims'),
      };
      return ask(asked, '');
    },
    awsV4(key, request, options) {
      const unsignedBody = options.unsignedBody === true;
      const asked = { op: 'awsV4', ...ofAws(key, request, options), unsignedBody };
      const body = unsignedBody ? '' : bytes(request.body ?? '', 'the body of the request');
      const added = parse(ask(asked, body));
      const headers = {};
      for (let i = 0; i < added.length; i++) headers[added[i][0]] = added[i][1];
      return headers;
    },
    awsV4Url(key, request, options) {
      const { expires } = options;
      if (typeof expires !== 'number' || floor(expires) !== expires || expires < 0 || expires > MAX_U32) {
        throw new RangeError('`expires` is a whole number of seconds');
      }
      return ask({ op: 'awsV4Url', ...ofAws(key, request, options), expires }, '');
    },
    basic(user, key) {
      return ask({ op: 'basic', user: text(user, 'the user'), key: keyOf(key) }, '');
    },
  };

  const webhook = (key, sender, body, signature, timestamp, { tolerance = TOLERANCE_S } = {}) => {
    if (typeof tolerance !== 'number' || !(tolerance >= 0 && tolerance <= MAX_U32)) {
      throw new RangeError('`tolerance` is a number of seconds');
    }
    const asked = {
      op: 'verifyWebhook',
      key: keyOf(key),
      sender,
      signature,
      timestamp,
      now: seconds(),
      tolerance: floor(tolerance),
    };
    return ask(asked, bytes(body, 'the body')) === 'true';
  };

  const verify = {
    hmac(key, data, signature, options = {}) {
      const asked = { op: 'verifyHmac', ...hashed(key, options), signature: text(signature, 'the signature') };
      return ask(asked, bytes(data, 'what is verified')) === 'true';
    },
    github(key, body, headers) {
      return webhook(key, 'github', body, header(headers, 'x-hub-signature-256'), '');
    },
    slack(key, body, headers, options) {
      const timestamp = header(headers, 'x-slack-request-timestamp');
      return webhook(key, 'slack', body, header(headers, 'x-slack-signature'), timestamp, options);
    },
    stripe(key, body, headers, options) {
      return webhook(key, 'stripe', body, header(headers, 'stripe-signature'), '', options);
    },
  };

  return { sign: freeze(sign), verify: freeze(verify) };
};
