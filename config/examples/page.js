// A web page by Node.js, on the connections that portier hands over. `m` says who is served by whom; it has handler,
// localAddress, localPort, remoteAddress and remotePort. There is no listen() and nothing of portier in here.
const http = require('node:http');

const server = http.createServer((request, response) => {
    const { remoteAddress, remotePort } = request.socket;
    response.end(`hello ${remoteAddress}:${remotePort}, this is process ${process.pid}\n`);
});

process.on('message', (m, socket) => {
    if (socket) server.emit('connection', socket);  // without one: the client left on the way
});

// No more will come: portier stops or a reload replaces this process. It ends by itself when its last connection does.
process.on('disconnect', () => server.closeIdleConnections());
