"""What mailsh says of servers that refuse, hang up or lack something: the exit
status is what a script decides by, and the hint what a person does next."""

import harness
import pytest
from test_hostile import POP3, SMTP, YES, Liar

LOGIN = "login alice@abc.com --password secret --%s 127.0.0.1:%d\n"
COMPOSE = ("compose -t bob@xyz.com -t carol@xyz.com -t dave@xyz.com --body x\n"
           "send\n")
PIPELINING = b"250-liar\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"
CHUNKING = b"250-liar\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 AUTH PLAIN\r\n"
BYE = b"421 4.3.2 closing\r\n"


class Server(Liar):
    """After an answer that ends with a form feed it hangs up."""

    seen = b""

    def talk(self, client, lines):
        client.sendall(self.greeting)
        data = False
        for line in lines:
            self.seen += line
            if data and line != b".\r\n":
                continue
            data = line == b"DATA\r\n"
            verb = (line.split() or [b""])[0].upper().decode()
            answer = self.answers.get(verb, self.other)
            client.sendall(answer.removesuffix(b"\f"))
            if answer.endswith(b"\f") or verb == "QUIT":
                return


@pytest.fixture(name="pair", scope="module")
def _pair():
    with harness.Pair(sender=False) as pair:
        yield pair


def against(pair, answers, script=COMPOSE, status=None, protocol="smtp",
            greeting=b"220 liar\r\n", other=b"250 2.0.0 ok\r\n"):
    with Server(greeting, answers, other) as server:
        pair.mailsh(LOGIN % (protocol, server.port) + script, ports=False,
                    status=status)
        return server.seen


@pytest.mark.parametrize("hello", [SMTP["EHLO"], PIPELINING, CHUNKING],
                         ids=["plain", "pipelining", "chunking"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_421_is_to_be_tried_later(pair, hello, verb):
    against(pair, {**SMTP, **YES, "EHLO": hello, verb: BYE + b"\f"}, status=5)
    assert "421 4.3.2 closing [try-later]" in pair.stderr
    assert "not known" not in pair.stderr


@pytest.mark.parametrize("hello", [SMTP["EHLO"], PIPELINING])
def test_only_after_the_text_was_sent_is_it_not_known(pair, hello):
    for verb in ("MAIL", "RCPT", "DATA"):
        against(pair, {**SMTP, **YES, "EHLO": hello, verb: b"\f"}, status=3)
        assert "hint: the server has nothing of the message" in pair.stderr
    against(pair, {**SMTP, **YES, "EHLO": hello, ".": b"\f"}, status=3)
    assert "not known whether the server took the message" in pair.stderr


def test_a_server_without_auth_is_said_to_have_none(pair):
    against(pair, {"EHLO": b"250 liar\r\n"}, "", status=4)
    assert "offers no login (no AUTH) [authentication]" in pair.stderr
    assert "password" not in pair.stderr
    # one whose mechanisms we do not know
    against(pair, {"EHLO": b"250-liar\r\n250 AUTH GSSAPI\r\n"}, "", status=4)
    assert "no way to log in that we know" in pair.stderr
    assert "password" not in pair.stderr


@pytest.mark.parametrize("code,status,asks", [
    (b"535 5.7.8 no", 4, True), (b"535 no", 4, True),
    (b"534 5.7.9 too weak", 4, False), (b"454 4.7.0 later", 5, False)])
def test_the_password_is_asked_about_when_it_may_be_wrong(pair, code, status,
                                                          asks):
    words = {verb: code + b"\r\n" for verb in YES}
    against(pair, {**SMTP, **words}, "", status=status)
    assert ("is the password of" in pair.stderr) == asks


@pytest.mark.parametrize("code,status,asks", [
    (b"[AUTH] no", 4, True), (b"no", 4, True),
    (b"[SYS/PERM] disk gone", 1, False), (b"[SYS/TEMP] busy", 5, False),
    (b"[LOGIN-DELAY] wait", 5, False)])
def test_pop3_too(pair, code, status, asks):
    against(pair, {**POP3, "PASS": b"-ERR " + code + b"\r\n"}, "",
            status=status, protocol="pop3", greeting=b"+OK liar\r\n",
            other=b"+OK\r\n")
    assert ("is the password of" in pair.stderr) == asks


def test_ehlo_says_where_we_come_from(pair):
    assert b"EHLO [127.0.0.1]\r\n" in against(pair, {}, "")
    with Server(b"220 liar\r\n", {}, b"250 2.0.0 ok\r\n", "::1") as server:
        pair.mailsh("login alice@abc.com --password x --smtp [::1]:%d\n" %
                    server.port, ports=False, status=4)
        assert b"EHLO [IPv6:::1]\r\n" in server.seen
