// A pair relay on uWebSockets.js. Writes are corked while a callback runs, which is what the library offers.
const uWS = require('uwebsockets');
const port = Number(process.argv[2]);
const rooms = new Map();

uWS.App().ws('/room/:room/:side', {
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 16 * 1024 * 1024,
  idleTimeout: 0,
  compression: uWS.DISABLED,
  upgrade(res, req, context) {
    res.upgrade({ room: req.getParameter(0), side: req.getParameter(1), other: null },
      req.getHeader('sec-websocket-key'), req.getHeader('sec-websocket-protocol'),
      req.getHeader('sec-websocket-extensions'), context);
  },
  open(ws) {
    const data = ws.getUserData();
    const waiting = rooms.get(data.room);
    if (waiting && waiting.getUserData().side !== data.side) {
      data.other = waiting;
      waiting.getUserData().other = ws;
      rooms.delete(data.room);
    } else if (data.room !== 'idle') {
      rooms.set(data.room, ws);
    }
  },
  message(ws, message, isBinary) {
    const other = ws.getUserData().other;
    if (other) other.send(message, isBinary, false);
  },
  close(ws) {
    const data = ws.getUserData();
    if (data.other) data.other.getUserData().other = null;
    if (rooms.get(data.room) === ws) rooms.delete(data.room);
  },
}).listen('127.0.0.1', port, (socket) => { if (!socket) process.exit(1); });
