// A pair relay on ws, the usual WebSocket library of Node.js.
const { WebSocketServer } = require('ws');
const port = Number(process.argv[2]);
const rooms = new Map();

const server = new WebSocketServer({
  host: '127.0.0.1', port, perMessageDeflate: false, maxPayload: 1024 * 1024, backlog: 1024,
});
server.on('connection', (socket, request) => {
  socket._socket.setNoDelay(true);
  const [, , room, side] = request.url.split('/');
  socket.side = side;
  socket.other = null;
  const waiting = rooms.get(room);
  if (waiting && waiting.side !== side) {
    socket.other = waiting;
    waiting.other = socket;
    rooms.delete(room);
  } else if (room !== 'idle') {
    rooms.set(room, socket);
  }
  socket.on('message', (message, binary) => {
    if (socket.other) socket.other.send(message, { binary });
  });
  socket.on('close', () => {
    if (socket.other) socket.other.other = null;
    if (rooms.get(room) === socket) rooms.delete(room);
  });
  socket.on('error', () => {});
});
