"""Who is asking: signed tokens, and the person that a token names."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

TOKEN_LIFETIME_IN_SECONDS = 8 * 60 * 60


class NotSignedIn(Exception):
    """The request carries no token, or one that cannot be trusted."""


@dataclass(frozen=True)
class User:
    name: str
    roles: frozenset[str]


def _signature(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()


def issue_token(user: User, key: bytes) -> str:
    """A token that says who somebody is, for one working day."""
    claims = {
        "sub": user.name,
        "roles": sorted(user.roles),
        "exp": int(time.time()) + TOKEN_LIFETIME_IN_SECONDS,
    }
    body = urlsafe_b64encode(json.dumps(claims).encode())
    return f"{body.decode()}.{urlsafe_b64encode(_signature(body, key)).decode()}"


def read_claims(token: str, key: bytes) -> dict:
    """The claims of a token whose signature is right and whose time has not run out."""
    body, _, signature = token.partition(".")
    try:
        signed = hmac.compare_digest(urlsafe_b64decode(signature), _signature(body.encode(), key))
        claims = json.loads(urlsafe_b64decode(body)) if signed else None
    except ValueError:
        claims = None
    if claims is None or claims["exp"] < time.time():
        raise NotSignedIn("the token is not valid")
    return claims


def current_user(authorization: str, key: bytes) -> User:
    """The person whose token the `Authorization` header carries."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn("the request has no bearer token")
    claims = read_claims(token.strip(), key)
    return User(name=claims["sub"], roles=frozenset(claims.get("roles", [])))
