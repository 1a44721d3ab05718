// A pair relay on Bun's own WebSocket server.
const port = Number(process.argv[2]);
const rooms = new Map();

Bun.serve({
  hostname: '127.0.0.1',
  port,
  fetch(request, server) {
    const [, , room, side] = new URL(request.url).pathname.split('/');
    if (server.upgrade(request, { data: { room, side, other: null } })) return;
    return new Response('this is a WebSocket server', { status: 426 });
  },
  websocket: {
    maxPayloadLength: 1024 * 1024,
    backpressureLimit: 16 * 1024 * 1024,
    idleTimeout: 0,
    perMessageDeflate: false,
    open(ws) {
      const waiting = rooms.get(ws.data.room);
      if (waiting && waiting.data.side !== ws.data.side) {
        ws.data.other = waiting;
        waiting.data.other = ws;
        rooms.delete(ws.data.room);
      } else if (ws.data.room !== 'idle') {
        rooms.set(ws.data.room, ws);
      }
    },
    message(ws, message) {
      if (ws.data.other) ws.data.other.send(message);
    },
    close(ws) {
      if (ws.data.other) ws.data.other.data.other = null;
      if (rooms.get(ws.data.room) === ws) rooms.delete(ws.data.room);
    },
  },
});
