"""Another company's chat server, which takes customers over from Baton and hands them back.

Written from docs/federation.md and docs/protocol.md alone, to show how little is needed. Its one agent, Pat, is a
program: it repeats what the customer says, and at the word "back" returns them to the server that they came from.

    pip install -r ../requirements.txt
    python peer.py soylent http://127.0.0.1:7301 soylent.db http://127.0.0.1:7101=SHA256:…
"""
import asyncio, hmac, logging, os, sys, time, uuid

from aiohttp import ClientError, WSMsgType, web

from signed import Denied, Signer, Store, b64, fingerprint, sha, unb64

TITLE, AGENT, LIFE = "Soylent", "Pat", 60
AREA = {"name": "desk", "title": "Desk", "agents": 1, "free_agents": 1, "waiting": 0, "wait": None,
        "share": "agents_choice"}


def now(): return int(time.time() * 1000)
def secret(): return b64(os.urandom(32))
def digest(token): return b64(sha(unb64(token)))


class Peer(Signer):
    def __init__(self, name, url, store):
        super().__init__(name, store)
        self.url, self.sockets, self.tasks = url, {}, set()

    def start(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def restore(self, _):
        """Goes on with whatever the stored states ask for."""
        await self.open()
        for incoming in self.store.all("incoming"):
            if incoming["state"] == "accepted": self.start(self.settle_there(incoming))
        for chat in self.store.all("chat"):
            if chat["way"] and chat["way"]["state"] in ("requested", "offered"): self.start(self.lapse(chat, chat["way"]))
            if chat["way"] and chat["way"]["state"] == "reclaimed": self.start(self.fence(chat, chat["way"]))

    def keep(self, *records):
        self.store.save(*((it["kind"], it["id"], it) for it in records))

    def turn(self, record, state):
        record["state"] = state
        self.keep(record)

    # -- a customer comes: what the origin calls ----------------------------------------------------------------

    async def permission(self, peer, body, _):
        if len(body["visited"]) > 16:
            raise Denied(409, "loop")
        code = secret()
        grant = {"peer": peer, "agent": body["agent"], "until": now() + LIFE * 1000, "transfer": None}
        self.store.save(("grant", digest(code), grant))
        return {"code": code, "expires_in": LIFE, "areas": [AREA]}

    async def transfers(self, peer, body, _):
        transfer, grant = body["transfer"], self.store.get(("grant", digest(body["code"])))
        known = self.store.get(("incoming", f"{peer} {transfer}"))
        if not grant or (grant["peer"], grant["agent"]) != (peer, body["agent"]) \
                or grant["transfer"] not in (None, transfer) or (not known and grant["until"] < now()):
            raise Denied(409, "denied", "the authorisation code is not valid")
        if body["area"] not in (None, AREA["name"]):
            raise Denied(409, "unknown_area")
        if known and known["state"] != "reserved":
            raise Denied(409, "denied", "this transfer is already under way or over")
        # Derived, not drawn: the same request again gets the same WTID, and only its digest is stored.
        wtid = hmac.digest(self.key.private_bytes_raw(), f"wtid {peer} {transfer}".encode(), "sha256")
        if not known:
            self.store.save(("grant", digest(body["code"]), {**grant, "transfer": transfer}))
            self.keep({"kind": "incoming", "id": f"{peer} {transfer}", "peer": peer, "transfer": transfer,
                       "state": "reserved", "chat": None, "wtid": b64(sha(wtid)), "until": now() + LIFE * 1000, "epoch": body["epoch"],
                       "challenge": body["challenge"], "context": body["context"]})
        return {"wtid": b64(wtid), "socket": self.socket(), "page": None, "expires_in": LIFE}

    async def cancel(self, peer, body, transfer):
        incoming = self.store.get(("incoming", f"{peer} {transfer}"))
        if incoming and incoming["state"] in ("reserved", "claimed"):
            self.turn(incoming, "rejected")
        elif incoming and incoming["chat"] and incoming["state"] != "fenced":
            if (body["reclaimed"] or 0) <= incoming["epoch"] + 1:
                return "arrived"
            chat = self.store["chat", incoming["chat"]]
            incoming["state"], chat["frozen"] = "fenced", True
            self.keep(incoming, chat)
            await self.close(chat["id"], 4301)
        return "cancelled"

    # -- a customer comes: what the customer does ---------------------------------------------------------------

    async def claim(self, socket, start):
        """Answers the chat, or nothing where the claim is not good."""
        incoming = next((it for it in self.store.all("incoming") if it["wtid"] == digest(start["wtid"])), None)
        good = incoming and digest(start["verifier"]) == incoming["challenge"] and start["epoch"] == incoming["epoch"]
        if not good or incoming["state"] not in ("reserved", "claimed", "active") \
                or (incoming["state"] == "reserved" and incoming["until"] < now()):
            return None
        if incoming["state"] != "active":
            self.turn(incoming, "claimed")
            await socket.send_json({"type": "arriving", "transfer": incoming["transfer"]})
            try:
                path = f"/outgoing/{incoming['transfer']}/commit"
                release = await self.insist(incoming["peer"], path, {"adopt": start["adopt"]})
            except Denied:
                if incoming["state"] == "claimed": self.turn(incoming, "rejected")
        if incoming["state"] == "claimed":  # Else taken back meanwhile, or claimed a second time.
            chat = self.begin(start["challenge"], incoming, release["tail"])
            incoming.update(state="active", chat=chat["id"])
            self.keep(incoming, chat)
        # Where the welcome was lost, the same chat again, with a new token.
        return self.store["chat", incoming["chat"]] if incoming["state"] == "active" else None

    def begin(self, challenge, incoming, tail):
        context = incoming["context"] if incoming else {"transcript": [], "visited": [], "customer": {
            "name": "", "email": "", "subject": "", "login_at": now(), "client_type": ""}}
        return {"kind": "chat", "id": uuid.uuid4().hex, "epoch": incoming["epoch"] + 1 if incoming else 1,
                "challenge": challenge, "token": None, "frozen": False, "entries": [], "way": None, "past": [],
                "context": {**context, "transcript": merged(context["transcript"], tail)},
                "from": incoming["peer"] if incoming else None, "came": incoming["transfer"] if incoming else None}

    def accept(self, chat):
        """The customer has stored the new epoch: the origin's part can end."""
        incoming = self.store["incoming", f"{chat['from']} {chat['came']}"]
        if incoming["state"] == "active":
            self.turn(incoming, "accepted")
            self.start(self.settle_there(incoming))

    async def settle_there(self, incoming):
        path = f"/outgoing/{incoming['transfer']}"
        try:
            await self.insist(incoming["peer"], path + "/settle", {"epoch": incoming["epoch"] + 1})
            await self.call(incoming["peer"], path + "/progress", {"stage": "answered", "code": None})
        except (Denied, ClientError, asyncio.TimeoutError):
            pass  # Refused for good, or a report that nothing hangs on.
        self.turn(incoming, "settled")

    # -- a customer goes: what we do ----------------------------------------------------------------------------

    async def hand_over(self, chat):
        peer, transfer = chat["from"], uuid.uuid4().hex
        way = {"transfer": transfer, "peer": peer, "state": "requested", "posted": len(chat["entries"]),
               "epoch": chat["epoch"]}
        chat["way"] = way
        self.keep(chat)
        visited = [*(chat["context"]["visited"] or [peer]), self.name]
        try:
            permission = await self.call(peer, "/permission", {"agent": AGENT, "visited": visited})
            area = permission["areas"][0]["name"] if permission["areas"] else None
            way["posted"] = len(chat["entries"])
            self.keep(chat)
            reservation = await self.call(peer, "/transfers", {
                "transfer": transfer, "code": permission["code"], "area": area, "agent": AGENT,
                "epoch": chat["epoch"], "challenge": chat["challenge"], "origins": [], "context": {
                    "origin": TITLE, "visited": visited, "agent": AGENT, "customer": chat["context"]["customer"],
                    "queue": AREA["title"], "priority": 0, "comments": "Wants to go back.", "documents": [],
                    "incomplete": False, "transcript": [*chat["context"]["transcript"], *prior(chat["entries"])]}})
            # A peer's answer leads to that peer and nowhere else.
            if reservation["socket"] != self.peers[peer]["socket"]:
                raise Denied(502, "bad_answer")
        except (Denied, ClientError, asyncio.TimeoutError, KeyError, IndexError) as error:
            return await self.abort(chat, f"That did not work: {error}")
        way["state"] = "offered"
        self.keep(chat)
        where = {"in_place": {"socket": reservation["socket"], "page": None}}
        await self.send(chat, type="offered", offer={
            "transfer": transfer, "server": peer, "title": self.peers[peer]["title"], "wtid": reservation["wtid"],
            "way": where, "expires_in": LIFE * 1000})
        self.start(self.lapse(chat, way))

    async def lapse(self, chat, way):
        await asyncio.sleep(LIFE)
        if way["state"] in ("requested", "offered"):
            await self.abort(chat, "That took too long.")

    async def abort(self, chat, why):
        """The chat is as it was, and the destination is told."""
        way, chat["way"] = chat["way"], None
        way["state"] = "aborted"
        chat["past"].append(way)
        self.keep(chat)
        await self.send(chat, type="withdrawn", transfer=way["transfer"])
        await self.answer(chat, why)
        try:
            await self.call(way["peer"], f"/transfers/{way['transfer']}/cancel", {"reclaimed": None})
        except (Denied, ClientError, asyncio.TimeoutError):
            pass  # The reservation lapses by itself.

    async def reclaim(self, chat, epoch):
        """The customer could not stay there, and is ours again."""
        way = chat["way"] or next(past for past in reversed(chat["past"]) if past["epoch"] == chat["epoch"])
        way["state"] = "reclaimed"
        chat.update(way=way, epoch=epoch, frozen=False)
        self.keep(chat)
        await self.welcome(chat)
        self.start(self.fence(chat, way))

    async def fence(self, chat, way):
        try:
            await self.insist(way["peer"], f"/transfers/{way['transfer']}/cancel", {"reclaimed": chat["epoch"]})
        except Denied:
            pass
        chat["way"] = None
        chat["past"] = [*(past for past in chat["past"] if past is not way), way]
        self.keep(chat)

    # -- a customer goes: what the destination calls ------------------------------------------------------------

    def gone(self, peer, transfer):
        for chat in self.store.all("chat"):
            for way in [chat["way"], *chat["past"]]:
                if way and (way["peer"], way["transfer"]) == (peer, transfer):
                    return chat, way
        raise Denied(404, "unknown_chat")

    async def commit(self, peer, body, transfer):
        chat, way = self.gone(peer, transfer)
        adopted = body["adopt"] and way["state"] == "aborted" and way["epoch"] == chat["epoch"] and not chat["way"]
        if way["state"] == "offered" or adopted:
            way["state"] = "released"
            chat.update(frozen=True, way=way)
            self.keep(chat)
        if way["state"] not in ("released", "settled"):
            raise Denied(409, "cancelled")
        return {"tail": prior(chat["entries"][way["posted"]:])}

    async def settle(self, peer, body, transfer):
        chat, way = self.gone(peer, transfer)
        if way["state"] not in ("released", "settled"):
            raise Denied(409, "cancelled")
        way["state"] = "settled"
        self.keep(chat)
        await self.close(chat["id"], 4301)
        return {}

    async def progress(self, peer, body, transfer):
        chat, way = self.gone(peer, transfer)
        if body["stage"] == "failed" and way["state"] == "offered":
            await self.abort(chat, "You did not arrive there.")
        return {}

    # -- the chat -----------------------------------------------------------------------------------------------

    async def hello(self, socket, frame):
        """Answers the chat of this connection, or the code to close it with."""
        (kind, start), = frame["start"].items()
        if kind == "resume":
            chat = next((it for it in self.store.all("chat") if it["token"] == digest(start["token"])), None)
            ahead = start["epoch"] - chat["epoch"] if chat else None
            if ahead == 1 or (chat and chat["way"] and chat["way"]["state"] == "settled"): return 4301
            if ahead not in (0, 2) or (ahead == 2 and not (chat["way"] or chat["past"])): return 4401
            await self.attach(chat, socket)
            if chat["came"]: self.accept(chat)  # They have stored our epoch; their word for it may have been lost.
            if ahead == 2: await self.reclaim(chat, start["epoch"])
            else: await self.welcome(chat)
        else:
            chat = await self.claim(socket, start) if kind == "claim" else self.begin(start["challenge"], None, [])
            if not chat: return 4401
            token = secret()
            chat["token"] = digest(token)
            if kind == "new": chat["context"]["customer"]["name"] = start["name"]
            self.keep(chat)
            await self.attach(chat, socket)
            await self.welcome(chat, token)
        missed = [entry for entry in chat["entries"] if entry["seq"] > frame["last_seq"]]
        if missed: await self.send(chat, type="entries", chat=chat["id"], entries=missed)
        if kind != "resume" and not chat["entries"]:
            await self.answer(chat, f"{TITLE} here, and I know {len(chat['context']['transcript'])} lines of yours.")
        return chat

    async def attach(self, chat, socket):
        old, self.sockets[chat["id"]] = self.sockets.get(chat["id"]), socket
        if old: await old.close(code=4409)

    async def welcome(self, chat, token=None):
        await self.send(chat, type="welcome", chat=chat["id"], token=token, epoch=chat["epoch"],
                        phase={"active": {"agent": AGENT}}, last_seq=len(chat["entries"]),
                        brand={"name": TITLE, "accent": "#7a5c00"}, transfer=chat["came"])

    async def send(self, chat, /, **frame):
        socket = self.sockets.get(chat["id"])
        if socket and not socket.closed:
            try: await socket.send_json(frame)
            except ConnectionError: pass  # They resume, and get what they missed.

    async def close(self, chat, code):
        if socket := self.sockets.pop(chat, None): await socket.close(code=code)

    def append(self, chat, message, author, text):
        entry = {"seq": len(chat["entries"]) + 1, "at": now(), "id": message, "author": author, "body": {"text": text}}
        chat["entries"].append(entry)
        self.keep(chat)
        return entry

    async def answer(self, chat, text):
        entry = self.append(chat, uuid.uuid4().hex, {"agent": AGENT}, text)
        await self.send(chat, type="entries", chat=chat["id"], entries=[entry])

    async def frame(self, chat, socket, frame):
        kind = frame["type"]
        if kind == "ping": await socket.send_json({"type": "pong", "nonce": frame["nonce"]})
        elif kind == "accept" and frame["transfer"] == chat["came"]: self.accept(chat)
        elif kind == "declined" and chat["way"]: await self.abort(chat, "You cannot go there.")
        elif kind == "reclaim" and frame["epoch"] == chat["epoch"] + 2 and (chat["way"] or chat["past"]):
            await self.reclaim(chat, frame["epoch"])
        elif kind == "say" and not chat["frozen"]:  # Frozen: no word, so that the customer keeps it for the next.
            entry = next((it for it in chat["entries"] if it["id"] == frame["id"]), None)
            new = entry is None
            entry = entry or self.append(chat, frame["id"], "customer", frame["text"])
            if new: await self.send(chat, type="entries", chat=chat["id"], entries=[entry])
            await socket.send_json({"type": "stored", "chat": chat["id"], "id": entry["id"], "seq": entry["seq"],
                                    "at": entry["at"]})
            if new and frame["text"] == "back" and chat["from"] and not chat["way"]: self.start(self.hand_over(chat))
            elif new: await self.answer(chat, f"You said: {frame['text']}")

    # -- HTTP ---------------------------------------------------------------------------------------------------

    def socket(self): return "ws" + self.url.removeprefix("http") + "/v1/ws"

    async def well_known(self, _):
        return web.json_response({"name": self.name, "title": TITLE, "subject": "Everything green", "versions": [1],
                                  "federation": self.url + "/federation/v1", "socket": self.socket(),
                                  "jwks": {"keys": [self.jwk]}})

    def signed(self, handler):
        async def handle(request):
            try:
                peer, body = await self.checked(request)
                answer = await handler(peer, body, request.match_info.get("id"))
                return web.json_response(answer)
            except Denied as denied:
                return web.json_response(denied.body, status=denied.status)
        return handle

    async def customer(self, request):
        socket = web.WebSocketResponse(protocols=["baton.v1.json"], max_msg_size=65536)
        await socket.prepare(request)
        if not socket.ws_protocol:
            await socket.close(code=4426)
            return socket
        try:
            chat = await self.hello(socket, await socket.receive_json(timeout=5))
            if isinstance(chat, int):
                await socket.close(code=chat)
                return socket
            while (message := await socket.receive(timeout=60)).type == WSMsgType.TEXT:
                await self.frame(self.store["chat", chat["id"]], socket, message.json())
        except (KeyError, TypeError, ValueError):
            logging.exception("a frame that makes no sense, or a defect of ours")
            await socket.close(code=4400)
        except asyncio.TimeoutError:
            await socket.close(code=4407)
        return socket


def prior(entries):
    """Entries as they travel to another server."""
    return [{"id": it["id"], "at": it["at"], "server": TITLE, "author": it["author"], "text": it["body"]["text"],
             "note": False} for it in entries]


def merged(transcript, tail):
    known = {entry["id"] for entry in transcript}
    return [*transcript, *(entry for entry in tail if entry["id"] not in known)]


async def main(name, url, database, *peers):
    peer = Peer(name, url, Store(database))
    app = web.Application(client_max_size=1 << 20)
    app.add_routes([web.get("/.well-known/baton", peer.well_known), web.get("/v1/ws", peer.customer)])
    for path, handler in {"permission": peer.permission, "transfers": peer.transfers,
                          "transfers/{id}/cancel": peer.cancel, "outgoing/{id}/commit": peer.commit,
                          "outgoing/{id}/settle": peer.settle, "outgoing/{id}/progress": peer.progress}.items():
        app.router.add_post("/federation/v1/" + path, peer.signed(handler))
    await peer.restore(app)
    for base, expected in (peer.rsplit("=", 1) for peer in peers):
        await peer.introduce(base, expected)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(url.rsplit(":", 1)[1])).start()
    print("fingerprint", fingerprint(peer.jwk), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
