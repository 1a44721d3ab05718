"""Another company's chat server, which takes customers over from Baton and hands them back.

Written from docs/federation.md and docs/protocol.md alone, to show how little is needed. Its one agent, Pat,
is a program: it repeats what they say, and at the word "back" returns them to the server that they came from.
"""
import asyncio, json, os, secrets, sqlite3, sys, time, urllib.parse, urllib.request

import aiohttp
import jwt
from aiohttp import web

from chat import AGENT, TITLE, Desk, digest, sha256

BASE, TYPE, LIFE, SKEW, LARGEST = "/federation/v1", "baton-federation+jwt", 60, 60, 1 << 20
FINAL = (200, 400, 404, 409)


def thumbprint(key):
    return sha256(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % key["x"].encode())


def fingerprint(key):
    return "SHA256:" + thumbprint(key).replace("-", "+").replace("_", "/")


def denied(code, kind=web.HTTPConflict):
    body = {"code": code, "detail": code.replace("_", " ")}
    return kind(text=json.dumps(body), content_type="application/json")


class Peer(Desk):
    """A chat is reserved, claimed, active, accepted; then offered to where it came from, released, gone."""

    def __init__(self, name, url, path, known):
        super().__init__(path)
        self.base, expected = known.rsplit("=", 1)
        if "other" not in self.state:
            with urllib.request.urlopen(self.base + "/.well-known/baton", timeout=5) as answer:
                self.state["other"] = json.load(answer)
        self.name, self.other = name, self.state["other"]
        keys = [jwt.PyJWK(key) for key in self.other["jwks"]["keys"] if fingerprint(key) == expected]
        if not keys or not self.base.startswith(("https://", "http://127.0.0.1:")):
            raise SystemExit(f"{self.base} has not the key {expected}, or no TLS")
        self.pinned = keys[0]
        self.key = jwt.algorithms.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.state["key"]))
        jwk = jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.me = {"name": name, "title": TITLE, "subject": "Everything green", "versions": [1],
                   "federation": url + BASE, "socket": url.replace("http", "ws", 1) + "/v1/ws",
                   "jwks": {"keys": [{**jwk, "kid": thumbprint(jwk)}]}}
        self.db.execute("CREATE TABLE IF NOT EXISTS seen (jti PRIMARY KEY, until)")
        self.save()

    # Signed calls, both ways.

    def signed(self, handler):
        """Lets in what the pinned key has signed, once. The one refusal does not say what is wrong."""
        async def handle(request):
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            data, now = await request.read(), time.time()
            meant = {"iss": self.other["name"], "aud": self.name,
                     "htm": request.method, "htu": request.path, "body": sha256(data)}
            options = {"require": ["iat", "exp", "jti"], "verify_aud": False}
            try:
                signed = jwt.decode_complete(token, self.pinned, ["EdDSA"], options, leeway=SKEW)
                head, claims = signed["header"], signed["payload"]
                if head["typ"] != TYPE or "crit" in head or not meant.items() <= claims.items() \
                        or claims["exp"] - claims["iat"] > LIFE or len(claims["jti"]) > 128:
                    raise ValueError("signed for something else, or for too long")
                with self.db:  # The table refuses a `jti` that it has.
                    self.db.execute("DELETE FROM seen WHERE until < ?", [now - SKEW - 1])
                    self.db.execute("INSERT INTO seen VALUES (?, ?)", [claims["jti"], claims["exp"]])
            except (jwt.PyJWTError, sqlite3.IntegrityError, KeyError, TypeError, ValueError):
                raise denied("wrong_password", web.HTTPUnauthorized) from None
            return web.json_response(await handler(json.loads(data), **request.match_info))
        return handle

    async def call(self, path, body):
        """The status and the answer; 502 where there is none."""
        data, now, received = json.dumps(body).encode(), int(time.time()), b""
        claims = {"iss": self.name, "aud": self.other["name"], "htm": "POST", "htu": BASE + path,
                  "body": sha256(data), "iat": now, "exp": now + LIFE, "jti": secrets.token_hex(16)}
        token = jwt.encode(claims, self.key, "EdDSA", {"typ": TYPE, "kid": self.me["jwks"]["keys"][0]["kid"]})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            request = self.http.post(BASE + path, data=data, headers=headers, allow_redirects=False)
            async with request as answer:
                while len(received) <= LARGEST and (part := await answer.content.readany()):
                    received += part
                return answer.status, json.loads(received)
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
            return 502, {"detail": "no answer"}

    async def deliver(self):
        """Repeats the calls that must be answered until they are, also after a restart."""
        while True:
            for call in [*self.state["outbox"]]:
                if (await self.call(*call))[0] in FINAL:
                    self.state["outbox"].remove(call)
                    self.save()
            await asyncio.sleep(0.5)

    # A customer comes.

    async def permission(self, body):
        code, now = secrets.token_urlsafe(32), time.time()
        standing = {old: grant for old, grant in self.state["codes"].items() if grant[1] > now}
        self.state["codes"] = {**standing, digest(code): (body["agent"], now + LIFE)}
        self.save()
        return {"code": code, "expires_in": LIFE, "areas": None}

    async def transfers(self, body):
        agent, until = self.state["codes"].pop(digest(body["code"]), (None, 0))
        if agent != body["agent"] or until < time.time() or self.find(transfer=body["transfer"]):
            raise denied("denied")
        wtid, posted = secrets.token_urlsafe(32), ("transfer", "epoch", "challenge", "origins", "context")
        chat = {member: body[member] for member in posted}
        self.state["chats"].append(chat)
        self.turn(chat, "reserved", wtid=digest(wtid), proof=[body["epoch"], body["challenge"]],
                  until=time.time() + LIFE, entries=[], token=None, out=None)
        return {"wtid": wtid, "socket": self.me["socket"], "page": None, "expires_in": LIFE}

    async def cancel(self, body, id):
        chat = self.find(transfer=id)
        here = chat and chat["state"] not in ("reserved", "claimed", "gone")
        if here and (body["reclaimed"] or 0) <= chat["epoch"]:
            return "arrived"
        if chat:
            self.turn(chat, "gone")
            await self.close(chat)
        return "cancelled"

    async def claim(self, socket, start, origin, token):
        chat = self.find(wtid=digest(start["wtid"]), proof=[start["epoch"], digest(start["verifier"])])
        if not chat or chat["state"] not in ("reserved", "claimed", "active") \
                or chat["state"] == "reserved" and chat["until"] < time.time() \
                or origin not in (None, *chat["origins"]):
            return 4401
        if chat["state"] == "reserved":
            self.turn(chat, "claimed")
        await socket.send_json({"type": "arriving", "transfer": chat["transfer"]})
        commit = f"/outgoing/{chat['transfer']}/commit", {"adopt": start["adopt"]}
        while (answer := await self.call(*commit))[0] not in FINAL:
            await asyncio.sleep(0.5)
        if answer[0] != 200 or chat["state"] not in ("claimed", "active"):  # Refused, or taken back.
            return 4401
        transcript = chat["context"]["transcript"]
        known = {entry["id"] for entry in transcript}
        transcript += [entry for entry in answer[1]["tail"] if entry["id"] not in known]
        self.turn(chat, "active", epoch=start["epoch"] + 1, challenge=start["challenge"], token=token)
        if not chat["entries"]:
            self.append(chat, secrets.token_hex(16), AGENT,
                        f"{TITLE} here, and I know {len(transcript)} lines of yours.")
        return chat

    def accept(self, chat):
        """The customer has stored our epoch: the other side's part can end."""
        if chat["state"] == "active":
            outgoing = f"/outgoing/{chat['transfer']}"
            self.state["outbox"] += [[outgoing + "/settle", {"epoch": chat["epoch"]}],
                                     [outgoing + "/progress", {"stage": "answered", "code": None}]]
            self.turn(chat, "accepted")

    # A customer goes.

    async def hand_over(self, chat):
        transfer, posted, context = secrets.token_hex(16), len(chat["entries"]), chat["context"]
        context = {**context, **AGENT, "origin": TITLE, "visited": [*context["visited"], self.name],
                   "transcript": context["transcript"] + self.said(chat), "documents": [],
                   "comments": "Wants to go back."}
        status, answer = await self.call("/permission", {**AGENT, "visited": context["visited"]})
        if status == 200:
            area = answer["areas"][0]["name"] if answer["areas"] else None
            status, answer = await self.call("/transfers", {
                **AGENT, "transfer": transfer, "code": answer["code"], "area": area, "epoch": chat["epoch"],
                "challenge": chat["challenge"], "origins": chat["origins"], "context": context})
        # The answer leads to the other side and nowhere else.
        if status != 200 or not answer["socket"].startswith(self.other["socket"]):
            return await self.say(chat, f"That did not work: {answer.get('detail', 'a strange answer')}")
        self.turn(chat, "offered", out=transfer, posted=posted, until=time.time() + LIFE)
        way = {"in_place": {"socket": answer["socket"], "page": None}}
        await self.send(chat, type="offered", offer={
            "transfer": transfer, "server": self.other["name"], "title": self.other["title"],
            "wtid": answer["wtid"], "way": way, "expires_in": LIFE * 1000})

    async def commit(self, body, id):
        chat = self.find(out=id)
        if chat and chat["state"] == "offered" and (chat["until"] > time.time() or body["adopt"]):
            self.turn(chat, "released")
        if not chat or chat["state"] not in ("released", "gone"):
            raise denied("cancelled")
        return {"tail": self.said(chat)[chat["posted"]:]}

    async def settle(self, body, id):
        chat = self.find(out=id)
        if not chat or chat["state"] not in ("released", "gone"):
            raise denied("cancelled")
        self.turn(chat, "gone")
        await self.close(chat)
        return {}

    def stays(self, chat, epoch):
        """Whether this is the customer's epoch. Two ahead, they are back, and the other side must hear it."""
        if epoch == chat["epoch"] + 2 and chat["state"] in ("offered", "released"):
            self.state["outbox"].append([f"/transfers/{chat['out']}/cancel", {"reclaimed": epoch}])
            self.turn(chat, "accepted", epoch=epoch, out=None)
        return epoch == chat["epoch"]

    async def introduction(self, _):
        return web.json_response(self.me)

    async def app(self):
        self.http = aiohttp.ClientSession(self.base, timeout=aiohttp.ClientTimeout(total=5, connect=2))
        self.delivery = asyncio.create_task(self.deliver())
        app = web.Application(client_max_size=LARGEST)
        app.add_routes([
            web.get("/.well-known/baton", self.introduction), web.get("/v1/ws", self.customer),
            web.post(BASE + "/permission", self.signed(self.permission)),
            web.post(BASE + "/transfers", self.signed(self.transfers)),
            web.post(BASE + "/transfers/{id}/cancel", self.signed(self.cancel)),
            web.post(BASE + "/outgoing/{id}/commit", self.signed(self.commit)),
            web.post(BASE + "/outgoing/{id}/settle", self.signed(self.settle))])
        return app


if __name__ == "__main__":
    os.umask(0o077)  # The key is in the file.
    peer = Peer(*sys.argv[1:])
    web.run_app(peer.app(), host="127.0.0.1", port=urllib.parse.urlsplit(sys.argv[2]).port,
                print=lambda _: print("fingerprint", fingerprint(peer.me["jwks"]["keys"][0]), flush=True))
