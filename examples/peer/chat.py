"""Pat's chats with customers: what a chat server has anyway, as docs/protocol.md has it."""
import asyncio, base64, contextlib, logging, os, time, uuid

import aiohttp
from aiohttp import web

from signed import b64, sha256

TITLE, AGENT = "Soylent", "Pat"


def digest(secret):
    return sha256(base64.urlsafe_b64decode((secret or "") + "="))


def ways(chat, *states):
    """The chat's transfers to elsewhere, from the customer's present epoch, that are in one of these states."""
    return [way for way in chat["ways"] if way["epoch"] == chat["epoch"] and way["state"] in states]


class Desk:
    """Connections of customers. `peer.py` has the rest: `claim`, `accept`, `reclaim`, `hand_over`, `start`, `store`."""

    async def hello(self, socket, frame):
        """The chat of this connection, or the code to close it with."""
        (kind, start), = frame["start"].items()
        if kind == "claim":
            chat, token = await self.claim(socket, start), b64(os.urandom(32))
            if not chat:
                return 4401
            chat["token"] = digest(token)
            self.store.save()
        else:
            token = digest(start.get("token"))
            chat, token = next((it for it in self.store["chats"].values() if it["token"] == token), None), None
            ahead = start["epoch"] - chat["epoch"] if chat else None
            if ahead == 1 or chat and (chat["state"] == "fenced" or ways(chat, "settled")):
                return 4301
            if ahead == 2 and ways(chat, "offered", "released", "aborted"):
                self.reclaim(chat)
            elif ahead != 0:
                return 4401
            self.accept(chat)  # They have stored our epoch; their word for it may have been lost.
        old, self.sockets[chat["id"]] = self.sockets.get(chat["id"]), socket
        if old:
            await old.close(code=4409)
        await self.welcome(chat, token)
        if not chat["entries"]:
            await self.say(chat, f"{TITLE} here, and I know {len(chat['context']['transcript'])} lines of yours.")
        else:
            await self.send(chat, type="entries", chat=chat["id"], entries=chat["entries"][frame["last_seq"]:])
        return chat

    async def frame(self, chat, socket, frame):
        frozen = chat["state"] == "fenced" or ways(chat, "released", "settled")
        if frame["type"] == "ping":
            await socket.send_json({"type": "pong", "nonce": frame["nonce"]})
        elif frame["type"] == "accept":
            self.accept(chat)
        elif frame["type"] == "reclaim" and frame["epoch"] == chat["epoch"] + 2:
            self.reclaim(chat)
            await self.welcome(chat)
        elif frame["type"] == "say" and not frozen:  # Frozen: no word, and the customer keeps it for the next.
            known = next((entry for entry in chat["entries"] if entry["id"] == frame["id"]), None)
            entry = known or self.append(chat, frame["id"], "customer", frame["text"])
            await socket.send_json({"type": "stored", "chat": chat["id"], **{k: entry[k] for k in ("id", "seq", "at")}})
            if not known and frame["text"] == "back" and not ways(chat, "requested", "offered"):
                self.start(self.hand_over(chat))
            elif not known:
                await self.say(chat, f"You said: {frame['text']}")

    def append(self, chat, id, author, text):
        entry = {"seq": len(chat["entries"]) + 1, "at": int(time.time() * 1000), "id": id, "author": author,
                 "body": {"text": text}}
        chat["entries"].append(entry)
        self.store.save()
        return entry

    async def say(self, chat, text):
        entry = self.append(chat, uuid.uuid4().hex, {"agent": AGENT}, text)
        await self.send(chat, type="entries", chat=chat["id"], entries=[entry])

    async def welcome(self, chat, token=None):
        await self.send(chat, type="welcome", chat=chat["id"], token=token, epoch=chat["epoch"],
                        phase={"active": {"agent": AGENT}}, last_seq=len(chat["entries"]),
                        brand={"name": TITLE, "accent": "#7a5c00"}, transfer=chat["transfer"])

    async def send(self, chat, /, **frame):
        if socket := self.sockets.get(chat["id"]):
            with contextlib.suppress(ConnectionError):  # They resume, and get what they missed.
                await socket.send_json(frame)

    async def close(self, chat, code):
        if socket := self.sockets.pop(chat["id"], None):
            await socket.close(code=code)

    async def customer(self, request):
        socket = web.WebSocketResponse(protocols=["baton.v1.json"], max_msg_size=65536)
        await socket.prepare(request)
        try:
            chat = await self.hello(socket, await socket.receive_json(timeout=5)) if socket.ws_protocol else 4426
            while not isinstance(chat, int):
                message = await socket.receive(timeout=60)
                if message.type != aiohttp.WSMsgType.TEXT:
                    return socket
                await self.frame(chat, socket, message.json())
            await socket.close(code=chat)
        except asyncio.TimeoutError:
            await socket.close(code=4407)
        except (KeyError, TypeError, ValueError):
            logging.exception("a frame that makes no sense, or a defect of ours")
            await socket.close(code=4400)
        return socket
