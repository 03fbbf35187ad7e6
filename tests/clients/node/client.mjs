// Asks a running bureau one question and trusts nothing it says.
//
// The twin of ../python/client.py in another language on another package: requests are signed and
// answers are verified by the npm package `http-message-signatures`, and every answer is verified
// a second time against a signature base built here straight from RFC 9421. Then requests that
// were tampered with, each in its own way, must be refused with the code that names the tampering.
//
// Environment: FIVEFOLD_URL, FIVEFOLD_KEY (Ed25519 PKCS#8 PEM), FIVEFOLD_SUBJECT, FIVEFOLD_CONSENT,
// FIVEFOLD_SCENARIO (default credit_application). One line a check; exit 1 if any failed.

import { strict as assert } from "node:assert";
import {
  createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, verify,
} from "node:crypto";
import { readFileSync } from "node:fs";
import signatures from "http-message-signatures";

const { createSigner, createVerifier, httpbis } = signatures;

const LABEL = "lender";
const REQUEST_TAG = "fivefold-request";
const RESPONSE_TAG = "fivefold-response";
const COVERED = ["@method", "@target-uri", "content-digest", "idempotency-key"];
const PARAMETERS = ["created", "nonce", "keyid", "tag"];
// Every answer to a signed request covers these, also a refusal whose author is not known yet.
const BOUND_TO_REQUEST = ['"@status"', '"content-digest"', '"@method";req', '"@target-uri";req'];
// Once the request's signature has verified, these too.
const BOUND_TO_SIGNATURE = ['"content-digest";req', `"signature";req;key="${LABEL}"`];
const ANSWER_FIELDS = [
  "inquiry", "scenario", "form", "model", "rule_pack", "as_of", "use", "log",
];
const FORMS = [
  "score", "band", "threshold", "identity_level", "file", "not_assessable", "refused",
];
const TIMEOUT_MS = 30_000;
const MAX_AGE_SECONDS = 60;

const require = (condition, message) => {
  if (!condition) throw new Error(message);
};

/** RFC 7638: SHA-256 of the required members, sorted, without spaces (RFC 8037 for OKP). */
const thumbprint = ({ crv, kty, x }) =>
  createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");

const keyIdOf = (privateKey) => thumbprint(createPublicKey(privateKey).export({ format: "jwk" }));

const digestOf = (body) => `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;

/** RFC 9530; the bureau may send other digests beside this one. */
function checkDigest({ headers, content }) {
  const sent = members(headers["content-digest"] ?? "").get("sha-256");
  require(`sha-256=${sent}` === digestOf(content), "the digest is of another body");
}

// ---- The response signature base, by hand ------------------------------------------------------

/** The members of a structured dictionary field as written: key → text after the "=". */
function members(field) {
  const found = new Map();
  for (const part of field.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []) {
    const text = part.trim();
    const equals = text.indexOf("=");
    require(equals > 0, `not a dictionary member: ${text}`);
    const key = text.slice(0, equals);
    require(!found.has(key), `label ${key} stands twice`);
    found.set(key, text.slice(equals + 1));
  }
  return found;
}

/** The one signature of a response with the bureau's tag. */
function responseSignature(response) {
  require(response.headers["signature-input"], "the response is not signed");
  const tagged = [...members(response.headers["signature-input"])]
    .filter(([, text]) => text.includes(`;tag="${RESPONSE_TAG}"`));
  require(tagged.length === 1, `${tagged.length} signatures tagged ${RESPONSE_TAG}, not one`);
  const [label, inputText] = tagged[0];
  const matched = /^\(([^)]*)\)((?:;[a-z*][a-z0-9_.*-]*=(?:\d+|"[^"]*"))*)$/.exec(inputText);
  require(matched, `not a signature input: ${inputText}`);
  const components = matched[1] === "" ? [] : matched[1].split(" ");
  const parameters = Object.fromEntries(
    [...matched[2].matchAll(/;([a-z0-9_.*-]+)="?([^";]*)"?/g)].map(([, name, v]) => [name, v]));
  const value = members(response.headers.signature ?? "").get(label) ?? "";
  require(/^:[A-Za-z0-9+/=]+:$/.test(value), `not a signature: ${value}`);
  const signature = Buffer.from(value.slice(1, -1), "base64");
  return { inputText, components, parameters, signature };
}

/** RFC 9421, sections 2.1, 2.2 and 2.4, as far as an answer of the bureau needs them. */
function componentValue(identifier, response, request) {
  const matched = /^"([^"]+)"((?:;[a-z]+(?:="[^"]*")?)*)$/.exec(identifier);
  require(matched, `not a component: ${identifier}`);
  const name = matched[1];
  const flags = new Map(
    [...matched[2].matchAll(/;([a-z]+)(?:="([^"]*)")?/g)].map(([, flag, value]) => [flag, value]));
  for (const flag of flags.keys()) {
    require(flag === "req" || flag === "key", `unknown flag on ${identifier}`);
  }
  if (name.startsWith("@")) {
    if (identifier === '"@status"') return String(response.status);
    if (identifier === '"@method";req') return request.method;
    if (identifier === '"@target-uri";req') return request.url;
    throw new Error(`a response cannot cover ${identifier}`);
  }
  const field = (flags.has("req") ? request : response).headers[name];
  require(field !== undefined, `${identifier} is covered but not there`);
  if (!flags.has("key")) return field.trim();
  const member = members(field).get(flags.get("key"));
  require(member !== undefined, `${identifier} is covered but not there`);
  return member;
}

/** RFC 9421, section 2.5. */
function signatureBase({ components, inputText }, response, request) {
  require(new Set(components).size === components.length, "a component is covered twice");
  const lines = components.map((name) => `${name}: ${componentValue(name, response, request)}`);
  return Buffer.from([...lines, `"@signature-params": ${inputText}`].join("\n"), "latin1");
}

// ---- The two parties ---------------------------------------------------------------------------

/** What anyone can know of the bureau: its address and its public keys. */
class Bureau {
  constructor(url, keys) {
    this.url = url;
    this.keys = keys;
  }

  static async at(address) {
    const url = address.replace(/\/+$/, "");
    const directory = await fetch(`${url}/.well-known/http-message-signatures-directory`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    require(directory.status === 200, `directory answered ${directory.status}`);
    const keys = new Map();
    for (const jwk of (await directory.json()).keys) {
      require(jwk.d === undefined, "the directory publishes a private key");
      if (jwk.kty !== "OKP" || jwk.crv !== "Ed25519") continue;
      const keyid = thumbprint(jwk);
      require((jwk.kid ?? keyid) === keyid, "kid is not the RFC 7638 thumbprint");
      const { kty, crv, x } = jwk;
      keys.set(keyid, createPublicKey({ key: { kty, crv, x }, format: "jwk" }));
    }
    require(keys.size > 0, "the directory has no Ed25519 key");
    return new Bureau(url, keys);
  }

  async send({ method, url, headers, body }) {
    const response = await fetch(url, {
      method, headers, body, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const content = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: Object.fromEntries(response.headers), content };
  }

  verifyByHand(response, request, required) {
    const signed = responseSignature(response);
    const missing = required.filter((name) => !signed.components.includes(name));
    require(missing.length === 0, `not covered: ${missing.join(" ")}`);
    const age = Date.now() / 1000 - Number(signed.parameters.created);
    require(age >= -5 && age <= MAX_AGE_SECONDS, `created ${age} s ago`);
    const key = this.keys.get(signed.parameters.keyid);
    require(key, `keyid ${signed.parameters.keyid} is not in the directory`);
    const base = signatureBase(signed, response, request);
    require(verify(null, base, key, signed.signature), "the signature does not verify");
    checkDigest(response);
  }

  async verifyByPackage(response, request) {
    const verified = await httpbis.verifyMessage({
      keyLookup: async ({ keyid, tag }) => {
        const key = tag === RESPONSE_TAG ? this.keys.get(keyid) : undefined;
        if (!key) return null;
        return { id: keyid, algs: ["ed25519"], verify: createVerifier(key, "ed25519") };
      },
      maxAge: MAX_AGE_SECONDS,
      tolerance: 5,
      requiredParams: ["created", "keyid", "tag"],
      requiredFields: ["@status", "content-digest", "@method", "@target-uri"],
      all: true,
    }, response, request);
    require(verified === true, "the package does not verify it");
  }
}

/** A partner that asks. */
class Lender {
  constructor(bureau, key, question) {
    this.bureau = bureau;
    this.key = key;
    this.body = Buffer.from(JSON.stringify(question));
    this.idempotencyKey = `js-${randomBytes(16).toString("hex")}`;
  }

  unsigned() {
    return {
      method: "POST",
      url: `${this.bureau.url}/v1/inquiries`,
      headers: {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "idempotency-key": this.idempotencyKey,
        "content-digest": digestOf(this.body),
      },
      body: this.body,
    };
  }

  async signed(options = {}) {
    const { fields = COVERED, ageSeconds = 0, params = PARAMETERS, key = this.key, alg } = options;
    const signed = await httpbis.signMessage({
      key: createSigner(key, "ed25519", keyIdOf(key)),
      name: LABEL,
      fields,
      params: alg ? [...params, "alg"] : params,
      paramValues: {
        created: new Date(Date.now() - ageSeconds * 1000),
        nonce: randomBytes(24).toString("base64url"),
        tag: REQUEST_TAG,
        ...(alg && { alg }),
      },
    }, this.unsigned());
    // Names as fetch sends them, so that what is looked up here is what was sent.
    const headers = Object.entries(signed.headers).map(([name, v]) => [name.toLowerCase(), v]);
    return { ...signed, headers: Object.fromEntries(headers) };
  }
}

const withHeader = (request, name, value) =>
  ({ ...request, headers: { ...request.headers, [name]: value } });

function flippedSignature(request) {
  const raw = Buffer.from(members(request.headers.signature).get(LABEL).slice(1, -1), "base64");
  raw[10] ^= 1;
  return withHeader(request, "signature", `${LABEL}=:${raw.toString("base64")}:`);
}

/** [what was done, the code that must name it, the request]. */
async function tamperings(lender) {
  const honest = (options) => lender.signed(options);
  const stranger = generateKeyPairSync("ed25519").privateKey;
  const moreBody = Buffer.concat([lender.body, Buffer.from(" ")]);
  const otherKey = `js-${randomBytes(16).toString("hex")}`;
  const url = `${lender.bureau.url}/v1/inquiries?more=1`;
  return [
    ["no signature", "signature_missing", lender.unsigned()],
    ["digest not covered", "component_missing",
      await honest({ fields: COVERED.filter((name) => name !== "content-digest") })],
    ["signed two minutes ago", "created_too_old", await honest({ ageSeconds: 120 })],
    ["body changed after signing", "digest_mismatch", { ...await honest(), body: moreBody }],
    ["target changed after signing", "signature_invalid", { ...await honest(), url }],
    ["idempotency key changed after signing", "signature_invalid",
      withHeader(await honest(), "idempotency-key", otherKey)],
    ["one bit of the signature changed", "signature_invalid", flippedSignature(await honest())],
    ["a key nobody registered", "key_unknown", await honest({ key: stranger })],
    ["another algorithm named", "algorithm_mismatch", await honest({ alg: "rsa-pss-sha512" })],
    ["no nonce", "parameter_missing",
      await honest({ params: PARAMETERS.filter((name) => name !== "nonce") })],
  ];
}

// ---- The checks --------------------------------------------------------------------------------

const count = { ok: 0, failed: 0 };

async function check(name, body) {
  try {
    const result = await body();
    count.ok += 1;
    console.log(`ok ${name}`);
    return result;
  } catch (error) {
    count.failed += 1;
    console.log(`FAILED ${name}: ${error.message}`);
    return undefined;
  }
}

function checkAnswer(response, scenario) {
  const text = response.content.toString();
  require([200, 201].includes(response.status), `${response.status}: ${text.slice(0, 500)}`);
  const answer = JSON.parse(text);
  const missing = ANSWER_FIELDS.filter((name) => !(name in answer));
  require(missing.length === 0, `the answer lacks ${missing.join(", ")}`);
  require(answer.scenario === scenario, `scenario is ${answer.scenario}`);
  require(FORMS.includes(answer.form), `form is ${answer.form}`);
  for (const name of ["index", "leaf", "opening", "proof_url"]) {
    require(name in answer.log, `log lacks ${name}`);
  }
}

/** The answer to this request must not pass as the answer to another one. */
function checkBinding(bureau, response, request, required) {
  bureau.verifyByHand(response, request, required);
  const others = {
    target: { ...request, url: `${request.url}?other=1` },
    method: { ...request, method: "PUT" },
    body: withHeader(request, "content-digest", digestOf("{}")),
    signature: flippedSignature(request),
  };
  for (const [what, other] of Object.entries(others)) {
    assert.throws(() => bureau.verifyByHand(response, other, required),
      /does not verify/, `it also verifies for a request with another ${what}`);
  }
}

async function checkRefusal(bureau, request, code) {
  const response = await bureau.send(request);
  const text = response.content.toString();
  require(response.status === 401, `${response.status}: ${text.slice(0, 500)}`);
  const kind = (response.headers["content-type"] ?? "").split(";")[0].trim();
  require(kind === "application/problem+json", `content type ${kind}`);
  const problem = JSON.parse(text);
  require(problem.code === code, `code is ${problem.code}`);
  require((problem.status ?? 401) === 401, `status member is ${problem.status}`);
  if (request.headers.signature) {
    bureau.verifyByHand(response, request, BOUND_TO_REQUEST);
    await bureau.verifyByPackage(response, request);
  }
}

async function checkAll(bureau, lender, scenario, request, response) {
  const required = [...BOUND_TO_REQUEST, ...BOUND_TO_SIGNATURE];
  // First of all, while its signature is still young enough to be refused for its nonce alone.
  await check("refused with nonce_seen: the same bytes again",
    () => checkRefusal(bureau, request, "nonce_seen"));
  await check("answer has every promised field", () => checkAnswer(response, scenario));
  await check("content digest is of this body", () => checkDigest(response));
  await check("response signature verifies with the package",
    () => bureau.verifyByPackage(response, request));
  await check("response signature verifies by hand",
    () => bureau.verifyByHand(response, request, required));
  await check("response is bound to this request",
    () => checkBinding(bureau, response, request, required));
  for (const [what, code, tampered] of await tamperings(lender)) {
    await check(`refused with ${code}: ${what}`, () => checkRefusal(bureau, tampered, code));
  }
  await check("retry under a new signature gets the same answer", async () => {
    const again = await lender.signed();
    const repeated = await bureau.send(again);
    require(repeated.status === response.status, `${repeated.status}`);
    require(repeated.content.equals(response.content), "another body");
    bureau.verifyByHand(repeated, again, required);
  });
}

for (const name of ["FIVEFOLD_URL", "FIVEFOLD_KEY", "FIVEFOLD_SUBJECT", "FIVEFOLD_CONSENT"]) {
  if (!process.env[name]) {
    console.error(`set ${name}: see the head of this file`);
    process.exit(2);
  }
}
const { FIVEFOLD_URL, FIVEFOLD_KEY, FIVEFOLD_SUBJECT, FIVEFOLD_CONSENT } = process.env;
const scenario = process.env.FIVEFOLD_SCENARIO ?? "credit_application";
const key = createPrivateKey(readFileSync(FIVEFOLD_KEY));
const bureau = await check("directory of keys", () => Bureau.at(FIVEFOLD_URL));
if (bureau) {
  const basis = { type: "consent", ref: FIVEFOLD_CONSENT };
  const lender = new Lender(bureau, key, { subject: FIVEFOLD_SUBJECT, basis, scenario });
  const request = await lender.signed();
  const response = await check("signed inquiry is answered", () => bureau.send(request));
  if (response) await checkAll(bureau, lender, scenario, request, response);
}
console.log(`node client: ${count.ok} ok, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;
