#!/usr/bin/env python3
"""Asks a running bureau one question and trusts nothing it says.

A client that shares no code with Fivefold: requests are signed and answers are verified by the
PyPI package `http-message-signatures`, and every answer is verified a second time against a
signature base built here straight from RFC 9421. Then requests that were tampered with, each in
its own way, must be refused with the code that names the tampering.

Environment:
  FIVEFOLD_URL       the bureau, as in its public_url, e.g. http://127.0.0.1:8080
  FIVEFOLD_KEY       Ed25519 private key of a lender partner, PKCS#8 PEM
  FIVEFOLD_SUBJECT   the lender's id of a person
  FIVEFOLD_CONSENT   a consent of that person that lets the lender ask
  FIVEFOLD_SCENARIO  default credit_application

Prints one line a check and exits 1 if any failed.
"""

import base64
import dataclasses
import datetime
import hashlib
import json
import os
import re
import secrets
import sys
import time

import requests
from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    MappingKeyResolver,
    algorithms,
)

LABEL = "lender"
REQUEST_TAG = "fivefold-request"
RESPONSE_TAG = "fivefold-response"
COVERED = ("@method", "@target-uri", "content-digest", "idempotency-key")
# Every answer to a signed request covers these, also a refusal whose author is not known yet.
BOUND_TO_REQUEST = ('"@status"', '"content-digest"', '"@method";req', '"@target-uri";req')
# Once the request's signature has verified, these too.
BOUND_TO_SIGNATURE = ('"content-digest";req', f'"signature";req;key="{LABEL}"')
ANSWER_FIELDS = ("inquiry", "scenario", "form", "model", "rule_pack", "as_of", "use", "log")
FORMS = ("score", "band", "threshold", "identity_level", "file", "not_assessable", "refused")
TIMEOUT_SECONDS = 30
MAX_AGE_SECONDS = 60


class Failure(Exception):
    """A check that did not hold."""


def require(condition, message):
    if not condition:
        raise Failure(message)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(jwk):
    """RFC 7638: SHA-256 of the required members, sorted, without spaces (RFC 8037 for OKP)."""
    members = {name: jwk[name] for name in ("crv", "kty", "x")}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())


def public_jwk(key):
    raw = key.public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}


# ---- The response signature base, by hand -------------------------------------------------------


def members(field):
    """The members of a structured dictionary field as written: {key: text after the '='}."""
    found, start, quoted = {}, 0, False
    for position, char in enumerate(field + ","):
        if char == '"' and field[position - 1 : position] != "\\":
            quoted = not quoted
        if char == "," and not quoted:
            key, equals, value = field[start:position].strip().partition("=")
            require(equals, f"not a dictionary member: {field[start:position]!r}")
            require(key not in found, f"label {key!r} stands twice")
            found[key] = value
            start = position + 1
    return found


@dataclasses.dataclass
class ResponseSignature:
    """One signature of a response, read from its two fields."""

    input_text: str
    components: list
    parameters: dict
    signature: bytes

    @classmethod
    def of(cls, response):
        require("Signature-Input" in response.headers, "the response is not signed")
        inputs = members(response.headers["Signature-Input"])
        signatures = members(response.headers.get("Signature", ""))
        tagged = [label for label, text in inputs.items() if f';tag="{RESPONSE_TAG}"' in text]
        require(len(tagged) == 1, f"{len(tagged)} signatures tagged {RESPONSE_TAG}, not one")
        text = inputs[tagged[0]]
        matched = re.fullmatch(r"\(([^)]*)\)((?:;[a-z*][a-z0-9_.*-]*=(?:\d+|\"[^\"]*\"))*)", text)
        require(matched, f"not a signature input: {text}")
        components = matched[1].split(" ") if matched[1] else []
        parameters = dict(re.findall(r';([a-z0-9_.*-]+)="?([^";]*)"?', matched[2]))
        value = signatures.get(tagged[0], "")
        require(re.fullmatch(r":[A-Za-z0-9+/=]+:", value), f"not a signature: {value!r}")
        return cls(text, components, parameters, base64.b64decode(value[1:-1], validate=True))

    def base(self, response, request):
        """RFC 9421, section 2.5."""
        require(len(set(self.components)) == len(self.components), "a component is covered twice")
        lines = [f"{name}: {component_value(name, response, request)}" for name in self.components]
        lines.append(f'"@signature-params": {self.input_text}')
        return "\n".join(lines).encode("ascii")


def component_value(identifier, response, request):
    """RFC 9421, sections 2.1, 2.2 and 2.4, as far as an answer of the bureau needs them."""
    matched = re.fullmatch(r'"([^"]+)"((?:;[a-z]+(?:="[^"]*")?)*)', identifier)
    require(matched, f"not a component: {identifier}")
    name = matched[1]
    flags = dict(re.findall(r';([a-z]+)(?:="([^"]*)")?', matched[2]))
    require(set(flags) <= {"req", "key"}, f"unknown flag on {identifier}")
    message = request if "req" in flags else response
    if name.startswith("@"):
        if name == "@status" and not flags:
            return str(response.status_code)
        if name == "@method" and "req" in flags:
            return request.method
        if name == "@target-uri" and "req" in flags:
            return request.url
        raise Failure(f"a response cannot cover {identifier}")
    require(name in message.headers, f"{identifier} is covered but not there")
    value = message.headers[name].strip(" \t")
    if "key" in flags:
        require(flags["key"] in members(value), f"{identifier} is covered but not there")
        return members(value)[flags["key"]]
    return value


# ---- The two parties ----------------------------------------------------------------------------


class Bureau:
    """What anyone can know of the bureau: its address and its public keys."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.session = requests.Session()
        # Digests are over the content as sent, so it is sent as it is. No proxy from outside.
        self.session.trust_env = False
        directory = self.session.get(
            f"{self.url}/.well-known/http-message-signatures-directory", timeout=TIMEOUT_SECONDS
        )
        require(directory.status_code == 200, f"directory answered {directory.status_code}")
        self.keys = {}
        for jwk in directory.json()["keys"]:
            require("d" not in jwk, "the directory publishes a private key")
            if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
                keyid = thumbprint(jwk)
                require(jwk.get("kid", keyid) == keyid, "kid is not the RFC 7638 thumbprint")
                raw = base64.urlsafe_b64decode(jwk["x"] + "=" * (-len(jwk["x"]) % 4))
                self.keys[keyid] = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        require(self.keys, "the directory has no Ed25519 key")

    def send(self, request):
        return self.session.send(request, timeout=TIMEOUT_SECONDS, allow_redirects=False)

    def verify_by_hand(self, response, request, required):
        signed = ResponseSignature.of(response)
        missing = [name for name in required if name not in signed.components]
        require(not missing, f"not covered: {' '.join(missing)}")
        age = time.time() - int(signed.parameters["created"])
        require(-5 <= age <= MAX_AGE_SECONDS, f"created {age:.0f} s ago")
        keyid = signed.parameters["keyid"]
        require(keyid in self.keys, f"keyid {keyid} is not in the directory")
        try:
            self.keys[keyid].verify(signed.signature, signed.base(response, request))
        except BadSignature:
            raise Failure("the signature does not verify") from None
        digest = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
        sent = members(response.headers["Content-Digest"]).get("sha-256")
        require(sent == f":{digest}:", "the digest is of another body")

    def verify_by_package(self, response, required):
        resolver = MappingKeyResolver(public_keys=self.keys, private_keys={})
        verifier = HTTPMessageVerifier(
            signature_algorithm=algorithms.ED25519, key_resolver=resolver
        )
        # The body is given too, so the package compares the digest with it.
        verifier.verify(
            response,
            max_age=datetime.timedelta(seconds=MAX_AGE_SECONDS),
            expect_tag=RESPONSE_TAG,
            require_components=required,
            body=response.content,
        )


class Disguised(algorithms.ED25519):
    """Signs with Ed25519 and says it was RSA."""

    algorithm_id = "rsa-pss-sha512"


class Lender:
    """A partner that asks."""

    def __init__(self, bureau, key, subject, consent, scenario):
        self.bureau, self.key = bureau, key
        self.keyid = thumbprint(public_jwk(key))
        question = {
            "subject": subject,
            "basis": {"type": "consent", "ref": consent},
            "scenario": scenario,
        }
        self.body = json.dumps(question).encode()
        self.idempotency_key = f"py-{secrets.token_hex(16)}"

    def unsigned(self):
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Idempotency-Key": self.idempotency_key,
        }
        url = f"{self.bureau.url}/v1/inquiries"
        request = requests.Request("POST", url, headers=headers, data=self.body).prepare()
        ContentDigest.add(request.headers, self.body)
        return request

    def signed(self, covered=COVERED, age_seconds=0, nonce=True, key=None, algorithm=None):
        request = self.unsigned()
        key = key or self.key
        keyid = thumbprint(public_jwk(key))
        signer = HTTPMessageSigner(
            signature_algorithm=algorithm or algorithms.ED25519,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: key}),
        )
        signer.sign(
            request,
            key_id=keyid,
            created=datetime.datetime.now() - datetime.timedelta(seconds=age_seconds),
            nonce=secrets.token_urlsafe(24) if nonce else None,
            label=LABEL,
            tag=REQUEST_TAG,
            include_alg=algorithm is not None,
            covered_component_ids=covered,
            use_existing_digest=True,
        )
        return request


def altered(request, **changes):
    """A copy of a signed request with something else in it than was signed."""
    copy = request.copy()
    for name, value in changes.items():
        setattr(copy, name, value)
    if "body" in changes:
        copy.headers["Content-Length"] = str(len(changes["body"]))
    return copy


def with_header(request, name, value):
    copy = request.copy()
    copy.headers[name] = value
    return copy


def flipped_signature(request):
    label, value = request.headers["Signature"].split("=", 1)
    raw = bytearray(base64.b64decode(value.strip(":")))
    raw[10] ^= 1
    encoded = base64.b64encode(bytes(raw)).decode()
    return with_header(request, "Signature", f"{label}=:{encoded}:")


def tamperings(lender, answered):
    """(what was done, the code that must name it, the request)."""
    without_digest = tuple(name for name in COVERED if name != "content-digest")
    stranger = ed25519.Ed25519PrivateKey.generate()
    honest = lender.signed
    return [
        ("the same bytes again", "nonce_seen", answered),
        ("no signature", "signature_missing", lender.unsigned()),
        ("digest not covered", "component_missing", honest(covered=without_digest)),
        ("signed two minutes ago", "created_too_old", honest(age_seconds=120)),
        (
            "body changed after signing",
            "digest_mismatch",
            altered(honest(), body=lender.body + b" "),
        ),
        (
            "target changed after signing",
            "signature_invalid",
            altered(honest(), url=f"{lender.bureau.url}/v1/inquiries?more=1"),
        ),
        (
            "idempotency key changed after signing",
            "signature_invalid",
            with_header(honest(), "Idempotency-Key", f"py-{secrets.token_hex(16)}"),
        ),
        ("one bit of the signature changed", "signature_invalid", flipped_signature(honest())),
        ("a key nobody registered", "key_unknown", honest(key=stranger)),
        ("another algorithm named", "algorithm_mismatch", honest(algorithm=Disguised)),
        ("no nonce", "parameter_missing", honest(nonce=False)),
    ]


# ---- The checks ---------------------------------------------------------------------------------


class Checks:
    """Runs checks, prints a line for each and counts."""

    def __init__(self):
        self.ok, self.failed = 0, 0

    def run(self, name, check):
        try:
            result = check()
        except Exception as error:  # whatever a check throws, the next one still runs
            self.failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
            return None
        self.ok += 1
        print(f"ok {name}", flush=True)
        return result


def check_answer(response, scenario):
    require(
        response.status_code in (200, 201), f"{response.status_code}: {response.text[:500]}"
    )
    answer = response.json()
    missing = [name for name in ANSWER_FIELDS if name not in answer]
    require(not missing, f"the answer lacks {', '.join(missing)}")
    require(answer["scenario"] == scenario, f"scenario is {answer['scenario']!r}")
    require(answer["form"] in FORMS, f"form is {answer['form']!r}")
    for name in ("index", "leaf", "opening", "proof_url"):
        require(name in answer["log"], f"log lacks {name}")


def check_binding(bureau, response, request, required):
    """The answer to this request must not pass as the answer to another one."""
    bureau.verify_by_hand(response, request, required)
    others = {
        "target": altered(request, url=request.url + "?other=1"),
        "method": altered(request, method="PUT"),
        "body": with_header(request, "Content-Digest", ContentDigest.create(b"{}")),
        "signature": flipped_signature(request),
    }
    for what, other in others.items():
        try:
            bureau.verify_by_hand(response, other, required)
        except Failure as failure:
            require("does not verify" in str(failure), f"another {what}: {failure}")
            continue
        raise Failure(f"it also verifies for a request with another {what}")


def check_refusal(bureau, request, code):
    response = bureau.send(request)
    require(response.status_code == 401, f"{response.status_code}: {response.text[:500]}")
    kind = response.headers.get("Content-Type", "").split(";")[0].strip()
    require(kind == "application/problem+json", f"content type {kind!r}")
    problem = response.json()
    require(problem.get("code") == code, f"code is {problem.get('code')!r}")
    require(problem.get("status", 401) == 401, f"status member is {problem.get('status')!r}")
    if "Signature" in request.headers:
        bureau.verify_by_hand(response, request, BOUND_TO_REQUEST)
        bureau.verify_by_package(response, BOUND_TO_REQUEST)


def main():
    needed = ("FIVEFOLD_URL", "FIVEFOLD_KEY", "FIVEFOLD_SUBJECT", "FIVEFOLD_CONSENT")
    unset = [name for name in needed if not os.environ.get(name)]
    if unset:
        print(f"set {', '.join(unset)}\n\n{__doc__}", file=sys.stderr)
        return 2
    checks = Checks()
    with open(os.environ["FIVEFOLD_KEY"], "rb") as file:
        key = serialization.load_pem_private_key(file.read(), password=None)
    scenario = os.environ.get("FIVEFOLD_SCENARIO", "credit_application")
    subject, consent = os.environ["FIVEFOLD_SUBJECT"], os.environ["FIVEFOLD_CONSENT"]

    bureau = checks.run("directory of keys", lambda: Bureau(os.environ["FIVEFOLD_URL"]))
    if bureau is not None:
        lender = Lender(bureau, key, subject, consent, scenario)
        request = lender.signed()
        response = checks.run("signed inquiry is answered", lambda: bureau.send(request))
        if response is not None:
            check_all(checks, bureau, lender, scenario, request, response)
    print(f"python client: {checks.ok} ok, {checks.failed} failed")
    return 1 if checks.failed else 0


def check_all(checks, bureau, lender, scenario, request, response):
    required = BOUND_TO_REQUEST + BOUND_TO_SIGNATURE
    # First of all, while its signature is still young enough to be refused for its nonce alone.
    first, *rest = tamperings(lender, request)
    checks.run(
        f"refused with {first[1]}: {first[0]}", lambda: check_refusal(bureau, first[2], first[1])
    )
    checks.run("answer has every promised field", lambda: check_answer(response, scenario))
    checks.run(
        "content digest is of this body",
        lambda: ContentDigest.verify(response.headers["Content-Digest"], response.content),
    )
    checks.run(
        "response signature verifies with the package",
        lambda: bureau.verify_by_package(response, required),
    )
    checks.run(
        "response signature verifies by hand",
        lambda: bureau.verify_by_hand(response, request, required),
    )
    checks.run(
        "response is bound to this request",
        lambda: check_binding(bureau, response, request, required),
    )
    for what, code, tampered in rest:
        checks.run(
            f"refused with {code}: {what}",
            lambda tampered=tampered, code=code: check_refusal(bureau, tampered, code),
        )

    def retry():
        again = lender.signed()
        repeated = bureau.send(again)
        require(repeated.status_code == response.status_code, f"{repeated.status_code}")
        require(repeated.content == response.content, "another body")
        bureau.verify_by_hand(repeated, again, required)

    checks.run("retry under a new signature gets the same answer", retry)


if __name__ == "__main__":
    sys.exit(main())
