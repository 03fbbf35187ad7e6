"""The plain thing that a team would write for a signed question with an audit trail.

FastAPI verifies the request's RFC 9421 signature with the PyPI package, reads one row about the
subject, writes one audit row, commits, and signs its answer with the same package. No consent,
no policies, no ledger, no score: a number from a column. RIVAL_DATABASE is a PostgreSQL address,
RIVAL_KEY a file with the asker's public key (PEM), there before the first request.
"""

import base64
import datetime
import hashlib
import json
import os

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import FastAPI, Request, Response
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from psycopg_pool import AsyncConnectionPool

ANSWER_BYTES = 2_200
OWN = ed25519.Ed25519PrivateKey.generate()
FILLING = "x" * ANSWER_BYTES


class Keys(HTTPSignatureKeyResolver):
    """One asker, and one's own key."""

    asker = None

    def resolve_public_key(self, key_id):
        if Keys.asker is None:
            with open(os.environ["RIVAL_KEY"], "rb") as file:
                Keys.asker = load_pem_public_key(file.read())
        return Keys.asker

    def resolve_private_key(self, key_id):
        return OWN


class Message:
    """A request or a response as the package wants it."""

    def __init__(self, method, url, headers, status=None):
        self.method, self.url, self.headers = method, url, headers
        # A message with a status is a response to it.
        if status is not None:
            self.status_code = status


verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
pool = AsyncConnectionPool(os.environ["RIVAL_DATABASE"], min_size=4, max_size=8, open=False)
app = FastAPI()


@app.on_event("startup")
async def startup():
    await pool.open(wait=True)


@app.post("/v1/inquiries", status_code=201)
async def inquire(request: Request):
    body = await request.body()
    message = Message(request.method, str(request.url), request.headers)
    verifier.verify(message, max_age=datetime.timedelta(minutes=5), body=body)
    question = json.loads(body)
    async with pool.connection() as conn:
        row = await conn.execute(
            "SELECT score FROM scores WHERE subject = %s", (question["subject"],)
        )
        found = await row.fetchone()
        await conn.execute(
            "INSERT INTO audit (subject, question, answer) VALUES (%s, %s, %s)",
            (question["subject"], json.dumps(question), FILLING),
        )
    answer = json.dumps({"score": found[0] if found else None, "filling": FILLING}).encode()
    digest = base64.b64encode(hashlib.sha256(answer).digest()).decode()
    headers = {
        "Content-Type": "application/json",
        "Content-Digest": f"sha-256=:{digest}:",
    }
    told = Message(request.method, str(request.url), headers, status=201)
    signer.sign(
        told,
        key_id="rival",
        created=datetime.datetime.now(),
        covered_component_ids=("@status", "content-digest"),
        use_existing_digest=True,
    )
    return Response(answer, status_code=201, headers=told.headers)
