// The echo server of Node's documentation, on the listener that is standard input.

const net = require('node:net');

const server = net.createServer((connection) => {
  connection.setNoDelay(true);
  // A client that goes away with an error ends its own connection, no more.
  connection.on('error', () => connection.destroy());
  connection.pipe(connection);
});

// It listens again, and would shorten the queue to its default of 511.
server.listen({ fd: 0, backlog: 4096 });
