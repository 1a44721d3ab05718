"""Signed calls between servers (docs/federation.md, "The signature"), and the file of what must not be forgotten."""
import asyncio, base64, hashlib, itertools, json, os, random, time

import aiohttp
import jwt

TYPE, SECONDS, SKEW = "baton-federation+jwt", 60, 60


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha256(data):
    return b64(hashlib.sha256(data).digest())


def thumbprint(key):
    return sha256(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % key["x"].encode())


def fingerprint(key):
    return "SHA256:" + thumbprint(key).replace("-", "+").replace("_", "/")


class Denied(Exception):
    """An answer that is not 200: ours to a peer, or a peer's to us. No answer at all is `internal`."""

    def __init__(self, status, code, detail="", **_):
        super().__init__(f"{code} {detail}")
        self.status, self.body = status, {"code": code, "detail": detail or code.replace("_", " ")}
        self.final = code not in ("internal", "too_many_attempts", "wrong_password")


class Store(dict):
    """One JSON file. What `save` has returned from is durable: only then may what follows leave this machine."""

    def __init__(self, path, **empty):
        super().__init__(empty)
        self.path = path
        if os.path.exists(path):
            with open(path) as file:
                self.update(json.load(file))

    def save(self):
        with open(self.path + ".new", "w") as file:
            json.dump(self, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)


class Signer:
    """This server's key and its peers' pinned ones, and calls in both directions."""

    def __init__(self, name, store):
        self.name, self.store = name, store
        seed = bytes.fromhex(store.setdefault("seed", os.urandom(32).hex()))
        self.key = jwt.algorithms.Ed25519PrivateKey.from_private_bytes(seed)
        self.jwk = jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.jwk["kid"] = thumbprint(self.jwk)
        store.save()

    async def introduce(self, base, expected):
        """Pins the peer at this address, whose operator has told ours its fingerprint."""
        async with self.http.get(base + "/.well-known/baton") as answer:
            peer = await answer.json()
        keys = {thumbprint(key): key for key in peer["jwks"]["keys"] if fingerprint(key) == expected}
        assert keys and 1 in peer["versions"], f"{base} is not the server with the key {expected}"
        self.store["peers"][peer["name"]] = {**peer, "base": base, "keys": keys}
        self.store.save()

    async def call(self, peer, path, body):
        path, data, at = "/federation/v1" + path, json.dumps(body).encode(), int(time.time())
        claims = {"iss": self.name, "aud": peer, "htm": "POST", "htu": path, "body": sha256(data),
                  "iat": at, "exp": at + SECONDS, "jti": os.urandom(16).hex()}
        token = jwt.encode(claims, self.key, "EdDSA", {"typ": TYPE, "kid": self.jwk["kid"]})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = self.store["peers"][peer]["base"] + path
        try:
            async with self.http.post(url, data=data, headers=headers, allow_redirects=False) as answer:
                status, body = answer.status, await answer.json()
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
            status, body = 502, {"code": "internal", "detail": f"{peer} does not answer"}
        if status != 200:
            raise Denied(status, **body)
        return body

    async def insist(self, *call):
        """Repeats a call until it is answered: after 250 ms, doubling to 5 s, up to half of it left to chance."""
        for attempt in itertools.count():
            try:
                return await self.call(*call)
            except Denied as denied:
                if denied.final:
                    raise
            await asyncio.sleep(min(0.25 * 2 ** min(attempt, 5), 5) * random.uniform(0.5, 1))

    async def check(self, request):
        """Who has signed this request, and its body. The one refusal does not say what is wrong."""
        data, token = await request.read(), request.headers.get("Authorization", "").removeprefix("Bearer ")
        meant = {"htm": request.method, "htu": request.path, "body": sha256(data)}
        try:
            head = jwt.get_unverified_header(token)
            peer = jwt.decode(token, options={"verify_signature": False})["iss"]
            key = jwt.PyJWK(self.store["peers"][peer]["keys"][head["kid"]])
            claims = jwt.decode(token, key, ["EdDSA"], audience=self.name, leeway=SKEW,
                                options={"require": ["iss", "aud", "iat", "exp", "jti"]})
            assert head["typ"] == TYPE and "crit" not in head and meant.items() <= claims.items()
            assert claims["exp"] - claims["iat"] <= SECONDS and len(claims["jti"]) <= 128
            now, jti = time.time(), f"{peer} {claims['jti']}"
            assert jti not in self.store["seen"]
        except (jwt.PyJWTError, KeyError, AssertionError, TypeError, ValueError):
            raise Denied(401, "wrong_password", "this request is not authorised") from None
        seen = {old: until for old, until in self.store["seen"].items() if until > now}
        self.store["seen"] = {**seen, jti: claims["exp"] + SKEW + 1}
        self.store.save()
        return peer, json.loads(data)
