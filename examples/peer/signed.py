"""Keys, signed calls, and a store: what both sides of a transfer need."""
import asyncio, base64, hashlib, json, os, random, sqlite3, time

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from yarl import URL

JWT_TYPE, JWT_SECONDS = "baton-federation+jwt", 60


def b64(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
def unb64(text): return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def sha(data): return hashlib.sha256(data).digest()
def thumbprint(key): return sha(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % key["x"].encode())
def fingerprint(key): return "SHA256:" + base64.b64encode(thumbprint(key)).rstrip(b"=").decode()


class Denied(Exception):
    """An answer that is not 200, ours or a peer's."""
    def __init__(self, status, code, detail=""):
        super().__init__(f"{status} {code} {detail}")
        self.status, self.body = status, {"code": code, "detail": detail or code.replace("_", " ")}

    def is_final(self):
        return self.body["code"] not in ("internal", "too_many_attempts", "wrong_password")


class Store(dict):
    """Records by (kind, id). What `save` returns from is durable: only then may what follows leave this machine."""
    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                              "CREATE TABLE IF NOT EXISTS record (kind, id, json, PRIMARY KEY (kind, id));"
                              "CREATE TABLE IF NOT EXISTS seen (jti PRIMARY KEY, until);")
        super().__init__({(k, i): json.loads(j) for k, i, j in self.db.execute("SELECT * FROM record")})

    def save(self, *records):
        with self.db:
            for kind, key, value in records:
                self[kind, key] = value
                self.db.execute("REPLACE INTO record VALUES (?, ?, ?)", (kind, key, json.dumps(value)))

    def use_once(self, jti, until):
        with self.db:
            self.db.execute("DELETE FROM seen WHERE until < ?", (time.time(),))
            return self.db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (jti, until)).rowcount == 1

    def all(self, kind): return [value for (k, _), value in self.items() if k == kind]


class Signer:
    """This server's key, and its peers' pinned ones."""
    def __init__(self, name, store):
        self.name, self.store, self.peers = name, store, {}
        seed = store.setdefault(("key", ""), b64(os.urandom(32)))
        store.save(("key", "", seed))
        self.key = Ed25519PrivateKey.from_private_bytes(unb64(seed))
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(self.key.public_key().public_bytes_raw())}
        self.jwk["kid"] = b64(thumbprint(self.jwk))

    async def open(self):
        limits = aiohttp.ClientTimeout(total=5, connect=2)
        self.http = aiohttp.ClientSession(timeout=limits)

    async def introduce(self, base, expected):
        """Pins the peer at this address, whose operator told ours its fingerprint."""
        async with self.http.get(base + "/.well-known/baton") as answer:
            peer = await answer.json()
        keys = [key for key in peer["jwks"]["keys"] if fingerprint(key) == expected]
        assert keys and 1 in peer["versions"], f"{base} is not the server with the key {expected}"
        pinned = {b64(thumbprint(key)): Ed25519PublicKey.from_public_bytes(unb64(key["x"])) for key in keys}
        self.peers[peer["name"]] = {**peer, "pinned": pinned, "calls": base + "/federation/v1"}

    async def call(self, peer, path, body):
        url, data, at = URL(self.peers[peer]["calls"] + path), json.dumps(body).encode(), int(time.time())
        claims = {"iss": self.name, "aud": peer, "htm": "POST", "htu": url.path, "body": b64(sha(data)),
                  "iat": at, "exp": at + JWT_SECONDS, "jti": b64(os.urandom(16))}
        token = jwt.encode(claims, self.key, "EdDSA", {"typ": JWT_TYPE, "kid": self.jwk["kid"]})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self.http.post(url, data=data, headers=headers, allow_redirects=False) as answer:
            if answer.status == 200:
                return await answer.json()
            if answer.status >= 500:
                raise Denied(answer.status, "internal")
            denial = await answer.json()
            raise Denied(answer.status, denial["code"], denial["detail"])

    async def insist(self, peer, path, body):
        """Repeats a call until it is answered: after 250 ms, doubling to 5 s, up to half of it left to chance."""
        wait = 0.25
        while True:
            try:
                return await self.call(peer, path, body)
            except Denied as denied:
                if denied.is_final():
                    raise
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
                pass
            await asyncio.sleep(wait * random.uniform(0.5, 1))
            wait = min(2 * wait, 5)

    async def checked(self, request):
        """Who signed this request, and its body. The one refusal does not say what was wrong."""
        data, token = await request.read(), request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            head = jwt.get_unverified_header(token)
            peer = jwt.decode(token, options={"verify_signature": False})["iss"]
            assert head["typ"] == JWT_TYPE and "crit" not in head
            claims = jwt.decode(token, self.peers[peer]["pinned"][head["kid"]], ["EdDSA"], audience=self.name,
                                leeway=60, options={"require": ["iss", "aud", "iat", "exp", "jti"]})
            assert claims["exp"] - claims["iat"] <= JWT_SECONDS and 0 < len(claims["jti"]) <= 128
            assert (claims["htm"], claims["htu"], claims["body"]) == (request.method, request.path, b64(sha(data)))
            assert self.store.use_once(f"{peer} {claims['jti']}", claims["exp"] + 61)
        except (jwt.PyJWTError, KeyError, AssertionError, TypeError, ValueError):
            raise Denied(401, "wrong_password", "this request is not authorised") from None
        return peer, json.loads(data)
