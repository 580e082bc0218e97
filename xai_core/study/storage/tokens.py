"""Secrets that let their holder in: 128 random bits, of which only the hash is stored."""

from __future__ import annotations

import base64
import hashlib
import secrets

_BYTES = 17  # the first sign is not free, and 128 bits are to stay
# Without vowels, so that no word appears, and without characters that look like another.
_LETTERS = "bcdfghjkmnpqrstvwxz23456789"
_SLUG_LENGTH = 10


def new_token() -> str:
    """A secret of at least 128 random bits, 23 characters that need no quoting in an address.

    It never begins with a hyphen: a command line would take it for an option.
    """
    while (token := secrets.token_urlsafe(_BYTES)).startswith("-"):
        pass
    return token


def derived_token(*parts: str) -> str:
    """A secret of the same form that follows from others: whoever has them has it again."""
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).digest()
    token = base64.urlsafe_b64encode(digest[:_BYTES]).decode().rstrip("=")
    return derived_token(token, *parts) if token.startswith("-") else token


def token_hash(token: str) -> str:
    """What is stored of a secret: its SHA-256 as 64 hexadecimal digits.

    A plain hash is enough: 128 random bits cannot be guessed, however fast the hash.
    """
    return hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).hexdigest()


def new_slug() -> str:
    """A study's name in addresses: random, because a telling one would tell participants."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_SLUG_LENGTH))
