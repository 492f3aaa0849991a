"""Servers of one login's own that answer, and then hold whoever came: mail of
all others goes out."""

import contextlib
import smtplib
import socket
import threading

import harness
import pytest
from harness import Pair, wait_for

MALLORY, ALICE, BOB = "mallory@abc.com", "alice@abc.com", "bob@xyz.com"
CONNECTIONS, SERVERS = 8, 12


class Tarpit:
    """A server that answers everything but `stall` ("." is the end of the
    text), and then holds the client: without a word, or, as long as it reads
    them, with lines of a reply that does not end."""

    def __init__(self, stall, drip=False):
        self.stall, self.drip = stall, drip
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.held = 0
        self.over = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                threading.Thread(target=self.serve, args=(client,),
                                 daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, \
                client.makefile("rb") as lines:
            client.sendall(b"220 tarpit\r\n")
            in_text = False
            for line in lines:
                verb = line.strip()[:4].upper().decode("latin-1")
                if verb == self.stall:
                    self.hold(client, lines)
                    return
                if in_text and verb != ".":
                    continue
                in_text = verb == "DATA"
                client.sendall(b"354 go on\r\n" if in_text else b"250 ok\r\n")

    def hold(self, client, lines):
        self.held += 1
        try:
            while self.drip and not self.over.wait(1):
                client.sendall(b"250-wait\r\n")
            lines.read()
        finally:
            self.held -= 1

    def close(self):
        self.over.set()
        self.listening.close()


class Sinks:
    """Servers, each with a port and a domain of its own: in which order
    messages come.  The first ones are held until `go`."""

    def __init__(self, domains):
        self.order, self.go = [], threading.Event()
        self.listening = {d: socket.create_server(("127.0.0.1", 0))
                          for d in domains}
        for domain, s in self.listening.items():
            threading.Thread(target=self.accept, args=(domain, s),
                             daemon=True).start()

    def routes(self):
        return {domain: "127.0.0.1:%d" % s.getsockname()[1]
                for domain, s in self.listening.items()}

    def accept(self, domain, listening):
        with contextlib.suppress(OSError):
            while True:
                client = listening.accept()[0]
                with client, client.makefile("rb") as lines:
                    self.serve(domain, client, lines)

    def serve(self, domain, client, lines):
        client.sendall(b"220 sink\r\n")
        in_text = False
        for line in lines:
            verb = line.strip()[:4].upper()
            if in_text and verb != b".":
                continue
            if in_text:
                self.order.append(domain)
                self.go.wait()
            in_text = verb == b"DATA"
            client.sendall(b"354 go on\r\n" if in_text else b"250 ok\r\n")

    def close(self):
        self.go.set()
        for s in self.listening.values():
            s.shutdown(socket.SHUT_RDWR)
            s.close()


def send(pair, sender, *to, by=None):
    by = by or sender
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(sender, harness.PASSWORD)
        s.sendmail(by, to, "From: %s\r\nSubject: x\r\n\r\nx\r\n" % by)


@pytest.mark.parametrize("stall,drip", [(".", False), ("MAIL", False),
                                        ("RCPT", True)])
def test_one_login_cannot_hold_all_deliveries(stall, drip):
    tarpits = [Tarpit(stall, drip) for _ in range(SERVERS)]
    routes = {"d%d.example" % i: "127.0.0.1:%d" % t.port
              for i, t in enumerate(tarpits)}
    with contextlib.ExitStack() as done:
        for t in tarpits:
            done.callback(t.close)
        pair = done.enter_context(Pair(
            users={MALLORY: harness.PASSWORD}, routes=routes,
            sender={"relay": {"connections": str(CONNECTIONS)},
                    "verify": {"enabled": "no"}}))

        def others_get_their_mail(n):
            wait_for(lambda: sum(t.held for t in tarpits) >= CONNECTIONS // 2,
                     what="the deliveries that are held")
            for _ in range(5):
                send(pair, ALICE, BOB)
            wait_for(lambda: len(pair.maildir(BOB).files()) == n,
                     what="the mail of another")
            assert sum(t.held for t in tarpits) == CONNECTIONS // 2

        send(pair, MALLORY, *["x@" + domain for domain in routes])
        others_get_their_mail(5)
        # what is read from the disk has the same owner
        pair.sender.stop()
        wait_for(lambda: sum(t.held for t in tarpits) == 0)
        pair.sender.start()
        others_get_their_mail(10)


def test_one_login_cannot_hold_all_reports():
    """They have one reverse-path, and nobody has handed them in."""
    domains = ["t%d.example" % i for i in range(SERVERS)]
    tarpits = [Tarpit(".") for _ in domains]
    with contextlib.ExitStack() as done:
        for t in tarpits:
            done.callback(t.close)
        pair = done.enter_context(Pair(
            start=False, sender={"relay": {"connections": str(CONNECTIONS)},
                                 "verify": {"enabled": "no"}},
            routes={domain: "127.0.0.1:%d" % t.port
                    for domain, t in zip(domains, tarpits)}))
        with open(pair.users_path, "a", encoding="ascii") as f:
            f.write("%s {PLAIN}%s%s\n" % (
                MALLORY, harness.PASSWORD,
                "".join(" send-as=@" + domain for domain in domains)))
        pair.start()

        def alice_gets_her_report(n):
            wait_for(lambda: sum(t.held for t in tarpits) >= CONNECTIONS // 2,
                     what="the reports that are held")
            send(pair, ALICE, "nobody@xyz.com")
            wait_for(lambda: len(pair.maildir(ALICE).files()) == n,
                     what="the report of another")
            assert sum(t.held for t in tarpits) == CONNECTIONS // 2

        for domain in domains:
            send(pair, MALLORY, "nobody@xyz.com", by="m@" + domain)
        alice_gets_her_report(1)
        # what is read from the disk has the same owner
        pair.sender.stop()
        wait_for(lambda: sum(t.held for t in tarpits) == 0)
        pair.sender.start()
        alice_gets_her_report(2)


@pytest.mark.parametrize("stall", [".", "RCPT"])
def test_a_reply_without_an_end_ends_the_delivery(stall):
    tarpit = Tarpit(stall, drip=True)
    with contextlib.closing(tarpit), Pair(
            routes={"d.example": "127.0.0.1:%d" % tarpit.port},
            sender={"relay": {"final-timeout": "3s", "command-timeout": "3s"},
                    "verify": {"enabled": "no"}}) as pair:
        send(pair, ALICE, "x@d.example")
        pair.sender.wait_log(r"result=deferred .*reply=\"451 4\.4\.2 ")


@pytest.mark.parametrize("logins", [1, 2])
def test_many_destinations_keep_nobody_waiting(logins):
    """A delivery each, and all are taken by others with much to send."""
    floods = [["d%d.l%d.example" % (i, k) for i in range(20)]
              for k in range(logins)]
    names = ["m%d@abc.com" % k for k in range(logins)]
    sinks = Sinks([*sum(floods, []), "last.example"])
    with contextlib.closing(sinks), Pair(
            users={name: harness.PASSWORD for name in names},
            routes=sinks.routes(),
            sender={"relay": {"connections": str(logins)},
                    "verify": {"enabled": "no"}}) as pair:
        for name, flood in zip(names, floods):
            send(pair, name, *["x@" + domain for domain in flood])
        wait_for(lambda: len(sinks.order) == logins,
                 what="the deliveries that are held")
        send(pair, ALICE, "x@last.example")
        sinks.go.set()
        wait_for(lambda: len(sinks.order) == 20 * logins + 1,
                 what="all messages")
        # at once when one of those ends; another may end beside it
        assert sinks.order.index("last.example") < 2 * logins
