#!/usr/bin/env python3
"""Sends a running bureau what its own OpenAPI document allows, and what it nearly allows.

Schemathesis makes the requests from /openapi.json, this file signs them as a registered partner,
and every answer is held against the document and against what every answer owes: no internal
error, a signature that verifies by hand, a documented status and body, and for whatever is refused
a problem (RFC 9457) with a stable code that says what to do next.

Environment: FIVEFOLD_URL and FIVEFOLD_KEY, as for client.py; FIVEFOLD_ATTACK_EXAMPLES, requests for
each operation (default 40).

Prints one line an operation and exits 1 if any failed.
"""

import datetime
import json
import os
import secrets
import sys

import hypothesis
import requests
import schemathesis
from cryptography.hazmat.primitives import serialization
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSigner,
    MappingKeyResolver,
    algorithms,
)
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import client

EXAMPLES = int(os.environ.get("FIVEFOLD_ATTACK_EXAMPLES", "40"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What the signature layer and the router answer on every route, whatever the operation.
ANYWHERE = (400, 401, 404, 405, 408, 413, 415, 422, 429, 503)


@schemathesis.serializer("application/x-ndjson", "application/vnd.apache.parquet")
def lines(context, value):
    """A file: text and bytes as they are, a list a line each, anything else on one line."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    values = value if isinstance(value, list) else [value]
    return "".join(f"{json.dumps(one, default=str)}\n" for one in values).encode()


class Partner:
    """Signs whatever it is given."""

    def __init__(self, bureau, key):
        self.bureau, self.key = bureau, key
        self.keyid = client.thumbprint(client.public_jwk(key))
        self.signer = HTTPMessageSigner(
            signature_algorithm=algorithms.ED25519,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={self.keyid: key}),
        )

    def send(self, case):
        arguments = case.as_transport_kwargs(base_url=self.bureau.url)
        arguments.pop("timeout", None)
        request = requests.Request(**arguments).prepare()
        request.headers["Accept-Encoding"] = "identity"
        for name in ("Signature", "Signature-Input", "Content-Digest"):
            request.headers.pop(name, None)
        covered = ["@method", "@target-uri"]
        if request.body:
            body = request.body if isinstance(request.body, bytes) else request.body.encode()
            request.body = body
            ContentDigest.add(request.headers, body)
            covered.append("content-digest")
        if "Idempotency-Key" in request.headers:
            covered.append("idempotency-key")
        self.signer.sign(
            request,
            key_id=self.keyid,
            created=datetime.datetime.now(),
            nonce=secrets.token_urlsafe(24),
            label=client.LABEL,
            tag=client.REQUEST_TAG,
            include_alg=False,
            covered_component_ids=tuple(covered),
            use_existing_digest=bool(request.body),
        )
        return request, self.bureau.send(request)


def is_problem(response):
    client.require(
        response.headers["Content-Type"].startswith("application/problem+json"),
        f"{response.status_code} is not a problem: {response.headers['Content-Type']}",
    )
    problem = response.json()
    for name in ("type", "title", "status", "code", "detail"):
        client.require(problem.get(name), f"a problem without {name}: {problem}")
    client.require(problem["status"] == response.status_code, f"another status: {problem}")
    client.require(problem["code"] != "internal", f"internal: {problem}")
    if response.status_code in (429, 503):
        client.require("Retry-After" in response.headers, f"no Retry-After: {problem}")


def sent(partner, case, counts):
    try:
        request, response = partner.send(case)
    except (UnicodeError, requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
        # What cannot be put on the wire cannot be an attack either.
        hypothesis.reject()
    counts[response.status_code] = counts.get(response.status_code, 0) + 1
    if case.path.startswith("/v1/log/"):
        client.require(response.status_code < 500 or response.status_code == 503, "a server error")
        return
    required = client.BOUND_TO_REQUEST if response.status_code == 401 else ()
    partner.bureau.verify_by_hand(response, request, required)
    if response.status_code >= 400:
        is_problem(response)
    if response.status_code not in ANYWHERE:
        case.validate_response(response, checks=CHECKS)


def attacked(partner, operation):
    counts = {}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def valid(case):
        sent(partner, case, counts)

    @hypothesis.settings(valid._hypothesis_internal_use_settings)
    @hypothesis.given(
        case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    )
    def invalid(case):
        sent(partner, case, counts)

    valid()
    try:
        invalid()
    except hypothesis.errors.Unsatisfiable:
        pass  # Nothing about this operation can be got wrong.
    return counts


def main():
    load_all_checks()
    url = os.environ["FIVEFOLD_URL"]
    with open(os.environ["FIVEFOLD_KEY"], "rb") as file:
        key = serialization.load_pem_private_key(file.read(), password=None)
    bureau = client.Bureau(url)
    partner = Partner(bureau, key)
    document = bureau.session.get(f"{bureau.url}/openapi.json", timeout=30).json()
    schema = schemathesis.openapi.from_dict(document)
    failed = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        try:
            counts = attacked(partner, operation)
            print(f"ok {operation.label}: {json.dumps(counts, sort_keys=True)}")
        except Exception as error:  # whatever it is, the operation has failed and the next goes on
            failed += 1
            print(f"FAILED {operation.label}: {type(error).__name__}: {error}"[:2000])
    ready = bureau.session.get(f"{bureau.url}/readyz", timeout=30)
    client.require(ready.status_code == 200, "the bureau is not ready any more")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
