"""A Fivefold client: signs every request (RFC 9421, RFC 9530), and believes no answer that does
not verify. It needs the package `cryptography`, and nothing else.

    from client import Client, Refused
    bank = Client()                      # FIVEFOLD_URL, FIVEFOLD_KEY in the environment
    answer = bank.post("/v1/inquiries", {...})

As a program it does one request that it reads as JSON: what `fivefold conformance --client` wants.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

LABEL = "bank"
TRIES_MAX = 4


class Refused(Exception):
    """The bureau said no: `code` says why, /docs/errors what to do."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status, self.problem, self.code = status, problem, problem.get("code")


class NotSigned(Exception):
    """The answer does not verify: nothing in it may be believed."""


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class Client:
    def __init__(self, url=None, key=None):
        self.url = (url or os.environ["FIVEFOLD_URL"]).rstrip("/")
        with open(key or os.environ["FIVEFOLD_KEY"], "rb") as file:
            self.key = load_pem_private_key(file.read(), None)
        x = base64url(self.key.public_key().public_bytes_raw())
        # RFC 7638: the digest of the key's required members, sorted, without spaces.
        members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
        self.keyid = base64url(hashlib.sha256(members.encode()).digest())
        self.bureau = {}

    # ---- What you call ----------------------------------------------------------------------

    def get(self, path):
        return self._done("GET", path, None, None)

    def post(self, path, body, key=None):
        """Repeats by itself what may be repeated, always under one Idempotency-Key."""
        key = key or secrets.token_urlsafe(16)
        return self._done("POST", path, json.dumps(body).encode(), key)

    def _done(self, method, path, body, key):
        for attempt in range(TRIES_MAX):
            try:
                status, headers, answer = self.send(method, path, body, key)
            except (NotSigned, urllib.error.URLError):
                if attempt + 1 == TRIES_MAX:
                    raise
                time.sleep(1)
                continue
            said = json.loads(answer)
            if status < 400:
                return said
            wait = headers.get("Retry-After")
            if wait is None or int(wait) > 60 or attempt + 1 == TRIES_MAX:
                raise Refused(status, said)
            time.sleep(int(wait))

    # ---- One request, signed; its answer, verified ------------------------------------------

    def send(self, method, path, body=None, key=None, content_type="application/json"):
        target = self.url + path
        fields = {}
        if body:
            fields["content-digest"] = digest(body)
        if key:
            fields["idempotency-key"] = key
        lines = [f'"@method": {method}', f'"@target-uri": {target}']
        lines += [f'"{name}": {value}' for name, value in fields.items()]
        covered = " ".join(line.split(": ")[0] for line in lines)
        params = (
            f"({covered});created={int(time.time())}"
            f';nonce="{secrets.token_urlsafe(16)}";keyid="{self.keyid}";tag="fivefold-request"'
        )
        base = "\n".join(lines + [f'"@signature-params": {params}'])
        signature = ":" + base64.b64encode(self.key.sign(base.encode())).decode() + ":"
        request = urllib.request.Request(target, data=body, method=method)
        for name, value in fields.items():
            request.add_header(name, value)
        if body:
            request.add_header("Content-Type", content_type)
        request.add_header("Signature-Input", f"{LABEL}={params}")
        request.add_header("Signature", f"{LABEL}={signature}")
        try:
            response = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            answer = response.read()
        sent = {"@method": method, "@target-uri": target, "signature": signature, **fields}
        self.verify(response.status, response.headers, answer, sent)
        return response.status, response.headers, answer

    def verify(self, status, headers, answer, sent):
        """Builds the signature base again from what the answer says it covers."""
        label, _, params = headers.get("Signature-Input", "").partition("=")
        if f';tag="fivefold-response"' not in params:
            raise NotSigned("no signature")
        own = {"@status": str(status), "content-digest": headers.get("Content-Digest")}
        lines = []
        listed = params[1 : params.index(")")]
        for name, flags in re.findall(r'"([^"]+)"((?:;[a-z]+(?:="[^"]*")?)*)', listed):
            of = sent if ";req" in flags else own
            if of.get(name) is None:
                raise NotSigned(f"it covers {name}, which is not there")
            lines.append(f'"{name}"{flags}: {of[name]}')
        covered = {line.split(": ")[0] for line in lines}
        if not {'"@status"', '"content-digest"', '"@method";req', '"@target-uri";req'} <= covered:
            raise NotSigned("it covers too little")
        if status < 400 and f'"signature";req;key="{LABEL}"' not in covered:
            raise NotSigned("it is not bound to this request")
        base = "\n".join(lines + [f'"@signature-params": {params}'])
        keyid = re.search(r';keyid="([^"]*)"', params)[1]
        signature = headers.get("Signature", "").removeprefix(f"{label}=:").removesuffix(":")
        try:
            self._bureau_key(keyid).verify(base64.b64decode(signature), base.encode())
        except InvalidSignature:
            raise NotSigned("the signature does not hold") from None
        if headers.get("Content-Digest") != digest(answer):
            raise NotSigned("the body is not the one that was signed")

    def _bureau_key(self, keyid):
        if keyid not in self.bureau:
            path = self.url + "/.well-known/http-message-signatures-directory"
            with urllib.request.urlopen(path, timeout=30) as response:
                for jwk in json.load(response)["keys"]:
                    key = Ed25519PublicKey.from_public_bytes(from_base64url(jwk["x"]))
                    self.bureau[jwk["kid"]] = key
        if keyid not in self.bureau:
            raise NotSigned(f"the bureau has no key {keyid}")
        return self.bureau[keyid]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    client = Client()
    path = asked["url"].removeprefix(client.url)
    body = asked["body"].encode() if asked["body"] else None
    key = asked["headers"].get("idempotency-key")
    try:
        status, headers, answer = client.send(asked["method"], path, body, key)
    except NotSigned as why:
        sys.exit(f"thrown away: {why}")
    shown = {name.lower(): value for name, value in headers.items()}
    print(json.dumps({"status": status, "headers": shown, "body": answer.decode()}))
