"""A TCP proxy in front of a server that cuts a connection at a chosen byte.

    with CuttingProxy(server.port) as proxy:
        actor connects to proxy.url ...
        proxy.cut_after(70_000)      # each connection ends after so many more bytes towards the actor

A server that is killed may end its last message anywhere; here it does so where the test wants it.
"""

import socket
import threading

BUFFER_BYTES = 16384


class CuttingProxy:
    """Runs on threads of its own. Cuts are counted; a new connection after a cut is passed on again."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.lock = threading.Lock()
        self.left = None  # bytes until the cut, of all connections together
        self.cuts = 0
        self.open = set()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        for connection in list(self.open):
            close(connection)

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def cut_after(self, size):
        """The next connection that has brought `size` bytes from here on, counted over all, is cut there."""
        with self.lock:
            self.left = size

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                close(near)
                continue
            for end in near, far:  # else small writes wait for each other's acknowledgement, 40 ms each
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open |= {near, far}
            threading.Thread(target=self.pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, True), daemon=True).start()

    def pump(self, source, sink, towards_actor):
        try:
            while data := source.recv(BUFFER_BYTES):
                kept = self.allowed(len(data)) if towards_actor else len(data)
                sink.sendall(data[:kept])
                if kept < len(data):
                    break
        except OSError:
            pass
        close(source)
        close(sink)
        self.open -= {source, sink}

    def allowed(self, size):
        """How many of `size` bytes may pass; fewer means: cut here."""
        with self.lock:
            if self.left is None:
                return size
            if self.left >= size:
                self.left -= size
                return size
            kept, self.left = self.left, None
            self.cuts += 1
            return kept


def close(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
