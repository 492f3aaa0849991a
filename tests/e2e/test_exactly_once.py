"""Between our two servers a message comes exactly once: whatever connection
breaks, whichever server is killed."""

import contextlib
import re
import smtplib
import socket
import threading

import harness
import pytest
from harness import Pair

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"


class Cutter:
    """A proxy before the receiver that drops the connection, in both
    directions, when the receiver answers the end of data: the message is
    stored, its 250 is never heard.  It does so `cuts` times."""

    def __init__(self, port, cuts):
        self.port, self.cuts, self.done = port, cuts, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, \
                socket.create_connection(("127.0.0.1", self.port)) as server:
            ended = threading.Event()
            threading.Thread(target=self.forward, daemon=True,
                             args=(client, server, ended)).start()
            while True:
                data = server.recv(65536)
                if not data:
                    return
                if ended.is_set() and self.done < self.cuts and \
                        b" stored " in data:
                    self.done += 1
                    for one in (client, server):
                        with contextlib.suppress(OSError):
                            one.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)

    @staticmethod
    def forward(client, server, ended):
        """Client to server; `ended` once the end of data has gone by, of
        DATA or of BDAT."""
        last = seen = b""
        with contextlib.suppress(OSError):
            while True:
                data = client.recv(65536)
                if not data:
                    server.shutdown(socket.SHUT_WR)
                    return
                last = (last + data)[-5:]
                seen += data
                chunk = re.search(rb"^BDAT (\d+) LAST\r\n", seen, re.M)
                if last == b"\r\n.\r\n":
                    ended.set()
                elif chunk and len(seen) - chunk.end() >= int(chunk[1]):
                    seen = seen[chunk.end() + int(chunk[1]):]
                    ended.set()
                elif ended.is_set():
                    ended.clear()
                server.sendall(data)

    def close(self):
        self.listener.close()


QUICK = {"queue": {"retry-min": "100ms", "retry-max": "300ms"},
         "verify": {"enabled": "no"}}


def submit(pair, name, *to):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as client:
        client.ehlo()
        client.login(ALICE, "secret")
        assert client.sendmail(ALICE, to, "Subject: %s\r\n\r\nhello\r\n" %
                               name) == {}


def names(pair, user):
    """The subjects in a mailbox, sorted."""
    return sorted(re.search(rb"^Subject: (.*)$", text, re.M)[1].decode()
                  for text in pair.maildir(user).messages())


@pytest.mark.deadline(90)
@pytest.mark.parametrize("deliver", ["queued", "cut-through"])
def test_a_reply_that_is_lost_doubles_nothing(deliver):
    with Pair() as pair:
        cutter = Cutter(pair.smtp_port, cuts=6)
        pair.sender.sections = harness.merged(pair.sender.sections, {
            **QUICK, "submission": {"deliver": deliver},
            "routes": {"xyz.com": cutter.address}})
        pair.sender.restart()
        submit(pair, "one", BOB)
        submit(pair, "two", BOB, CAROL)
        submit(pair, "three", CAROL)
        harness.wait_for(lambda: len(pair.maildir(CAROL).files()) == 2 and
                         len(pair.maildir(BOB).files()) == 2)
        pair.wait_queue_empty()
        assert cutter.done == 6
        assert names(pair, BOB) == ["one", "two"]
        assert names(pair, CAROL) == ["three", "two"]
        cutter.close()


class Clients:
    """Some that submit until told to stop; what was answered 250 is noted."""

    def __init__(self, pair, n):
        self.pair, self.answered, self.stop = pair, [], threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i,))
                        for i in range(n)]
        for one in self.threads:
            one.start()

    def work(self, number):
        count = 0
        while not self.stop.is_set():
            name = "m-%d-%d" % (number, count)
            count += 1
            try:
                submit(self.pair, name, BOB, CAROL)
            except (OSError, smtplib.SMTPException):
                self.stop.wait(0.02)  # the server is being started again
                continue
            self.answered.append(name)

    def join(self):
        self.stop.set()
        for one in self.threads:
            one.join()


@pytest.mark.deadline(180)
@pytest.mark.parametrize("victim", ["sender", "receiver"])
def test_kill_9_under_load_loses_and_doubles_nothing(victim):
    with Pair(sender=QUICK) as pair:
        server = getattr(pair, victim)
        for one in (pair.sender, pair.receiver):
            one.keep_ports()
        clients = Clients(pair, 4)
        try:
            for _ in range(3):
                enough = len(clients.answered) + 15
                harness.wait_for(lambda n=enough: len(clients.answered) >= n)
                server.kill()
                server.start()
        finally:
            clients.join()
        harness.wait_for(lambda: set(clients.answered) <=
                         set(names(pair, BOB)) & set(names(pair, CAROL)), 60,
                         "every message that was answered")
        pair.wait_queue_empty(60)
        for user in (BOB, CAROL):
            stored = names(pair, user)
            assert len(stored) == len(set(stored)), "doubled"
