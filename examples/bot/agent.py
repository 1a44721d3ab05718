"""An agent in about fifty lines: picks up whoever waits and answers. Speaks `baton.v1.json`.

    pip install -r ../requirements.txt
    BATON_PASSWORD=… python agent.py ws://127.0.0.1:7101/v1/ws ben
"""
import asyncio
import json
import os
import sys
import uuid

import websockets


async def main(url: str, name: str, password: str) -> None:
    async with websockets.connect(url, subprotocols=["baton.v1.json"], proxy=None) as socket:

        async def send(kind: str, **members) -> None:
            await socket.send(json.dumps({"type": kind, **members}))

        async def heartbeat() -> None:
            while True:
                await asyncio.sleep(20)
                await send("ping", nonce=1)

        await send("agent_hello", login={"password": {"name": name, "password": password}})
        beating = asyncio.create_task(heartbeat())
        last_seen: dict[str, int] = {}
        try:
            async for text in socket:
                frame = json.loads(text)
                match frame["type"]:
                    case "agent_welcome":
                        print("logged in at", frame["server"], flush=True)
                    case "queue":
                        for customer in frame["waiting"]:
                            await send("pick_up", chat=customer["chat"])
                    case "opened":
                        print("serving", frame["card"]["customer"]["name"] or "somebody", flush=True)
                    case "entries":
                        chat = frame["chat"]
                        for entry in frame["entries"]:
                            new = entry["seq"] > last_seen.get(chat, 0)
                            last_seen[chat] = max(entry["seq"], last_seen.get(chat, 0))
                            if new and entry["author"] == "customer" and "text" in entry["body"]:
                                answer = f"You said: {entry['body']['text']}"
                                await send("say", chat=chat, id=uuid.uuid4().hex, text=answer)
                    case "refused":
                        print("refused:", frame["detail"], file=sys.stderr, flush=True)
        finally:
            beating.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], os.environ["BATON_PASSWORD"]))
