// A web page by Node.js on a socket that was opened by somebody else; its descriptor is the first argument.
const http = require('node:http');

const server = http.createServer((request, response) => {
    response.end(`hello ${request.socket.remoteAddress}, this is process ${process.pid}\n`);
});

server.listen({ fd: Number(process.argv[2]) });

// The stop signal: no new connections, and the end comes with the last answer.
process.on('SIGTERM', () => {
    server.close();
    server.closeIdleConnections();
});
