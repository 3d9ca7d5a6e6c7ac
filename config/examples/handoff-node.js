// A web page by Node.js on connections that it is given. `m` has handler, localAddress, localPort, remoteAddress and
// remotePort. There is no listen() here, and nothing of portier.
const http = require('node:http');

const server = http.createServer((request, response) => {
    response.end(`hello ${request.socket.remoteAddress}, this is process ${process.pid}\n`);
});

process.on('message', (m, socket) => {
    if (socket) server.emit('connection', socket);  // without a socket: the client has left on the way
});

// No more will come: portier stops, or a reload replaces this process. It ends when its last connection does.
process.on('disconnect', () => server.closeIdleConnections());
