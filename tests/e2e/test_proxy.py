"""Who stands before the servers says who the client is: PROXY and XCLIENT."""

import contextlib
import select
import shutil
import socket
import ssl
import struct
import subprocess

import harness
import pytest
from certificates import Lab
from harness import Pair, Wire

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
HERE = "127.0.0.0/8"
V1 = b"PROXY TCP4 192.0.2.%d 203.0.113.1 4711 25\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(last, command=1, family=0x11, more=b""):
    body = socket.inet_aton("192.0.2.%d" % last) + \
        socket.inet_aton("203.0.113.1") + struct.pack(">HH", 4711, 25) + more
    return SIGNATURE + bytes([0x20 | command, family]) + \
        struct.pack(">H", len(body)) + body


def proxied(**more):
    section = {"proxy-from": HERE, **more}
    return Pair(sender={"submission": section, "verify": {"enabled": "no"}},
                receiver={"smtp": section, "pop3": section})


def ports(pair):
    return (pair.submission_port, pair.smtp_port, pair.pop3_port)


def beginning(port, header):
    with Wire(port) as wire:
        wire.send(header)
        return wire.line()


@pytest.mark.parametrize("version", [1, 2])
def test_the_client_is_who_the_header_names(version):
    with proxied() as pair:
        header = V1 % 7 if version == 1 else v2(7, more=b"\1\0\2h2\4\0\1x")
        for port in ports(pair):
            assert beginning(port, header)[:3] in (b"220", b"+OK")
        with Wire(pair.smtp_port) as wire:
            wire.send(header)
            wire.reply()
            wire.ask(b"EHLO c")
            wire.ask(b"MAIL FROM:<alice@abc.com>")
            wire.ask(b"RCPT TO:<bob@xyz.com>")
            wire.ask(b"DATA")
            assert wire.ask(b"Subject: by proxy\r\n\r\n.")[:3] == b"250"
        text = pair.wait_message(BOB, "by proxy")
        assert b"([192.0.2.7])" in text, text
        pair.receiver.wait_log("client=192.0.2.7 port=4711")


def test_a_wrong_beginning_is_a_close_without_a_word():
    with proxied() as pair:
        for port in ports(pair):
            for text in (b"EHLO c\r\n", b"CAPA\r\n", b"GET / HTTP/1.0\r\n\r\n",
                         b"PROXY TCP4 192.0.2.7\r\n", v2(7, command=2),
                         v2(7, family=0x44), b"\x16\x03\1\0\xff" + b"x" * 300):
                assert beginning(port, text) == b"", text
        pair.receiver.wait_log("proxy-header")
        # and the next one is served
        assert beginning(pair.smtp_port, V1 % 7)[:3] == b"220"


def test_a_health_check_is_the_proxy_itself():
    with proxied() as pair:
        assert beginning(pair.smtp_port, v2(7, command=0))[:3] == b"220"
        pair.receiver.wait_log("client=127.0.0.1")


def test_caps_count_the_client_not_the_proxy():
    with proxied(**{"max-clients-per-address": "2"}) as pair:
        wires = [Wire(pair.smtp_port) for _ in range(5)]
        for wire, last, answer in zip(wires, (1, 1, 2, 2, 1),
                                      [b"220"] * 4 + [b"421"]):
            wire.send(V1 % last)
            assert wire.line()[:3] == answer
        for wire in wires:
            wire.close()


def test_exempt_networks_have_no_cap_by_address():
    with Pair(sender=False, receiver={
            "smtp": {"proxy-from": HERE, "max-clients-per-address": "1"},
            "limits": {"exempt": "192.0.2.0/25"}}) as pair:
        with contextlib.ExitStack() as stack:
            for last, answer in ((7, b"220"), (7, b"220"), (200, b"220"), (200, b"421")):
                wire = stack.enter_context(Wire(pair.smtp_port))
                wire.send(V1 % last)
                assert wire.line()[:3] == answer


def test_silent_strangers_give_way_on_every_service():
    """With all places taken, who has no login and no message under way makes
    room for another party; who has logged in does not."""
    few = {"max-clients": "4", "max-clients-per-address": "4", "proxy-from": HERE,
           "auth-in-clear-text": "yes"}
    smtp = {k: v for k, v in few.items() if k != "auth-in-clear-text"}
    with Pair(sender={"submission": few},
              receiver={"smtp": smtp, "pop3": few}) as pair:
        plain = b"AGFsaWNlQGFiYy5jb20Ac2VjcmV0"
        for port, hello, login in (
                (pair.submission_port, b"220", [b"EHLO c", b"AUTH PLAIN " + plain]),
                (pair.smtp_port, b"220", None),
                (pair.pop3_port, b"+OK", [b"AUTH PLAIN " + plain])):
            wires = []
            for _ in range(4):
                wires.append(Wire(port))
                wires[-1].send(V1 % 7)
                assert wires[-1].line()[:3] == hello
            for line in login or []:
                assert wires[0].ask(line)[:3] in (b"250", b"235", b"+OK")
            wires.append(Wire(port))
            wires[-1].send(V1 % 8)
            assert wires[-1].line()[:3] == hello
            gone = wires[1 if login else 0]
            assert gone.line()[:4] in (b"421 ", b"-ERR")
            assert gone.line() == b""
            if login:
                assert wires[0].ask(b"NOOP")[:3] in (b"250", b"+OK")
            for wire in wires:
                wire.close()
            server = pair.sender if port == pair.submission_port \
                else pair.receiver
            server.wait_log("gave way to another")


def test_messages_that_stand_still_give_way():
    """DATA, or a chunk, and then nothing: ten seconds, when others need the place."""
    few = {"max-clients": "2", "proxy-from": HERE}
    with Pair(receiver={"smtp": few}) as pair, contextlib.ExitStack() as stack:
        def client(last):
            wire = stack.enter_context(Wire(pair.smtp_port))
            wire.send(V1 % last)
            return wire, wire.line()[:3]

        begun = []
        for last, begin in ((7, b"DATA\r\n"), (8, b"BDAT 1000000\r\nx")):
            wire, answer = client(last)
            assert answer == b"220"
            for line in (b"EHLO c", b"MAIL FROM:<a@example.org>",
                         b"RCPT TO:<alice@abc.com>"):
                assert wire.ask(line)[:3] == b"250"
            wire.send(begin)
            if begin == b"DATA\r\n":
                assert wire.line()[:3] == b"354"
            begun.append(wire)
        assert client(9)[1] == b"421"
        for last in (9, 10):  # either goes first
            harness.wait_for(lambda last=last: client(last)[1] == b"220", 30)
            told, _, _ = select.select([w.socket for w in begun], [], [], 30)
            wire = next(w for w in begun if w.socket in told)
            begun.remove(wire)
            assert wire.line()[:9] == b"421 4.3.2"
            assert wire.line() == b""


def test_a_user_has_so_many_sessions():
    few = {"max-clients-per-user": "2", "max-clients-per-address": "1",
           "proxy-from": HERE, "auth-in-clear-text": "yes"}
    plain = b"AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0"
    with Pair(sender={"submission": few}) as pair:
        with contextlib.ExitStack() as stack:
            for last, answer in ((7, b"235"), (7, b"235"), (8, b"421")):
                wire = stack.enter_context(Wire(pair.submission_port))
                wire.send(V1 % last)
                wire.reply()
                wire.ask(b"EHLO c")
                assert wire.ask(plain)[:3] == answer
        pair.sender.wait_log("too many sessions of this user")


def test_no_password_in_clear_text_for_a_client_behind_a_proxy():
    """The proxy is on this machine; its clients are not."""
    with proxied() as pair:
        for header, offered in ((V1 % 7, False), (b"PROXY UNKNOWN\r\n", False),
                                (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", True)):
            with Wire(pair.submission_port) as wire:
                wire.send(header)
                wire.reply()
                assert (b"AUTH" in wire.ask(b"EHLO c")) == offered, header


def test_the_header_comes_before_tls():
    with Lab() as lab, Pair(sender=False, receiver={
            "tls": lab.section(), "smtp": {"proxy-from": HERE, "listen-tls": "127.0.0.1:0"},
            "pop3": {"proxy-from": HERE, "listen-tls": "127.0.0.1:0"}}) as pair:
        for port, hello in ((pair.receiver.ports["smtp-tls"], b"220"),
                            (pair.receiver.ports["pop3-tls"], b"+OK")):
            with socket.create_connection(("127.0.0.1", port), 30) as plain:
                # the handshake in the same segment as the header
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = lab.client().wrap_bio(incoming, outgoing,
                                            server_hostname="localhost")
                text, pending = b"", v2(7)
                while len(text) < 3:
                    try:
                        if tls.version() is None:
                            tls.do_handshake()
                        text += tls.read(100)
                    except ssl.SSLWantReadError:
                        plain.sendall(pending + outgoing.read())
                        pending = b""
                        incoming.write(plain.recv(65536))
                assert text[:3] == hello
        pair.receiver.wait_log("client=192.0.2.7")


def test_without_proxy_from_a_header_is_an_early_word():
    with Pair() as pair, Wire(pair.smtp_port) as wire:
        assert wire.line()[:3] == b"220"
        assert wire.ask((V1 % 7).strip())[:3] == b"500"


def test_a_wrong_network_names_key_and_reason():
    for section, key in (("smtp", "proxy-from"), ("smtp", "xclient-from"),
                         ("pop3", "proxy-from"), ("lmtp", "proxy-from")):
        with Pair(start=False, receiver={section: {key: "10.0.0.1/8"}}) as pair:
            pair.receiver.write_config()
            assert "[%s] %s" % (section, key) in pair.receiver.refused()


def test_xclient_names_client_and_login():
    with Pair(sender={"submission": {"xclient-from": HERE},
                      "verify": {"enabled": "no"}},
              receiver={"smtp": {"xclient-from": HERE}}) as pair:
        with Wire(pair.submission_port) as wire:
            wire.reply()
            assert b"XCLIENT" in wire.ask(b"EHLO c")
            assert wire.ask(b"XCLIENT ADDR=192.0.2.9 LOGIN=alice+40abc.com"
                            )[:3] == b"220"
            assert b"AUTH" not in wire.ask(b"EHLO c")
            assert wire.ask(b"MAIL FROM:<bob@xyz.com>")[:3] == b"550"
            assert wire.ask(b"MAIL FROM:<alice@abc.com>")[:3] == b"250"
            wire.ask(b"RCPT TO:<bob@xyz.com>")
            wire.ask(b"DATA")
            assert wire.ask(b"Subject: for her\r\n\r\n.")[:3] == b"250"
        assert b"([192.0.2.9])" in pair.wait_message(BOB, "for her")
    with Pair() as pair, Wire(pair.smtp_port) as wire:
        wire.reply()
        assert b"XCLIENT" not in wire.ask(b"EHLO c")
        assert wire.ask(b"XCLIENT ADDR=192.0.2.9")[:3] == b"550"


@pytest.mark.skipif(shutil.which("swaks") is None, reason="no swaks")
def test_swaks_speaks_xclient_and_proxy():
    with Pair(receiver={"smtp": {"xclient-from": HERE}}) as pair:
        done = subprocess.run(
            ["swaks", "-s", "127.0.0.1", "-p", str(pair.smtp_port), "-f", ALICE,
             "-t", BOB, "--xclient-addr", "192.0.2.8", "--xclient-name",
             "h.example", "--header", "Subject: swaks"],
            capture_output=True, timeout=50, check=False)
        assert done.returncode == 0, done.stdout
        assert b"([192.0.2.8])" in pair.wait_message(BOB, "swaks")
    with proxied() as pair:
        done = subprocess.run(
            ["swaks", "-s", "127.0.0.1", "-p", str(pair.smtp_port), "-f", ALICE,
             "-t", BOB, "--proxy-version", "2", "--proxy-family", "AF_INET",
             "--proxy-protocol", "STREAM", "--proxy-source", "192.0.2.6",
             "--proxy-source-port", "99", "--proxy-dest", "203.0.113.1",
             "--proxy-dest-port", "25", "--header", "Subject: swaks"],
            capture_output=True, timeout=50, check=False)
        assert done.returncode == 0, done.stdout
        assert b"([192.0.2.6])" in pair.wait_message(BOB, "swaks")
