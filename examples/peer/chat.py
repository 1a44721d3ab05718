"""A chat server of the smallest kind: its store, and its customers' connections (docs/protocol.md)."""
import base64, contextlib, hashlib, json, secrets, sqlite3, time

from aiohttp import web

TITLE, AGENT = "Soylent", {"agent": "Pat"}


def sha256(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def digest(secret):
    return sha256(base64.urlsafe_b64decode(secret + "="))


class Desk:
    """Its only agent is a program. What it calls and does not have is in peer.py."""

    def __init__(self, path):
        self.sockets, self.db = {}, sqlite3.connect(path)
        self.db.execute("CREATE TABLE IF NOT EXISTS state (id PRIMARY KEY, json)")
        stored = self.db.execute("SELECT json FROM state").fetchone()
        new = {"key": secrets.token_hex(32), "codes": {}, "chats": [], "outbox": []}
        self.state = json.loads(stored[0]) if stored else new

    def save(self):
        """What this has returned from is on the disk: only then may what follows leave this machine."""
        with self.db:
            self.db.execute("REPLACE INTO state VALUES (1, ?)", [json.dumps(self.state)])

    def find(self, **known):
        return next((chat for chat in self.state["chats"] if known.items() <= chat.items()), None)

    def turn(self, chat, state, **members):
        chat.update(members, state=state)
        self.save()

    async def customer(self, request):
        socket = web.WebSocketResponse(protocols=["baton.v1.json"], max_msg_size=1 << 15, receive_timeout=60)
        await socket.prepare(request)
        hello, token = await socket.receive_json(timeout=5), secrets.token_urlsafe(32)
        (kind, start), = hello["start"].items()
        if kind == "claim":
            chat = await self.claim(socket, start, request.headers.get("Origin"), digest(token))
        else:
            chat, token = self.resume(start), None
        if isinstance(chat, int):
            await socket.close(code=chat)
            return socket
        old, self.sockets[chat["transfer"]] = self.sockets.get(chat["transfer"]), socket
        if old:
            await old.close(code=4409)
        await self.welcome(chat, token)
        await self.send(chat, type="entries", entries=chat["entries"][hello["last_seq"]:])
        async for message in socket:
            await self.frame(chat, message.json())
        return socket

    def resume(self, start):
        """The chat, if its customer is to be here; else the code to close with."""
        chat = self.find(token=digest(start["token"]))
        if chat and (chat["state"] == "gone" or start["epoch"] == chat["epoch"] + 1):
            return 4301
        if not chat or not self.stays(chat, start["epoch"]):
            return 4401
        self.accept(chat)  # They have stored our epoch; their word for it may have been lost.
        return chat

    async def frame(self, chat, frame):
        match frame:
            case {"type": "ping", "nonce": nonce}:
                await self.send(chat, type="pong", nonce=nonce)
            case {"type": "accept"}:
                self.accept(chat)
            case {"type": "reclaim", "epoch": epoch} if self.stays(chat, epoch):
                await self.welcome(chat)
            case {"type": "say", "id": id, "text": str(text)} if chat["state"] not in ("released", "gone"):
                known = next((entry for entry in chat["entries"] if entry["id"] == id), None)
                entry = known or self.append(chat, id, "customer", text)
                await self.send(chat, type="stored", id=id, seq=entry["seq"], at=entry["at"])
                if not known and text == "back" and chat["state"] == "accepted":
                    await self.hand_over(chat)
                elif not known:
                    await self.say(chat, f"You said: {text}")

    def append(self, chat, id, author, text):
        chat["entries"].append({"seq": len(chat["entries"]) + 1, "at": int(time.time() * 1000), "id": id,
                                "author": author, "body": {"text": text}})
        self.save()
        return chat["entries"][-1]

    def said(self, chat):
        """What was said here, as it travels to another server."""
        return [{"id": it["id"], "at": it["at"], "server": TITLE, "author": it["author"], "note": False,
                 "text": it["body"]["text"]} for it in chat["entries"]]

    async def say(self, chat, text):
        await self.send(chat, type="entries", entries=[self.append(chat, secrets.token_hex(16), AGENT, text)])

    async def welcome(self, chat, token=None):
        await self.send(chat, type="welcome", token=token, epoch=chat["epoch"], phase={"active": AGENT},
                        last_seq=len(chat["entries"]), transfer=chat["transfer"],
                        brand={"name": TITLE, "accent": "#7a5c00"})

    async def send(self, chat, **frame):
        if socket := self.sockets.get(chat["transfer"]):
            with contextlib.suppress(ConnectionError):  # They resume, and get what they missed.
                await socket.send_json({"chat": chat["transfer"], **frame})

    async def close(self, chat):
        if socket := self.sockets.pop(chat["transfer"], None):
            await socket.close(code=4301)
