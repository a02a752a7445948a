// crypto: published vectors, round trips of every algorithm, formats of keys, and the names of errors.

const { subtle } = crypto;
const all = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
const importRaw = (key, algorithm, usages) => subtle.importKey("raw", typeof key === "string" ? bytes(key) : key, algorithm, true, usages);

// FIPS 180-4, "abc" and the empty message.
const digests = {
  "SHA-1": ["a9993e364706816aba3e25717850c26c9cd0d89d", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  "SHA-256": ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  "SHA-384": [
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
  ],
  "SHA-512": [
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
  ],
};

for (const [name, [abc, empty]] of Object.entries(digests)) {
  test(`${name} digests as FIPS 180-4 says`, async () => {
    same(hex(await subtle.digest(name, utf8("abc"))), abc);
    same(hex(await subtle.digest({ name: name.toLowerCase() }, new ArrayBuffer(0))), empty);
  });
}

test("a digest takes what the data was when it was called", async () => {
  const data = utf8("abc");
  const digest = subtle.digest("SHA-256", data);
  data[0] = 0;
  same(hex(await digest), digests["SHA-256"][0]);
  await rejects("NotSupportedError", subtle.digest("MD5", data));
  await rejects("TypeError", subtle.digest("SHA-1", "text"));
  await rejects("TypeError", subtle.digest({}, data));
  await rejects("TypeError", subtle.digest("SHA-1"));
});

test("HMAC signs as RFC 4231 says (case 2), and verifies", async () => {
  for (const [hash, tag] of [
    ["SHA-256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    ["SHA-384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"],
    ["SHA-512", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"],
    ["SHA-1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
  ]) {
    const key = await importRaw(utf8("Jefe"), { name: "HMAC", hash }, ["sign", "verify"]);
    const data = utf8("what do ya want for nothing?");
    same(hex(await subtle.sign("HMAC", key, data)), tag, hash);
    same(await subtle.verify("HMAC", key, bytes(tag), data), true);
    same(await subtle.verify("HMAC", key, bytes(tag).fill(0, 3, 4), data), false);
    same(await subtle.verify("HMAC", key, bytes(tag).slice(1), data), false);
    same(key.algorithm.length, 32);
  }
});

test("HMAC keys have the length of the hash's block, or as asked", async () => {
  const key = await subtle.generateKey({ name: "hmac", hash: "sha-512" }, true, ["verify", "sign", "sign"]);
  equal([key.algorithm.name, key.algorithm.hash.name, key.algorithm.length, key.type, key.extractable, [...key.usages]], ["HMAC", "SHA-512", 1024, "secret", true, ["sign", "verify"]]);
  same((await subtle.exportKey("raw", key)).byteLength, 128);
  await rejects("OperationError", subtle.generateKey({ name: "HMAC", hash: "SHA-1", length: 0 }, true, ["sign"]));
  await rejects("SyntaxError", subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, []));
  await rejects("SyntaxError", subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, ["encrypt"]));
  await rejects("TypeError", subtle.generateKey({ name: "HMAC" }, true, ["sign"]));
  await rejects("TypeError", subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, ["fly"]));
  await rejects("DataError", importRaw(new Uint8Array(0), { name: "HMAC", hash: "SHA-1" }, ["sign"]));
});

test("AES-GCM encrypts as NIST's test case 4 says", async () => {
  const key = await importRaw("feffe9928665731c6d6a8f9467308308", "AES-GCM", ["encrypt", "decrypt"]);
  const text = bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const additionalData = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const algorithm = { name: "AES-GCM", iv: bytes("cafebabefacedbaddecaf888"), additionalData };
  const sealed = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47";
  same(hex(await subtle.encrypt(algorithm, key, text)), sealed);
  equal(await subtle.decrypt(algorithm, key, bytes(sealed)), text);
  // Test case 6: a nonce of 60 bytes.
  const long = bytes("9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b");
  const other = await subtle.encrypt({ ...algorithm, iv: long }, key, text);
  same(hex(other.slice(60)), "619cc5aefffe0bfa462af43c1699d050");
  await rejects("OperationError", subtle.decrypt({ ...algorithm, additionalData: bytes("00") }, key, bytes(sealed)));
  await rejects("OperationError", subtle.decrypt(algorithm, key, bytes(sealed).fill(0, 70, 71)));
  await rejects("OperationError", subtle.decrypt(algorithm, key, bytes("00")));
  for (const tagLength of [32, 64, 96, 104, 112, 120, 128]) {
    const short = await subtle.encrypt({ ...algorithm, tagLength }, key, text);
    same(hex(short), sealed.slice(0, text.length * 2 + tagLength / 4), `a tag of ${tagLength}`);
    equal(await subtle.decrypt({ ...algorithm, tagLength }, key, short), text);
  }
  await rejects("OperationError", subtle.encrypt({ ...algorithm, tagLength: 16 }, key, text));
  await rejects("TypeError", subtle.encrypt({ name: "AES-GCM" }, key, text));
});

test("AES-CBC encrypts as SP 800-38A says, with padding", async () => {
  const key = await importRaw("2b7e151628aed2a6abf7158809cf4f3c", "AES-CBC", ["encrypt", "decrypt"]);
  const algorithm = { name: "AES-CBC", iv: bytes("000102030405060708090a0b0c0d0e0f") };
  const text = bytes("6bc1bee22e409f96e93d7e117393172a");
  const sealed = await subtle.encrypt(algorithm, key, text);
  same(hex(sealed.slice(0, 16)), "7649abac8119b246cee98e9b12e9197d");
  same(sealed.byteLength, 32);
  equal(await subtle.decrypt(algorithm, key, sealed), text);
  await rejects("OperationError", subtle.decrypt(algorithm, key, sealed.slice(0, 31)));
  await rejects("OperationError", subtle.encrypt({ ...algorithm, iv: new Uint8Array(15) }, key, text));
});

test("AES-CTR encrypts as SP 800-38A says, and its counter wraps in its own bits", async () => {
  const key = await importRaw("2b7e151628aed2a6abf7158809cf4f3c", "AES-CTR", ["encrypt", "decrypt"]);
  const algorithm = { name: "AES-CTR", counter: bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), length: 128 };
  const text = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  same(hex(await subtle.encrypt(algorithm, key, text)), "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
  const zeros = new Uint8Array(32);
  const wrapped = await subtle.encrypt({ ...algorithm, counter: bytes("000000000000000000000000000000ff"), length: 8 }, key, zeros);
  const first = await subtle.encrypt({ ...algorithm, counter: new Uint8Array(16), length: 8 }, key, zeros.slice(16));
  same(hex(wrapped.slice(16)), hex(first));
  await rejects("OperationError", subtle.encrypt({ ...algorithm, length: 1 }, key, new Uint8Array(48)));
  await rejects("OperationError", subtle.encrypt({ ...algorithm, length: 0 }, key, text));
  await rejects("OperationError", subtle.encrypt({ ...algorithm, length: 129 }, key, text));
  await rejects("TypeError", subtle.encrypt({ ...algorithm, length: 300 }, key, text));
});

test("AES-KW wraps as RFC 3394 says (4.1), and unwraps", async () => {
  const wrapper = await importRaw("000102030405060708090a0b0c0d0e0f", "AES-KW", ["wrapKey", "unwrapKey"]);
  const key = await importRaw("00112233445566778899aabbccddeeff", "AES-GCM", ["encrypt"]);
  const wrapped = await subtle.wrapKey("raw", key, wrapper, "AES-KW");
  same(hex(wrapped), "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
  const unwrapped = await subtle.unwrapKey("raw", wrapped, wrapper, "AES-KW", "AES-CTR", true, ["encrypt"]);
  same(hex(await subtle.exportKey("raw", unwrapped)), "00112233445566778899aabbccddeeff");
  await rejects("OperationError", subtle.unwrapKey("raw", new Uint8Array(24), wrapper, "AES-KW", "AES-CTR", true, ["encrypt"]));
  await rejects("InvalidAccessError", subtle.wrapKey("raw", await importRaw(new Uint8Array(16), "AES-GCM", ["encrypt"]).then((it) => subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt"])), wrapper, "AES-KW"));
});

test("AES keys of 192 and 256 bits work in every mode", async () => {
  for (const length of [128, 192, 256]) {
    for (const [name, rest] of Object.entries({ "AES-CBC": { iv: new Uint8Array(16) }, "AES-CTR": { counter: new Uint8Array(16), length: 64 }, "AES-GCM": { iv: new Uint8Array(12) } })) {
      const key = await subtle.generateKey({ name, length }, true, ["encrypt", "decrypt"]);
      const sealed = await subtle.encrypt({ name, ...rest }, key, utf8("plain text"));
      equal(await subtle.decrypt({ name, ...rest }, key, sealed), utf8("plain text"), `${name} ${length}`);
    }
  }
  await rejects("OperationError", subtle.generateKey({ name: "AES-GCM", length: 100 }, true, ["encrypt"]));
  await rejects("DataError", importRaw(new Uint8Array(15), "AES-GCM", ["encrypt"]));
});

test("HKDF derives as RFC 5869 says (A.1)", async () => {
  const key = await subtle.importKey("raw", bytes("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), "HKDF", false, ["deriveBits", "deriveKey"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: bytes("000102030405060708090a0b0c"), info: bytes("f0f1f2f3f4f5f6f7f8f9") };
  same(hex(await subtle.deriveBits(algorithm, key, 336)), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  const derived = await subtle.deriveKey(algorithm, key, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  same(hex(await subtle.exportKey("raw", derived)), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  await rejects("OperationError", subtle.deriveBits(algorithm, key, 7));
  await rejects("OperationError", subtle.deriveBits(algorithm, key, 255 * 256 + 8));
  await rejects("SyntaxError", subtle.importKey("raw", new Uint8Array(1), "HKDF", true, ["deriveBits"]));
});

test("PBKDF2 derives as RFC 6070 says", async () => {
  const key = await subtle.importKey("raw", utf8("password"), "PBKDF2", false, ["deriveBits"]);
  const derive = (iterations) => subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: utf8("salt"), iterations }, key, 160);
  same(hex(await derive(1)), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  same(hex(await derive(4096)), "4b007901b765489abead49d926f721d065a429c1");
  await rejects("OperationError", derive(0));
  await rejects("InvalidAccessError", subtle.deriveKey({ name: "PBKDF2", hash: "SHA-1", salt: utf8("salt"), iterations: 1 }, key, { name: "AES-GCM", length: 128 }, true, ["encrypt"]));
});

test("Ed25519 signs as RFC 8032 says (7.1, test 2)", async () => {
  const seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
  const point = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  const key = await subtle.importKey("pkcs8", bytes(`302e020100300506032b657004220420${seed}`), "Ed25519", true, ["sign"]);
  const signature = await subtle.sign("Ed25519", key, bytes("72"));
  same(hex(signature), "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  const open = await importRaw(point, { name: "ed25519" }, ["verify"]);
  same(await subtle.verify("Ed25519", open, signature, bytes("72")), true);
  same(await subtle.verify("Ed25519", open, signature, bytes("73")), false);
  same(hex(await subtle.exportKey("spki", open)), `302a300506032b6570032100${point}`);
  same(hex(await subtle.exportKey("pkcs8", key)), `302e020100300506032b657004220420${seed}`);
});

test("X25519 agrees as RFC 7748 says (5.2)", async () => {
  const secret = await subtle.importKey("pkcs8", bytes("302e020100300506032b656e04220420a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"), "X25519", true, ["deriveBits"]);
  const other = await importRaw("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", "X25519", []);
  same(hex(await subtle.deriveBits({ name: "X25519", public: other }, secret, 256)), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  const small = await importRaw(new Uint8Array(32), "X25519", []);
  await rejects("OperationError", subtle.deriveBits({ name: "X25519", public: small }, secret, 256));
});

const pairs = [
  [{ name: "ECDSA", namedCurve: "P-256" }, { hash: "SHA-256" }],
  [{ name: "ECDSA", namedCurve: "P-384" }, { hash: "SHA-1" }],
  [{ name: "ECDSA", namedCurve: "P-521" }, { hash: "SHA-512" }],
  [{ name: "ECDSA", namedCurve: "P-521" }, { hash: "SHA-256" }],
  [{ name: "Ed25519" }, {}],
  [{ name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, {}],
  [{ name: "RSA-PSS", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-384" }, { saltLength: 20 }],
];

for (const [algorithm, signing] of pairs) {
  test(`${algorithm.name} ${algorithm.namedCurve ?? ""} signs, and its keys go through every format`, async () => {
    const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
    equal([publicKey.type, privateKey.type, [...publicKey.usages], [...privateKey.usages], publicKey.extractable], ["public", "private", ["verify"], ["sign"], true]);
    const how = { name: algorithm.name, ...signing };
    const data = utf8("signed");
    const signature = await subtle.sign(how, privateKey, data);
    for (const format of algorithm.name.startsWith("RSA") ? ["spki", "jwk"] : ["raw", "spki", "jwk"]) {
      const key = await subtle.importKey(format, await subtle.exportKey(format, publicKey), algorithm, true, ["verify"]);
      same(await subtle.verify(how, key, signature, data), true, `verify with ${format}`);
      same(await subtle.verify(how, key, signature, utf8("signeD")), false, `other data with ${format}`);
      same(await subtle.verify(how, key, new Uint8Array(signature.byteLength).fill(1), data), false, "another signature");
      same(await subtle.verify(how, key, new Uint8Array(3), data), false, "a short signature");
    }
    for (const format of ["pkcs8", "jwk"]) {
      const key = await subtle.importKey(format, await subtle.exportKey(format, privateKey), algorithm, false, ["sign"]);
      same(await subtle.verify(how, publicKey, await subtle.sign(how, key, data), data), true, `sign with ${format}`);
      await rejects("InvalidAccessError", subtle.exportKey(format, key));
    }
    await rejects("InvalidAccessError", subtle.sign(how, publicKey, data));
    await rejects("InvalidAccessError", subtle.exportKey("pkcs8", publicKey));
    await rejects("InvalidAccessError", subtle.exportKey("spki", privateKey));
    await rejects("DataError", subtle.importKey("spki", new Uint8Array(9), algorithm, true, ["verify"]));
    await rejects("SyntaxError", subtle.generateKey(algorithm, true, ["verify"]));
    await rejects("SyntaxError", subtle.generateKey(algorithm, true, ["deriveBits", "sign"]));
  });
}

for (const algorithm of [{ name: "ECDH", namedCurve: "P-256" }, { name: "ECDH", namedCurve: "P-384" }, { name: "ECDH", namedCurve: "P-521" }, { name: "X25519" }]) {
  test(`${algorithm.name} ${algorithm.namedCurve ?? ""} gives both sides one secret`, async () => {
    const [a, b] = await Promise.all([0, 1].map(() => subtle.generateKey(algorithm, true, ["deriveBits", "deriveKey"])));
    const { name } = algorithm;
    const one = await subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, null);
    const other = await subtle.deriveBits({ name, public: a.publicKey }, b.privateKey, null);
    equal(one, other);
    same(hex(await subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, 128)), hex(one).slice(0, 32));
    const key = await subtle.deriveKey({ name, public: b.publicKey }, a.privateKey, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    same(hex(await subtle.exportKey("raw", key)), hex(one).slice(0, 64));
    for (const format of ["raw", "spki", "jwk"]) {
      const open = await subtle.importKey(format, await subtle.exportKey(format, b.publicKey), algorithm, true, []);
      equal(await subtle.deriveBits({ name, public: open }, a.privateKey, null), one, format);
    }
    await rejects("OperationError", subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, 4096));
    await rejects("InvalidAccessError", subtle.deriveBits({ name, public: b.privateKey }, a.privateKey, 128));
    await rejects("TypeError", subtle.deriveBits({ name, public: 5 }, a.privateKey, 128));
  });
}

test("RSA-OAEP encrypts with and without a label, and wraps keys", async () => {
  for (const hash of ["SHA-1", "SHA-256"]) {
    const { publicKey, privateKey } = await subtle.generateKey({ name: "RSA-OAEP", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash }, true, ["encrypt", "decrypt", "wrapKey", "unwrapKey"]);
    const sealed = await subtle.encrypt({ name: "RSA-OAEP", label: utf8("l") }, publicKey, utf8("text"));
    equal(await subtle.decrypt({ name: "RSA-OAEP", label: utf8("l") }, privateKey, sealed), utf8("text"));
    await rejects("OperationError", subtle.decrypt({ name: "RSA-OAEP" }, privateKey, sealed));
    await rejects("OperationError", subtle.encrypt({ name: "RSA-OAEP" }, publicKey, new Uint8Array(200)));
    const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
    const wrapped = await subtle.wrapKey("raw", key, publicKey, { name: "RSA-OAEP" });
    const unwrapped = await subtle.unwrapKey("raw", wrapped, privateKey, { name: "RSA-OAEP" }, "AES-GCM", true, ["encrypt"]);
    equal(await subtle.exportKey("raw", unwrapped), await subtle.exportKey("raw", key));
    const jwk = await subtle.exportKey("jwk", publicKey);
    equal([jwk.kty, jwk.alg, jwk.e, jwk.ext, [...jwk.key_ops]], ["RSA", hash === "SHA-1" ? "RSA-OAEP" : "RSA-OAEP-256", "AQAB", true, ["encrypt", "wrapKey"]]);
  }
});

test("a key is wrapped as JWK and unwrapped again", async () => {
  const wrapper = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"]);
  const { privateKey } = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const how = { name: "AES-GCM", iv: new Uint8Array(12) };
  const wrapped = await subtle.wrapKey("jwk", privateKey, wrapper, how);
  const key = await subtle.unwrapKey("jwk", wrapped, wrapper, how, { name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  equal(await subtle.exportKey("pkcs8", key), await subtle.exportKey("pkcs8", privateKey));
});

test("JWK of a secret key: checks of kty, use, key_ops, alg and ext", async () => {
  const good = { kty: "oct", k: "AAECAwQFBgcICQoLDA0ODw", alg: "A128GCM", use: "enc", key_ops: ["encrypt"], ext: true };
  const load = (change, extractable = true, usages = ["encrypt"]) => subtle.importKey("jwk", { ...good, ...change }, "AES-GCM", extractable, usages);
  const key = await load({});
  equal(await subtle.exportKey("jwk", key), { alg: "A128GCM", ext: true, k: good.k, key_ops: ["encrypt"], kty: "oct" });
  for (const change of [{ kty: "RSA" }, { use: "sig" }, { key_ops: ["decrypt"] }, { key_ops: ["encrypt", "encrypt"] }, { alg: "A256GCM" }, { ext: false }, { k: "***" }, { k: undefined }, { k: "AAEC" }]) {
    await rejects("DataError", load(change), JSON.stringify(change));
  }
  await load({ ext: false }, false);
  await rejects("TypeError", subtle.importKey("jwk", new Uint8Array(1), "AES-GCM", true, ["encrypt"]));
  await rejects("TypeError", subtle.importKey("raw", good, "AES-GCM", true, ["encrypt"]));
});

test("a point that is not on its curve is no key", async () => {
  const point = new Uint8Array(65).fill(1);
  point[0] = 4;
  await rejects("DataError", importRaw(point, { name: "ECDSA", namedCurve: "P-256" }, ["verify"]));
  await rejects("NotSupportedError", importRaw(point, { name: "ECDSA", namedCurve: "K-256" }, ["verify"]));
  await rejects("SyntaxError", importRaw(point, { name: "ECDSA", namedCurve: "P-256" }, ["sign"]));
});

test("keys of one algorithm do not work for another", async () => {
  const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
  await rejects("InvalidAccessError", subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(16) }, key, new Uint8Array(1)));
  await rejects("InvalidAccessError", subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(17)));
  await rejects("NotSupportedError", subtle.sign("AES-GCM", key, new Uint8Array(1)));
  await rejects("InvalidAccessError", subtle.exportKey("raw", key));
  await rejects("TypeError", subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, {}, new Uint8Array(1)));
});

test("writing to what a key shows does not change the key", async () => {
  const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
  key.algorithm.name = "AES-CBC";
  key.usages.push("decrypt");
  same(key.algorithm, key.algorithm);
  await subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(1));
  await rejects("InvalidAccessError", subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(17)));
});

test("nor does it change what the key is cloned to", async () => {
  const key = await importRaw(utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, ["sign"]);
  key.algorithm.name = "AES-CBC";
  key.algorithm.hash.name = "SHA-1";
  const clone = structuredClone(key);
  equal([clone.algorithm.name, clone.algorithm.hash.name, clone.algorithm.length], ["HMAC", "SHA-256", 32]);
  const data = utf8("what do ya want for nothing?");
  same(hex(await subtle.sign("HMAC", clone, data)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  await rejects("InvalidAccessError", subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(16) }, clone, data));
});

test("more bits than there is memory for are an error that can be caught", async () => {
  const most = 2 ** 32 - 8;
  const hkdf = await subtle.importKey("raw", new Uint8Array(16), "HKDF", false, ["deriveBits"]);
  await rejects("OperationError", subtle.deriveBits({ name: "HKDF", hash: "SHA-1", salt: new Uint8Array(0), info: new Uint8Array(0) }, hkdf, most));
  const password = await subtle.importKey("raw", utf8("password"), "PBKDF2", false, ["deriveBits"]);
  await rejects("OperationError", subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: new Uint8Array(0), iterations: 1 }, password, most));
});

test("an RSA key has an odd exponent, and a salt that is longer than the key is an error", async () => {
  const algorithm = { name: "RSA-PSS", hash: "SHA-256", modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1) };
  for (const exponent of [[], [0], [1], [2], [1, 0, 0]])
    await rejects("OperationError", subtle.generateKey({ ...algorithm, publicExponent: Uint8Array.from(exponent) }, true, ["sign"]), `an exponent of ${exponent}`);
  const { privateKey, publicKey } = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const data = utf8("signed");
  for (const saltLength of [95, 128, 129, 2 ** 31, 2 ** 32 - 1]) {
    await rejects("OperationError", subtle.sign({ name: "RSA-PSS", saltLength }, privateKey, data), `a salt of ${saltLength}`);
    same(await subtle.verify({ name: "RSA-PSS", saltLength }, publicKey, new Uint8Array(128), data), false);
  }
  const signature = await subtle.sign({ name: "RSA-PSS", saltLength: 94 }, privateKey, data);
  same(await subtle.verify({ name: "RSA-PSS", saltLength: 94 }, publicKey, signature, data), true);
});

test("getRandomValues fills arrays of integers, up to 65536 bytes", () => {
  const array = new Uint32Array(8);
  same(crypto.getRandomValues(array), array);
  ok(array.some((it) => it !== 0));
  ok(!hex(crypto.getRandomValues(new Uint8Array(32))).startsWith("0000000000000000"));
  throws("TypeMismatchError", () => crypto.getRandomValues(new Float64Array(1)));
  throws("TypeMismatchError", () => crypto.getRandomValues(new DataView(new ArrayBuffer(1))));
  throws("QuotaExceededError", () => crypto.getRandomValues(new Uint8Array(65537)));
  throws("TypeError", () => crypto.getRandomValues([]));
  crypto.getRandomValues(new Uint8Array(65536));
});

test("randomUUID gives versions 4 that differ", () => {
  const ids = new Set(Array.from({ length: 50 }, () => crypto.randomUUID()));
  same(ids.size, 50);
  for (const id of ids) ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id), id);
});

test("a key that RSA does not have is not looked for", async () => {
  const make = (modulusLength, publicExponent, usages) => subtle.generateKey({ name: "RSA-PSS", modulusLength, publicExponent: new Uint8Array(publicExponent), hash: "SHA-256" }, true, usages);
  for (const exponent of [[], [0], [1], [0, 1], [2], [1, 0, 0]]) await rejects("OperationError", make(2048, exponent, ["sign"]));
  await rejects("OperationError", make(512, [1, 0, 1], ["sign"]));
  await rejects("OperationError", make(1024, [1, 0, 0], []));
  await rejects("SyntaxError", make(4096, [1, 0, 1], []));
  await rejects("SyntaxError", make(4096, [1, 0, 1], ["verify"]));
});
