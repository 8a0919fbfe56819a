// The echo server of Node's documentation, on the listener that is standard input.

const net = require('node:net');

const server = net.createServer((connection) => {
  connection.setNoDelay(true);
  // A connection error of a client ends only the client's own connection.
  connection.on('error', () => connection.destroy());
  connection.pipe(connection);
});

// This call listens again. Without the argument it would shorten the queue to its default of 511.
server.listen({ fd: 0, backlog: 4096 });
