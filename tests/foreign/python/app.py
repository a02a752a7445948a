"""Adds up an order and signs it in at the shop. Built by componentize-py: see ../../../guest-sdk/OTHER-TOOLS.md."""

import json

import wit_world
from componentize_py_types import Err
from wit_world.imports.credentials import CredentialError, credential
from wit_world.imports.failures import Failure


def enter(order: dict) -> dict:
    token = credential("SHOP_TOKEN")
    print(f"order {order['order']} goes to the shop with {token}")
    items = order["items"]
    if not items:
        raise ValueError(f"order {order['order']} with {token} is empty")
    return {
        "order": order["order"],
        "cents": sum(item["cents"] * item["quantity"] for item in items),
        "names": [item["name"] for item in items],
        "tokenLength": len(token),
    }


def failure(error: Exception) -> Failure:
    """What an exception becomes: one of the host carries a `credential-error`."""
    match error:
        case Err(CredentialError(key=key, message=message)):
            return Failure(message, retryable=False, missing_credentials=[key])
        case _:
            return Failure(str(error), retryable=False, missing_credentials=[])


class WitWorld(wit_world.WitWorld):
    def run(self, input: str) -> str:
        try:
            return json.dumps(enter(json.loads(input)))
        except Exception as error:
            raise Err(failure(error)) from error
