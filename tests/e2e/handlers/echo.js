// An echo server on the connections that its parent sends it, as any script by node has them. To `who` it answers with
// what it knows of the connection. A connection that does not fit its message is not served.
const fs = require('node:fs');

const [mode, flag] = process.argv.slice(2);

function fits(m, socket) {
    const plain = (address) => address.replace('::ffff:', '');
    return m.handler === process.env.PORTIER_HANDLER &&
        m.remoteAddress === plain(socket.remoteAddress) && m.remotePort === socket.remotePort &&
        m.localAddress === plain(socket.localAddress) && m.localPort === socket.localPort;
}

function serve(m, socket) {
    socket.on('error', () => {});
    if (socket.remotePort === undefined) return socket.destroy();  // the client has left
    if (!fits(m, socket)) {
        console.error('a connection came with the wrong message', JSON.stringify(m), socket.address());
        return socket.destroy();
    }
    socket.setNoDelay();
    socket.on('data', (data) => {
        if (data.toString() !== 'who\n') return socket.write(data);
        const { remoteAddress, remotePort, localAddress, localPort } = socket;
        socket.write(JSON.stringify({ pid: process.pid, m, remoteAddress, remotePort, localAddress, localPort }) + '\n');
    });
}

process.on('message', (m, socket) => {
    if (!socket) return;
    serve(m, socket);
    if (!fs.existsSync(flag)) return;
    if (mode === 'garbage') fs.writeSync(3, 'HTTP/1.1 400 Bad Request\r\n\r\n');
    if (mode === 'disconnect') process.disconnect();
    if (mode === 'chatty') {
        for (let count = 0; count < 100; ++count) process.send({ cmd: 'mine', text: 'x'.repeat(count * 100) });
    }
});
