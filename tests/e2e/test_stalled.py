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
