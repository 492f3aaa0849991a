"""A milter that does what a test tells it, and anything a milter must not.

    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]}) as m:
        Pair(receiver={"milters": {"m": m.place}, "smtp": {"milters": "m"}})
        ...
        assert m.sessions[0].texts("mail") == [["<alice@abc.com>", "SIZE=5"]]

The script maps a step (the names in STEPS, or "options") to what is sent in
answer: a list of packets, bytes as they go over the wire, or DIE (close),
RESET, STALL (nothing more, the connection stays), or a function that is called
with the Session and returns such a list.  A list of lists answers one time
after the other, the last for ever.  Without an entry the answer is CONTINUE.
"""

import os
import socket
import struct
import tempfile
import threading

VERSION, ACTIONS, STEPS_ALL = 6, 0x1ff, 0x1ff7ff
NO_REPLY = {"connect": 0x1000, "helo": 0x2000, "mail": 0x4000, "rcpt": 0x8000,
            "data": 0x10000, "unknown": 0x20000, "eoh": 0x40000,
            "body": 0x80000, "header": 0x80}
NOT_WANTED = {"connect": 0x1, "helo": 0x2, "mail": 0x4, "rcpt": 0x8,
              "body": 0x10, "header": 0x20, "eoh": 0x40, "unknown": 0x100,
              "data": 0x200}
SKIP_STEP, LEADING_SPACE = 0x400, 0x100000

STEPS = {b"C": "connect", b"H": "helo", b"M": "mail", b"R": "rcpt",
         b"T": "data", b"L": "header", b"N": "eoh", b"B": "body", b"E": "end",
         b"U": "unknown", b"A": "abort", b"Q": "quit", b"K": "quit-nc"}
SILENT = {"abort", "quit", "quit-nc"}

DIE, RESET, STALL = object(), object(), object()


def packet(code, data=b""):
    return struct.pack("!I", len(data) + 1) + code + data


def texts(*values):
    return b"".join(v.encode() + b"\0" for v in values)


CONTINUE, ACCEPT, REJECT = packet(b"c"), packet(b"a"), packet(b"r")
TEMPFAIL, DISCARD, SKIP = packet(b"t"), packet(b"d"), packet(b"s")
PROGRESS, SHUTDOWN, CONN_FAIL = packet(b"p"), packet(b"4"), packet(b"f")


def reply(text):
    return packet(b"y", texts(text))


def add_header(name, value):
    return packet(b"h", texts(name, value))


def insert_header(index, name, value):
    return packet(b"i", struct.pack("!I", index) + texts(name, value))


def change_header(index, name, value):
    return packet(b"m", struct.pack("!I", index) + texts(name, value))


def replace_body(data):
    return packet(b"b", data)


def add_rcpt(address, *parameters):
    if parameters:
        return packet(b"2", texts(address, *parameters))
    return packet(b"+", texts(address))


def delete_rcpt(address):
    return packet(b"-", texts(address))


def change_from(address, *parameters):
    return packet(b"e", texts(address, *parameters))


def quarantine(reason):
    return packet(b"q", texts(reason))


class Session:
    """What one connection was told."""

    def __init__(self):
        self.events = []  # (step, data)
        self.macros = {}  # step -> {name: value}, the last
        self.counts = {}
        self.offer = None

    def steps(self):
        return [step for step, _ in self.events]

    def texts(self, step):
        """The NUL-ended texts of each event of this step."""
        return [data.decode("utf-8", "surrogateescape").split("\0")[:-1]
                for what, data in self.events if what == step]

    def body(self):
        return b"".join(d for what, d in self.events if what == "body")


class FakeMilter:
    def __init__(self, script=None, version=VERSION, actions=ACTIONS, steps=0,
                 symbols=None, unix=False):
        self.script = script or {}
        self.options = (version, actions, steps)
        self.symbols = symbols or {}
        self.sessions = []
        self.lock = threading.Lock()
        self.open = set()
        self.directory = None
        if unix:
            self.directory = tempfile.mkdtemp(prefix="milter-")
            self.path = os.path.join(self.directory, "s")
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            self.place = "unix:" + self.path
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
            self.place = "inet:127.0.0.1:%d" % self.port
        self.listener.listen(64)
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """No more connections, and an end to those there are."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.hang_up()
        for thread in list(self.threads):
            thread.join(30)
            assert not thread.is_alive()
        if self.directory is not None:
            os.unlink(self.path)
            os.rmdir(self.directory)
            self.directory = None

    def hang_up(self):
        """Close every connection, as a milter that is restarted does."""
        with self.lock:
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            session = Session()
            with self.lock:
                self.sessions.append(session)
                self.open.add(conn)
            thread = threading.Thread(target=self._serve, args=(conn, session))
            self.threads.append(thread)
            thread.start()

    def _serve(self, conn, session):
        try:
            with conn, conn.makefile("rb") as stream:
                while self._one(conn, stream, session):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(conn)

    def _one(self, conn, stream, session):
        head = stream.read(4)
        if len(head) < 4:
            return False
        data = stream.read(struct.unpack("!I", head)[0])
        code, data = data[:1], data[1:]
        if code == b"O":
            session.offer = struct.unpack("!III", data)
            return self._answer(conn, session, "options", [self._options()])
        if code == b"D":
            names = data[1:].decode("utf-8", "surrogateescape").split("\0")
            step = STEPS[data[:1]]
            session.macros[step] = dict(zip(names[:-1:2], names[1::2]))
            return True
        step = STEPS[code]
        session.events.append((step, data))
        if step in SILENT or \
                self.options[2] & NO_REPLY.get(step, 0) and \
                step not in self.script:
            return step != "quit"
        return self._answer(conn, session, step, [CONTINUE])

    def _options(self):
        data = struct.pack("!III", *self.options)
        for stage, names in self.symbols.items():
            data += struct.pack("!I", stage) + texts(names)
        return packet(b"O", data)

    def _answer(self, conn, session, step, usual):
        answers = self.script.get(step, usual)
        if callable(answers):
            answers = answers(session)
        if answers and isinstance(answers[0], list):
            n = session.counts.get(step, 0)
            session.counts[step] = n + 1
            answers = answers[min(n, len(answers) - 1)]
        for one in answers:
            if one is DIE:
                return False
            if one is RESET:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
                return False
            if one is STALL:
                while conn.recv(65536):
                    pass
                return False
            conn.sendall(one)
        return True
