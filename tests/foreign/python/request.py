"""Tells the shop of an order. Built by componentize-py: see ../../../guest-sdk/OTHER-TOOLS.md."""

import json
from urllib.parse import urlsplit

import wit_world
from componentize_py_types import Err, Ok
from wit_world.imports import outgoing_handler, streams
from wit_world.imports.credentials import CredentialError, credential
from wit_world.imports.failures import Failure
from wit_world.imports.wasi_http_types import (
    Fields,
    IncomingResponse,
    Method_Post,
    OutgoingBody,
    OutgoingRequest,
    Scheme_Http,
    Scheme_Https,
)

# What WASI takes in one `blocking_write_and_flush`, and what is read at once.
WRITE_BYTES = 4096
READ_BYTES = 65536


def post(url: str, headers: dict[str, str], body: bytes) -> IncomingResponse:
    """Sends a request, and waits for the head of its answer."""
    parts = urlsplit(url)
    fields = Fields.from_list([(name, value.encode()) for name, value in headers.items()])
    request = OutgoingRequest(fields)
    request.set_method(Method_Post())
    request.set_scheme(Scheme_Http() if parts.scheme == "http" else Scheme_Https())
    request.set_authority(parts.netloc)
    request.set_path_with_query((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    sent = request.body()
    future = outgoing_handler.handle(request, None)
    with sent.write() as stream:
        for at in range(0, len(body), WRITE_BYTES):
            stream.blocking_write_and_flush(body[at : at + WRITE_BYTES])
    OutgoingBody.finish(sent, None)
    with future, future.subscribe() as ready:
        ready.block()
        match future.get():
            case Ok(Ok(response)):
                return response
            case Ok(Err(error)):
                raise Err(error)
            case other:
                raise RuntimeError(f"no answer: {other}")


def read(response: IncomingResponse) -> bytes:
    """The body of an answer, to its end."""
    read = bytearray()
    with response, response.consume() as body:
        with body.stream() as stream:
            while True:
                try:
                    read += stream.blocking_read(READ_BYTES)
                except Err as error:
                    if isinstance(error.value, streams.StreamError_Closed):
                        return bytes(read)
                    raise


def tell(url: str, order: int) -> dict:
    headers = {"authorization": f"Bearer {credential('SHOP_TOKEN')}", "content-type": "application/json"}
    response = post(url, headers, json.dumps({"order": order}).encode())
    status = response.status()
    return {"status": status, "answer": json.loads(read(response))}


def failure(error: Exception) -> Failure:
    """What an exception becomes: one of the host carries what the host says."""
    match error:
        case Err(CredentialError(key=key, message=message)):
            return Failure(message, retryable=False, missing_credentials=[key])
        case Err(value):
            return Failure(repr(value), retryable=False, missing_credentials=[])
        case _:
            return Failure(repr(error), retryable=False, missing_credentials=[])


class WitWorld(wit_world.WitWorld):
    def run(self, input: str) -> str:
        try:
            asked = json.loads(input)
            return json.dumps(tell(asked["url"], asked["order"]))
        except Exception as error:
            raise Err(failure(error)) from error
