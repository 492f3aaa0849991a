"""Over a limit of failed logins an attempt waits for its turn: nobody is kept out
by what others do.  What happens is told by the order of events and by the log's
waited-ms, never by a clock."""

import poplib
import resource
import select
import smtplib
import socket

import harness
import pytest
import scram

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
PROTOCOLS = ("smtp", "pop3")
WRONG = {"smtp": b"535 5.7.8 ", "pop3": b"-ERR [AUTH] "}


def limits(address, user, window, exempt=""):
    return {"login": {"address-failures": str(address), "user-failures":
                      str(user), "failure-window": window, "exempt": exempt,
                      "failure-delay": "10ms", "failure-delay-max": "40ms"}}


def plain(login, password):
    return b"AUTH PLAIN " + scram.b64(b"\0%s\0%s" % (
        login.encode(), password.encode())).encode() + b"\r\n"


class Client:
    """A connection from an address of its own, ready to log in."""

    def __init__(self, pair, protocol, source="127.0.0.1"):
        self.protocol = protocol
        self.socket = socket.create_connection(
            ("127.0.0.1", pair.submission_port if protocol == "smtp" else
             pair.pop3_port), 120, source_address=(source, 0))
        self.line()
        if protocol == "smtp":
            self.socket.sendall(b"EHLO client.example\r\n")
            while not self.line().startswith(b"250 "):
                pass

    def line(self):
        text = b""
        while not text.endswith(b"\n"):
            got = self.socket.recv(1)
            assert got, text
            text += got
        return text

    def ask(self, login, password):
        self.socket.sendall(plain(login, password))

    def login(self, login, password):
        self.ask(login, password)
        return self.line()

    def close(self):
        self.socket.close()


def server_of(pair, protocol):
    return pair.sender if protocol == "smtp" else pair.receiver


def tries(pair, protocol, login, password, source="127.0.0.1"):
    """How one login ends: ok, wrong, or the line."""
    client = Client(pair, protocol, source)
    line = client.login(login, password)
    client.close()
    if line.startswith((b"235", b"+OK", b"-ERR [IN-USE]")):
        return "ok"
    return "wrong" if line.startswith(WRONG[protocol]) else line


def ok_lines(pair, protocol, login, source):
    """The log's lines of good logins, in order."""
    event = "auth-ok" if protocol == "smtp" else "pop3-(?:login|in-use)"
    server_of(pair, protocol).wait_log(
        r"%s .*client=%s login=%s" % (event, source, login))
    return [line for line in server_of(pair, protocol).log().splitlines()
            if " client=%s login=%s" % (source, login) in line and
            (" auth-ok " in line or " pop3-" in line)]


@pytest.mark.deadline(300)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_class_behind_one_address_is_not_locked_out(protocol):
    """20 typing errors, none by those who then come."""
    over = limits(20, 100, "15m")
    users = {"pupil%02d@abc.com" % i: harness.PASSWORD for i in range(20)}
    with harness.Pair(sender=over, receiver=over, users=users) as pair:
        for name in users:
            assert tries(pair, protocol, name, "typo") == "wrong"
        assert tries(pair, protocol, CAROL, harness.PASSWORD) == "ok"
        # and by those who made them, after a moment
        for name in users:
            assert tries(pair, protocol, name, harness.PASSWORD) == "ok"
        # by USER and PASS too
        if protocol == "pop3":
            box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=60)
            box.user(ALICE)
            assert box.pass_(harness.PASSWORD).startswith(b"+OK")
            box.quit()


@pytest.mark.deadline(300)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_failed_too_often_waits_for_the_window(protocol):
    """Its own doing: it waits, and is in then; SCRAM as by password."""
    over = limits(4, 100, "4s")
    with harness.Pair(sender=over, receiver=over) as pair:
        for i in range(4):
            assert tries(pair, protocol, CAROL, "guess%d" % i) == "wrong"
        assert tries(pair, protocol, CAROL, harness.PASSWORD) == "ok"
        assert "waited-ms=" in ok_lines(pair, protocol, CAROL, "127.0.0.1")[0]
        client = Client(pair, protocol)
        one = scram.Scram("SCRAM-SHA-256", ALICE, harness.PASSWORD)
        client.socket.sendall(b"AUTH SCRAM-SHA-256 %s\r\n" %
                              one.first().encode())
        challenge = client.line().decode().partition(" ")[2]
        client.socket.sendall(one.final(challenge).encode() + b"\r\n")
        one.check(client.line().decode().partition(" ")[2])
        client.socket.sendall(b"\r\n")
        assert client.line().startswith((b"235", b"+OK"))
        client.close()


@pytest.mark.deadline(300)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_user_who_is_guessed_at_is_not_locked_out(protocol):
    """Six addresses, 20 wrong passwords each, were enough."""
    over = limits(1000, 90, "5m")
    with harness.Pair(sender=over, receiver=over) as pair:
        for i in range(90):  # the limit, by six
            assert tries(pair, protocol, BOB, "guess %d" % i,
                         "127.0.0.%d" % (i // 15 + 2)) == "wrong"
        for i in range(20):  # and the one guess of some more
            assert tries(pair, protocol, BOB, "another %d" % i,
                         "127.0.1.%d" % (i + 1)) == "wrong"
        assert tries(pair, protocol, BOB, harness.PASSWORD,
                     "127.0.0.99") == "ok"
        assert tries(pair, protocol, BOB, "a slip", "127.0.0.98") == "wrong"
        assert tries(pair, protocol, BOB, harness.PASSWORD,
                     "127.0.0.98") == "ok"


@pytest.mark.deadline(300)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_wrong_password_counts_once(protocol):
    over = limits(3, 3, "15m")
    with harness.Pair(sender=over, receiver=over) as pair:
        for _ in range(20):
            assert tries(pair, protocol, BOB, "an old one") == "wrong"
        assert tries(pair, protocol, BOB, harness.PASSWORD) == "ok"
        assert "waited-ms" not in ok_lines(pair, protocol, BOB, "127.0.0.1")[0]


def test_loopback_is_exempt_from_the_limit_by_address():
    over = limits(3, 100, "15m")
    del over["login"]["exempt"]
    with harness.Pair(sender=over, receiver=over) as pair:
        for i in range(20):
            assert tries(pair, "smtp", ALICE, "guess%d" % i) == "wrong"
        assert tries(pair, "smtp", ALICE, harness.PASSWORD) == "ok"
        assert "waited-ms" not in ok_lines(pair, "smtp", ALICE, "127.0.0.1")[0]
        pair.sender.sections["login"]["exempt"] = "127.0.0.0/33"
        pair.sender.write_config()
        done = pair.run([harness.program("postpair-sender"), "--check",
                         "--config", pair.sender.config])
        assert done.returncode != 0 and b"[login] exempt" in done.stderr


@pytest.mark.deadline(300)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_is_known_is_known_after_a_crash(protocol):
    """One failure closes the limit for a quarter of an hour; who has logged in
    well from where he is does not wait."""
    over = limits(1000, 1, "15m")
    with harness.Pair(sender=over, receiver=over) as pair:
        assert tries(pair, protocol, BOB, harness.PASSWORD) == "ok"
        server = server_of(pair, protocol)
        server.keep_ports()
        server.kill()
        server.start()
        assert tries(pair, protocol, BOB, "guess", "127.0.0.2") == "wrong"
        assert tries(pair, protocol, BOB, "a slip") == "wrong"
        assert tries(pair, protocol, BOB, harness.PASSWORD) == "ok"
        for line in ok_lines(pair, protocol, BOB, "127.0.0.1"):
            assert "waited-ms" not in line, line


@pytest.mark.deadline(600)
@pytest.mark.parametrize("protocol,parties,each", [("smtp", 200, 10),
                                                   ("pop3", 40, 10)])
def test_bob_is_in_while_thousands_guess(protocol, parties, each):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = parties * each + 200
    if hard != resource.RLIM_INFINITY and hard < need:
        pytest.skip("%d descriptors are not permitted here" % need)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
    over = limits(1000, 5, "15m")
    section = "submission" if protocol == "smtp" else "pop3"
    over[section] = {"max-clients": "4000", "max-clients-per-address": "4000"}
    with harness.Pair(**{"sender" if protocol == "smtp" else "receiver": over}
                      ) as pair:
        assert tries(pair, protocol, BOB, harness.PASSWORD) == "ok"
        crowd = [Client(pair, protocol, "127.1.%d.%d" % (i // 250, i % 250 + 1))
                 for i in range(parties) for _ in range(each)]
        for i, client in enumerate(crowd):
            client.ask(BOB, "guess %d" % i)
        new = Client(pair, protocol, "127.0.0.99")
        assert new.login(BOB, harness.PASSWORD).startswith(
            (b"235", b"+OK", b"-ERR [IN-USE]"))
        assert tries(pair, protocol, BOB, harness.PASSWORD) == "ok"
        for line in ok_lines(pair, protocol, BOB, "127.0.0.1"):
            assert "waited-ms" not in line, line
        # all that time the others have waited, and go on to
        answered = select.poll()
        for client in crowd:
            answered.register(client.socket, select.POLLIN)
        done = len(answered.poll(0))
        assert done < len(crowd) / 2, done
        # a stop does not wait for them
        new.close()
        assert server_of(pair, protocol).stop() == 0
        for client in crowd:
            client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_smtplib_gets_in_through_its_usual_dialogue():
    over = limits(2, 2, "2s")
    with harness.Pair(sender=over) as pair:
        for i in range(3):
            assert tries(pair, "smtp", ALICE, "guess%d" % i) == "wrong"
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=60) as s:
            s.login(ALICE, harness.PASSWORD)
