"""A receiver that misbehaves: one way at one point of the dialogue."""

import contextlib
import socket
import threading

POINTS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "text", "QUIT")
WAYS = ("stall", "drop", "4xx", "garbage", "endless line", "endless reply",
        "closing 421")
CHUNK = b"x" * 65536


class Peer:
    """Listens on its own port; mend() makes it an honest receiver."""

    def __init__(self, point, way):
        self.point, self.way = point, way
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.texts = []  # taken with 250
        self.connections = self.most = 0  # most: bytes of an endless reply
        self.over = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def mend(self):
        self.way = None

    def close(self):
        self.over.set()
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.talk, args=(client,),
                                 daemon=True).start()

    def talk(self, client):
        with contextlib.suppress(OSError), client, \
                client.makefile("rb") as lines:
            client.settimeout(60)
            taken = set()  # verbs of this transaction
            self.answer(client, "greeting", b"220 peer.test\r\n")
            while True:
                verb = lines.readline()[:4].upper().decode("latin-1")
                if verb == "":
                    return
                if verb == "EHLO":
                    self.answer(client, verb, b"250-peer.test\r\n250-PIPELINING"
                                b"\r\n250 ENHANCEDSTATUSCODES\r\n")
                elif verb == "DATA" and not taken >= {"MAIL", "RCPT"}:
                    client.sendall(b"503 5.5.1 no recipients\r\n")
                elif verb == "DATA":
                    self.data(client, lines)
                    taken.clear()
                elif verb == "QUIT":
                    self.answer(client, verb, b"221 2.0.0 bye\r\n")
                    return
                elif self.answer(client, verb, b"250 2.0.0 ok\r\n"):
                    taken.add(verb)
                    if verb == "RSET":
                        taken.clear()

    def data(self, client, lines):
        if not self.answer(client, "DATA", b"354 go on\r\n"):
            return
        text = b""
        while True:
            line = lines.readline()
            if line == b"":
                return
            if line == b".\r\n":
                break
            text += line
        if self.way is None or self.point != "text":
            self.texts.append(text)
        self.answer(client, "text", b"250 2.0.0 taken\r\n")

    def answer(self, client, point, reply):
        """Whether the honest reply was given."""
        if self.way is None or point != self.point:
            client.sendall(reply)
            return True
        self.misbehave(client, self.way)
        return False

    def misbehave(self, client, way):
        if way == "stall":
            self.over.wait(60)
        elif way == "4xx":
            client.sendall(b"451 4.3.0 not now\r\n")
            return
        elif way == "closing 421":
            client.sendall(b"421 4.3.2 closing\r\n")
        elif way == "garbage":
            client.sendall(b"\0\xff\r\r\n250\n99999999999999999999 x\r\n-1\r\n")
        else:
            unit = b"250-" if way == "endless line" else b"250-go on\r\n" * 6000
            client.sendall(unit)
            for n in range(4096):  # 256 MiB at most
                if self.over.is_set():
                    break
                client.sendall(CHUNK if way == "endless line" else unit)
                self.most = max(self.most, (n + 1) * len(CHUNK))
        raise OSError("enough")
