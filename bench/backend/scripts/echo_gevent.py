"""An echo server of gevent's greenlets: blocking code on an event loop. It prints
its address when it listens."""

import socket
import sys

from gevent.server import StreamServer


def echo(conn, _):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while data := conn.recv(65536):
            conn.sendall(data)
    except OSError:
        pass


server = StreamServer((sys.argv[1], int(sys.argv[2])), echo, backlog=4096)
server.start()
print(f"{server.server_host}:{server.server_port}", flush=True)
server.serve_forever()
