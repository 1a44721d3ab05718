"""Another company's chat server, which takes customers over from Baton and hands them back.

Written from docs/federation.md and docs/protocol.md alone, to show how little is needed. Its one agent, Pat, is a
program: it repeats what the customer says, and at the word "back" returns them to the server that they came from.

    pip install -r ../requirements.txt
    python peer.py soylent http://127.0.0.1:7301 soylent.json http://127.0.0.1:7101=SHA256:…
"""
import asyncio, contextlib, hmac, os, sys, time, uuid

import aiohttp
from aiohttp import web

from chat import AGENT, TITLE, Desk, digest, ways
from signed import Denied, Signer, Store, b64, fingerprint

LIFE = 60
AREA = {"name": "desk", "title": "Desk", "agents": 1, "free_agents": 1, "waiting": 0, "wait": None,
        "share": "agents_choice"}


def prior(entries):
    """Entries as they travel to another server."""
    return [{"id": it["id"], "at": it["at"], "server": TITLE, "author": it["author"], "text": it["body"]["text"],
             "note": False} for it in entries]


class Peer(Signer, Desk):
    """A chat is a transfer to us: reserved, claimed, active, accepted, settled; or rejected, fenced. Its `ways` are
    transfers from us: requested, offered, released, settled; or aborted, reclaimed, fenced."""

    def __init__(self, name, url, path):
        super().__init__(name, Store(path, peers={}, seen={}, grants={}, chats={}))
        self.url, self.socket, self.sockets, self.tasks = url, "ws" + url.removeprefix("http") + "/v1/ws", {}, set()

    def turn(self, transfer, state):
        transfer["state"] = state
        self.store.save()

    def start(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)  # Else it may be collected while it runs.
        task.add_done_callback(self.tasks.discard)

    def restore(self):
        """Goes on with what the stored states ask for. The rest waits for the customer, or for the peer."""
        for chat in self.store["chats"].values():
            if chat["state"] == "accepted":
                self.start(self.settle_there(chat))
            for way in chat["ways"]:
                if way["state"] == "reclaimed":
                    self.start(self.fence(way))

    # -- a customer comes: what the origin calls ----------------------------------------------------------------

    async def permission(self, peer, body, _):
        if len(body["visited"]) > 16:
            raise Denied(409, "loop")
        code = b64(os.urandom(32))
        grant = {"peer": peer, "agent": body["agent"], "until": time.time() + LIFE, "for": None}
        self.store["grants"][digest(code)] = grant
        self.store.save()
        return {"code": code, "expires_in": LIFE, "areas": [AREA]}

    async def transfers(self, peer, body, _):
        id, grant = f"{peer} {body['transfer']}", self.store["grants"].get(digest(body["code"]))
        known = self.store["chats"].get(id)
        if not grant or (grant["peer"], grant["agent"]) != (peer, body["agent"]) or grant["for"] not in (None, id) \
                or not known and grant["until"] < time.time():
            raise Denied(409, "denied", "the authorisation code is not valid")
        if known and known["state"] != "reserved":
            raise Denied(409, "denied", "this transfer is under way, or over")
        if body["area"] not in (None, AREA["name"]):
            raise Denied(409, "unknown_area")
        # Derived, not drawn: the same request again gets the same WTID, and only its digest is stored.
        wtid = b64(hmac.digest(self.key.private_bytes_raw(), f"wtid {id}".encode(), "sha256"))
        if not known:
            grant["for"] = id
            posted = {key: body[key] for key in ("transfer", "epoch", "challenge", "context")}
            chat = {**posted, "id": uuid.uuid4().hex, "peer": peer, "wtid": digest(wtid), "token": None,
                    "until": time.time() + LIFE, "entries": [], "ways": []}
            self.store["chats"][id] = chat
            self.turn(chat, "reserved")
        return {"wtid": wtid, "socket": self.socket, "page": None, "expires_in": LIFE}

    async def cancel(self, peer, body, transfer):
        chat = self.store["chats"].get(f"{peer} {transfer}")
        if chat and chat["state"] in ("reserved", "claimed"):
            self.turn(chat, "rejected")
        elif chat and chat["state"] in ("active", "accepted", "settled"):
            if (body["reclaimed"] or 0) <= chat["epoch"]:
                return "arrived"
            self.turn(chat, "fenced")
            await self.close(chat, 4301)
        return "cancelled"

    # -- a customer comes: what the customer does ---------------------------------------------------------------

    async def claim(self, socket, start):
        """The chat of this claim, or nothing where it is not good, whatever is wrong with it."""
        chat = next((it for it in self.store["chats"].values() if it["wtid"] == digest(start["wtid"])), None)
        if not chat or chat["state"] == "reserved" and chat["until"] < time.time():
            return None
        proof = [digest(start["verifier"]), start["epoch"]]
        if chat["state"] == "active" and proof == chat["claimed"]:
            return chat  # The welcome was lost.
        if chat["state"] not in ("reserved", "claimed") or proof != [chat["challenge"], chat["epoch"]]:
            return None
        self.turn(chat, "claimed")
        await socket.send_json({"type": "arriving", "transfer": chat["transfer"]})
        try:
            path = f"/outgoing/{chat['transfer']}/commit"
            tail = (await self.insist(chat["peer"], path, {"adopt": start["adopt"]}))["tail"]
        except Denied:
            if chat["state"] == "claimed":
                self.turn(chat, "rejected")
        if chat["state"] == "claimed":  # Else it was taken back meanwhile, or claimed a second time.
            transcript = chat["context"]["transcript"]
            known = {entry["id"] for entry in transcript}
            transcript += [entry for entry in tail if entry["id"] not in known]
            chat.update(claimed=proof, epoch=chat["epoch"] + 1, challenge=start["challenge"])
            self.turn(chat, "active")
        return chat if chat["state"] == "active" else None

    def accept(self, chat):
        """The customer has stored our epoch: the origin's part can end."""
        if chat["state"] == "active":
            self.turn(chat, "accepted")
            self.start(self.settle_there(chat))

    async def settle_there(self, chat):
        path, epoch = f"/outgoing/{chat['transfer']}", chat["claimed"][1] + 1
        with contextlib.suppress(Denied):  # Refused for good, or a report that nothing hangs on.
            await self.insist(chat["peer"], path + "/settle", {"epoch": epoch})
            await self.call(chat["peer"], path + "/progress", {"stage": "answered", "code": None})
        if chat["state"] == "accepted":
            self.turn(chat, "settled")

    # -- a customer goes: what we do ----------------------------------------------------------------------------

    async def hand_over(self, chat):
        peer, context = chat["peer"], chat["context"]
        way = {"peer": peer, "transfer": uuid.uuid4().hex, "epoch": chat["epoch"], "posted": 0,
               "until": time.time() + LIFE}
        chat["ways"].append(way)
        self.turn(way, "requested")
        visited = [*context["visited"], self.name]
        try:
            permission = await self.call(peer, "/permission", {"agent": AGENT, "visited": visited})
            way["posted"] = len(chat["entries"])
            self.store.save()
            reservation = await self.call(peer, "/transfers", {
                "transfer": way["transfer"], "code": permission["code"], "agent": AGENT, "epoch": way["epoch"],
                "area": permission["areas"][0]["name"] if permission["areas"] else None,
                "challenge": chat["challenge"], "origins": [], "context": {
                    **context, "origin": TITLE, "visited": visited, "agent": AGENT, "queue": AREA["title"],
                    "comments": "Wants to go back.", "documents": [],
                    "transcript": context["transcript"] + prior(chat["entries"])}})
            # A peer's answer leads to that peer and nowhere else.
            if reservation["socket"] != self.store["peers"][peer]["socket"]:
                raise Denied(502, "bad_answer")
        except Denied as denied:
            self.turn(way, "aborted")
            return await self.say(chat, f"That did not work: {denied}")
        self.turn(way, "offered")
        await self.send(chat, type="offered", offer={
            "transfer": way["transfer"], "server": peer, "title": self.store["peers"][peer]["title"],
            "wtid": reservation["wtid"], "way": {"in_place": {"socket": reservation["socket"], "page": None}},
            "expires_in": LIFE * 1000})

    def reclaim(self, chat):
        """The customer could not stay there and is ours again, two epochs on; the destinations have to know."""
        for way in ways(chat, "offered", "released", "aborted"):
            way["state"] = "reclaimed"
            self.start(self.fence(way))
        chat["epoch"] += 2
        self.store.save()

    async def fence(self, way):
        with contextlib.suppress(Denied):
            await self.insist(way["peer"], f"/transfers/{way['transfer']}/cancel", {"reclaimed": way["epoch"] + 2})
        self.turn(way, "fenced")

    # -- a customer goes: what the destination calls ------------------------------------------------------------

    def way(self, peer, transfer):
        for chat in self.store["chats"].values():
            for way in chat["ways"]:
                if (way["peer"], way["transfer"]) == (peer, transfer):
                    return chat, way
        raise Denied(404, "unknown_chat")

    async def commit(self, peer, body, transfer):
        chat, way = self.way(peer, transfer)
        if way["state"] == "offered" and way["until"] < time.time():
            self.turn(way, "aborted")
        adopts = body["adopt"] and way in ways(chat, "aborted") and not ways(chat, "released", "settled")
        if way["state"] == "offered" or adopts:
            self.turn(way, "released")
        if way["state"] not in ("released", "settled"):
            raise Denied(409, "cancelled")
        return {"tail": prior(chat["entries"][way["posted"]:])}

    async def settle(self, peer, body, transfer):
        chat, way = self.way(peer, transfer)
        if way["state"] not in ("released", "settled"):
            raise Denied(409, "cancelled")
        self.turn(way, "settled")
        await self.close(chat, 4301)
        return {}

    async def progress(self, peer, body, transfer):
        return {}  # Pat does not look.

    # -- HTTP ---------------------------------------------------------------------------------------------------

    async def introduction(self, _):
        return web.json_response({"name": self.name, "title": TITLE, "subject": "Everything green", "versions": [1],
                                  "federation": self.url + "/federation/v1", "socket": self.socket,
                                  "jwks": {"keys": [self.jwk]}})

    def signed(self, handler):
        async def handle(request):
            try:
                peer, body = await self.check(request)
                return web.json_response(await handler(peer, body, request.match_info.get("id")))
            except Denied as denied:
                return web.json_response(denied.body, status=denied.status)
        return handle


async def main(name, url, path, *known):
    os.umask(0o077)  # The key is in the file.
    peer = Peer(name, url, path)
    app = web.Application(client_max_size=1 << 20)
    app.add_routes([web.get("/.well-known/baton", peer.introduction), web.get("/v1/ws", peer.customer)])
    for call, handler in {"permission": peer.permission, "transfers": peer.transfers,
                          "transfers/{id}/cancel": peer.cancel, "outgoing/{id}/commit": peer.commit,
                          "outgoing/{id}/settle": peer.settle, "outgoing/{id}/progress": peer.progress}.items():
        app.router.add_post("/federation/v1/" + call, peer.signed(handler))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5, connect=2)) as peer.http:
        pinned = [known["base"] for known in peer.store["peers"].values()]
        for base, expected in (words.rsplit("=", 1) for words in known):
            if base not in pinned:
                await peer.introduce(base, expected)
        peer.restore()
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(url.rsplit(":", 1)[1])).start()
        print("fingerprint", fingerprint(peer.jwk), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
