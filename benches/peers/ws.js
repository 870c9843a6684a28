// A plain chat server on the npm package `ws`: it keeps nothing, checks nothing, and passes each message on to whoever
// subscribed to its conversation. It speaks the frames of `GET /v1/ws` as far as the benchmark needs them.
'use strict';
const { WebSocketServer } = require('ws');

const subscribers = new Map();
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('listening', () => console.log(`listening on ${server.address().port}`));
server.on('connection', (socket) => {
  socket._socket.setNoDelay(true);
  socket.on('message', (bytes) => take(socket, JSON.parse(bytes)));
  socket.on('close', () => subscribers.forEach((sockets) => sockets.delete(socket)));
});

function take(socket, frame) {
  switch (frame.type) {
    case 'subscribe':
      if (!subscribers.has(frame.conversation)) subscribers.set(frame.conversation, new Set());
      subscribers.get(frame.conversation).add(socket);
      break;
    case 'send': {
      const { event } = frame;
      socket.send(JSON.stringify({ type: 'ack', conversation: event.conversation, id: event.id }));
      const heard = Buffer.from(JSON.stringify({ type: 'event', record: { event } }));
      for (const other of subscribers.get(event.conversation) ?? []) other.send(heard, { binary: false });
      break;
    }
    case 'ping':
      socket.send('{"type":"pong"}');
  }
}
