// A pair relay on Socket.IO, WebSocket transport alone. Who is paired is looked up once, as in the other relays.
const { Server } = require('socket.io');
const port = Number(process.argv[2]);
const rooms = new Map();

const io = new Server({ transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  const { room, side } = socket.handshake.query;
  socket.data.side = side;
  socket.data.other = null;
  const waiting = rooms.get(room);
  if (waiting && waiting.data.side !== side) {
    socket.data.other = waiting;
    waiting.data.other = socket;
    rooms.delete(room);
  } else if (room !== 'idle') {
    rooms.set(room, socket);
  }
  socket.on('m', (message) => {
    if (socket.data.other) socket.data.other.emit('m', message);
  });
  socket.on('disconnect', () => {
    if (socket.data.other) socket.data.other.data.other = null;
    if (rooms.get(room) === socket) rooms.delete(room);
  });
});
const http = require('http').createServer();
io.attach(http);
http.listen(port, '127.0.0.1', 1024);
