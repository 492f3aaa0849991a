"""Logging in: each mechanism with clients of others, over TLS too, the limits on
what fails, and the line in the log that tells of it."""

import base64
import os
import poplib
import re
import shutil
import smtplib
import subprocess

import harness
import pytest
import scram
from certificates import Lab

USER, NOBODY = "alice@abc.com", "nobody@abc.com"
ALL = "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN"
PLUS = "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS " + ALL


def keys(address, password=harness.PASSWORD, schemes="scram-sha-256,scram-sha-1",
         more=""):
    """The line of a user, without a password in it."""
    path = "/tmp/postpair-%d-%s" % (os.getpid(), address)
    try:
        done = subprocess.run(
            [harness.program("postpair-admin"), "user", "add", address, "-f",
             path, "--scheme=" + schemes],
            input=password + "\n", text=True, capture_output=True, timeout=60,
            check=False)
        assert done.returncode == 0, done.stderr
        with open(path, encoding="utf-8") as f:
            return f.read().strip() + more + "\n"
    finally:
        for name in (path, path + ".lock", path + ".secret"):
            if os.path.exists(name):
                os.unlink(name)


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab() as lab:
        for user in (USER, "carol@xyz.com", "eve@abc.com"):
            lab.make("user", user)
        yield lab


def pin(lab, stem):
    return re.search(r"sha256//\S+", lab.admin("show", lab.path(stem + ".crt"))).group()


@pytest.fixture(scope="module", name="pair")
def _pair(lab):
    over = {"tls": lab.section(**{"client-ca": lab.path("ca.crt")}),
            "login": {"channel-binding": "yes"}}
    with harness.Pair(sender=over, receiver=over, start=False) as pair:
        # eve's certificate is carol's too: whoever signed it, by its key
        pair.write_users(
            keys(USER) + keys("gr\u00fc\u00df@abc.com", "p\u00e4ss =,w") +
            keys("carol@xyz.com", more=" certificate=" + pin(lab, "eve@abc.com"))
            + keys("off@abc.com", more=" disabled=yes"))
        pair.start()
        yield pair


def context(lab, stem=None):
    c = lab.client()
    if stem is not None:
        c.load_cert_chain(lab.path(stem + ".crt"), lab.path(stem + ".key"))
    return c


class Smtp:
    """The lines of AUTH in SMTP: (kind, text), kind one of ok, no, more."""

    def __init__(self, pair, tls=None, source=""):
        self.s = smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30,
                              source_address=(source, 0))
        self.s.ehlo("client.example")
        if tls is not None:
            self.s.starttls(context=tls)
            self.s.ehlo("client.example")

    def mechanisms(self):
        return self.s.esmtp_features.get("auth", "").strip()

    def say(self, line):
        code, text = self.s.docmd(line)
        return {2: "ok", 3: "more"}.get(code // 100, "no"), \
            text.decode() if code == 334 else "%d %s" % (code, text.decode())

    def close(self):
        self.s.close()


class Pop3:
    """The same of POP3."""

    def __init__(self, pair, tls=None):
        self.s = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
        if tls is not None:
            self.s.stls(context=tls)

    def mechanisms(self):
        return " ".join(self.s.capa().get("SASL", []))

    def say(self, line):
        self.s._putcmd(line)
        text = self.s._getline()[0].decode()
        # who has the maildrop yet is a question that only the right one gets
        if text.startswith(("+OK", "-ERR [IN-USE]")):
            return "ok", text
        return ("more", text[2:]) if text.startswith("+ ") else ("no", text)

    def close(self):
        self.s.close()


PROTOCOLS = {"smtp": Smtp, "pop3": Pop3}
WRONG = {"smtp": "535 5.7.8 ", "pop3": "-ERR [AUTH] "}
MALFORMED = {"smtp": "501 5.5.2 ", "pop3": "-ERR "}


def log_in(wire, mechanism, login, password, initial=True, **more):
    """SCRAM; what the server says at last."""
    one = scram.Scram(mechanism, login, password, **more)
    kind, text = wire.say("AUTH " + mechanism +
                          (" " + one.first() if initial else ""))
    if not initial:
        assert (kind, text) == ("more", "")
        kind, text = wire.say(one.first())
    if kind != "more":
        return kind, text, one
    kind, text = wire.say(one.final(text))
    if kind != "more":
        return kind, text, one
    one.check(text)  # the server knows the password too
    return (*wire.say(""), one)


def test_the_scram_of_this_test_is_that_of_the_rfcs():
    scram.self_test()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_offered_depends_on_the_connection(pair, lab, protocol):
    for tls, want in ((None, ALL), (context(lab), PLUS),
                      (context(lab, USER), "EXTERNAL " + PLUS)):
        wire = PROTOCOLS[protocol](pair, tls)
        assert wire.mechanisms() == want
        wire.close()


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("mechanism", scram.HASHES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scram_logs_in_and_the_server_proves_itself(pair, protocol, mechanism,
                                                    initial):
    for login, password in ((USER, harness.PASSWORD),
                            ("ALICE@abc.com", harness.PASSWORD),
                            ("gr\u00fc\u00df@abc.com", "p\u00e4ss =,w")):
        wire = PROTOCOLS[protocol](pair)
        kind, text, _ = log_in(wire, mechanism, login, password, initial)
        assert kind == "ok", text
        wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_login_tells_nothing(pair, protocol):
    seen = {}
    for login, password in ((USER, "wrong"), (NOBODY, "wrong"),
                            (NOBODY, harness.PASSWORD),
                            ("off@abc.com", harness.PASSWORD)):
        wire = PROTOCOLS[protocol](pair)
        kind, text, one = log_in(wire, "SCRAM-SHA-256", login, password)
        assert kind == "no" and text.startswith(WRONG[protocol]), text
        assert one.count == 10000 and len(base64.b64decode(one.salt)) == 16
        assert seen.setdefault(login, one.salt) == one.salt
        wire.close()
    assert len(set(seen.values())) == len(seen)


def test_what_nobody_has_is_the_same_at_both_servers(pair):
    salts = set()
    for protocol in PROTOCOLS.values():
        wire = protocol(pair)
        salts.add(log_in(wire, "SCRAM-SHA-256", NOBODY, "x")[2].salt)
        wire.close()
    assert len(salts) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_downgrade_is_refused(pair, lab, protocol):
    """RFC 5802 6: `y' says that no binding was offered, and one was."""
    wire = PROTOCOLS[protocol](pair, context(lab))
    for gs2 in ("y,,", "p=tls-exporter,,", "p=tls-unique,,"):
        kind, text, _ = log_in(wire, "SCRAM-SHA-256", USER, harness.PASSWORD,
                               gs2=gs2)
        assert kind == "no" and text.startswith(WRONG[protocol]), text
    one = scram.Scram("SCRAM-SHA-256", USER, harness.PASSWORD)
    kind, text = wire.say("AUTH SCRAM-SHA-256-PLUS " + one.first())
    assert kind == "no" and text.startswith(WRONG[protocol]), text
    wire.close()
    wire = PROTOCOLS[protocol](pair)  # where none was offered it is true
    assert log_in(wire, "SCRAM-SHA-256", USER, harness.PASSWORD,
                  gs2="y,,")[0] == "ok"
    wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_binding_is_offered_unless_configured(lab, protocol):
    """mutt and neomutt choose -PLUS where they see it, and cannot bind."""
    tls = {"tls": lab.section()}
    with harness.Pair(sender=tls, receiver=tls) as pair:
        wire = PROTOCOLS[protocol](pair, context(lab))
        assert wire.mechanisms() == ALL
        one = scram.Scram("SCRAM-SHA-256", "bob@xyz.com", harness.PASSWORD)
        kind, text = wire.say("AUTH SCRAM-SHA-256-PLUS " + one.first())
        assert kind == "no" and "mechanism" in text, text
        # RFC 5802 6: "y" says so, and here it is true
        assert log_in(wire, "SCRAM-SHA-256", "bob@xyz.com", harness.PASSWORD,
                      gs2="y,,")[0] == "ok"
        wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_login_asks_in_the_usual_words(pair, protocol):
    for first in ("AUTH LOGIN", "auth login " + scram.b64(USER.encode())):
        wire = PROTOCOLS[protocol](pair)
        kind, text = wire.say(first)
        if first == "AUTH LOGIN":
            assert (kind, text) == ("more", scram.b64(b"Username:"))
            kind, text = wire.say(scram.b64(USER.encode()))
        assert (kind, text) == ("more", scram.b64(b"Password:"))
        assert wire.say(scram.b64(harness.PASSWORD.encode()))[0] == "ok"
        wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_acts_for_another(pair, protocol):
    for authzid, want in ((USER, "ok"), ("carol@xyz.com", "no")):
        wire = PROTOCOLS[protocol](pair)
        assert log_in(wire, "SCRAM-SHA-256", USER, harness.PASSWORD,
                      gs2="n,a=%s," % authzid)[0] == want
        wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rubbish_is_answered_and_forgotten(pair, protocol):
    wire = PROTOCOLS[protocol](pair)
    one = scram.Scram("SCRAM-SHA-256", USER, harness.PASSWORD)
    for line in ("AUTH SCRAM-SHA-256 !!!", "AUTH SCRAM-SHA-256 =",
                 "AUTH SCRAM-SHA-256 " + scram.b64(b"n,,n=a=b,r=x"),
                 "AUTH SCRAM-SHA-256 " + scram.b64(b"n,,m=x,n=a,r=x"),
                 "AUTH SCRAM-SHA-256 " + scram.b64(b"n,,n=a\0b,r=x"),
                 "AUTH PLAIN " + scram.b64(b"\0a\0b\0c")):
        kind, text = wire.say(line)
        assert kind == "no" and text.startswith(MALFORMED[protocol]), text
    for line in ("", "x" * 12000, "=", "*", scram.b64(b"c=biws"),
                 scram.b64(b"c=biws,r=other,p=AAAA")):
        assert wire.say("AUTH SCRAM-SHA-256 " + one.first())[0] == "more"
        assert wire.say(line)[0] == "no", line[:20]
    kind, text = wire.say("AUTH X-UNKNOWN")
    assert kind == "no" and "mechanism" in text
    # and still the right one gets in
    assert log_in(wire, "SCRAM-SHA-1", USER, harness.PASSWORD)[0] == "ok"
    wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_last_word_must_be_empty(pair, protocol):
    wire = PROTOCOLS[protocol](pair)
    one = scram.Scram("SCRAM-SHA-256", USER, harness.PASSWORD)
    challenge = wire.say("AUTH SCRAM-SHA-256 " + one.first())[1]
    assert wire.say(one.final(challenge))[0] == "more"
    assert wire.say(scram.b64(b"more"))[0] == "no"
    wire.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_certificate_logs_in(pair, lab, protocol):
    def say(stem, authzid):
        wire = PROTOCOLS[protocol](pair, context(lab, stem))
        got = wire.say("AUTH EXTERNAL " + (scram.b64(authzid.encode()) or "="))
        wire.close()
        return got

    assert say(USER, "")[0] == "ok"  # named in it, and signed by our CA
    assert say(USER, USER)[0] == "ok"
    kind, text = say(USER, "carol@xyz.com")
    assert kind == "no" and text.startswith(WRONG[protocol])
    assert say("eve@abc.com", "")[0] == "ok"  # carol's, by certificate=
    assert say("eve@abc.com", "carol@xyz.com")[0] == "ok"
    assert say("eve@abc.com", "eve@abc.com")[0] == "no"  # not a user
    log = (pair.sender if protocol == "smtp" else pair.receiver).log()
    assert re.search(r"login=carol@xyz.com mechanism=EXTERNAL", log)


# ---- programs of others --------------------------------------------------------


def need(program):
    if shutil.which(program) is None:
        pytest.skip("%s is not installed" % program)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("form", ["clear", "starttls"])
def test_swaks(pair, mechanism, form):
    need("swaks")
    for password, status in ((harness.PASSWORD, 0), ("wrong", 28)):
        done = pair.run(
            ["swaks", "--server", "127.0.0.1", "--port",
             str(pair.submission_port), "--auth", mechanism, "--auth-user",
             USER, "--auth-password", password, "--from", USER, "--to", USER,
             "--quit-after", "RCPT"] + (["-tls"] if form != "clear" else []))
        assert done.returncode == status, done.stdout


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-1",
                                       "scram-sha-256"])
def test_msmtp(pair, lab, mechanism, tls):
    need("msmtp")
    how = "--tls=on --tls-starttls=on --tls-trust-file=%s" % \
        lab.path("ca.crt") if tls else "--tls=off"
    done = pair.run(
        ["sh", "-c", "exec msmtp --host=127.0.0.1 --port=%d %s --auth=%s "
         "--user=%s --passwordeval='echo %s' --from=%s -- %s" % (
             pair.submission_port, how, mechanism, USER, harness.PASSWORD,
             USER, USER)], stdin="Subject: %s %s\n\nx\n" % (mechanism, tls))
    if b"not supported" in done.stderr:
        pytest.skip("msmtp knows no " + mechanism)
    assert done.returncode == 0, done.stderr
    assert "login=%s mechanism=%s" % (USER, mechanism.upper()) in \
        pair.sender.log()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", *scram.HASHES])
def test_gsasl(pair, mechanism):
    # not over TLS: it says STARTTLS before EHLO, and goes on after the 503
    need("gsasl")
    done = pair.run(
        ["gsasl", "--smtp", "--mechanism=" + mechanism, "--no-client-first",
         "--authentication-id=" + USER, "--password=" + harness.PASSWORD,
         "--verbose", "--no-starttls", "127.0.0.1",
         str(pair.submission_port)], stdin="QUIT\n")
    said = done.stdout + done.stderr
    assert b"235 2.7.0" in said, said.decode(errors="replace")


class Openssl:
    """openssl s_client, which tells the binding of its connection (RFC 9266),
    as Python does not."""

    def __init__(self, pair, lab, protocol):
        port = pair.submission_port if protocol == "smtp" else pair.pop3_port
        self.p = subprocess.Popen(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
             "-starttls", protocol, "-CAfile", lab.path("ca.crt"), "-crlf",
             "-ign_eof", "-keymatexport", "EXPORTER-Channel-Binding",
             "-keymatexportlen", "32"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.binding = bytes.fromhex(
            self.until(r"Keying material: ([0-9A-F]{64})").group(1))
        self.protocol = protocol
        if protocol == "smtp":
            self.p.stdin.write("EHLO client.example\n")
            self.p.stdin.flush()
            self.until(r"^250 ")

    def until(self, pattern):
        for line in self.p.stdout:
            match = re.search(pattern, line)
            if match:
                return match
        raise AssertionError("openssl said no " + pattern)

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        text = self.until(r"^(334 |235 |[45]\d\d |\+ |\+OK|-ERR)").string.strip()
        if text.startswith(("334", "+ ")) or text == "+":
            return "more", text.partition(" ")[2]
        return ("ok" if text.startswith(("235", "+OK", "-ERR [IN-USE]"))
                else "no"), text

    def close(self):
        self.p.kill()
        self.p.stdin.close()
        self.p.stdout.close()
        self.p.wait()


@pytest.mark.parametrize("mechanism", scram.HASHES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_login_is_bound_to_its_connection(pair, lab, protocol, mechanism):
    need("openssl")
    wire = Openssl(pair, lab, protocol)
    try:
        other = bytes([wire.binding[0] ^ 1]) + wire.binding[1:]
        for binding, want in ((other, "no"), (b"", "no"), (wire.binding, "ok")):
            kind, text, _ = log_in(wire, mechanism + "-PLUS", USER,
                                   harness.PASSWORD, gs2="p=tls-exporter,,",
                                   binding=binding)
            assert kind == want, text
    finally:
        wire.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "EXTERNAL"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_curl(pair, lab, protocol, mechanism):
    need("curl")
    port = pair.submission_port if protocol == "smtp" else pair.pop3_port
    path = pair.write("message", b"Subject: curl\r\n\r\nx\r\n")
    send = ["--mail-from", USER, "--mail-rcpt", USER, "--upload-file", path]
    done = pair.run(
        ["curl", "-sS", "-v", "--max-time", "40", "--ssl-reqd", "--cacert",
         lab.path("ca.crt"), "--cert", lab.path(USER + ".crt"), "--key",
         lab.path(USER + ".key"), "--login-options", "AUTH=" + mechanism,
         "--user", "%s:%s" % (USER, "" if mechanism == "EXTERNAL"
                              else harness.PASSWORD), "--url",
         "%s://127.0.0.1:%d/" % (protocol, port)] +
        (send if protocol == "smtp" else []))
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, said
    assert "> AUTH %s" % mechanism in said


@pytest.mark.parametrize("tls", [False, True])
def test_mailsh_takes_the_strongest(pair, lab, tls):
    how = " --starttls" if tls else " --plain"
    done = pair.run(
        [harness.program("mailsh"), "--ca", lab.path("ca.crt"), "-c",
         "trace on", "-c", "login %s --password %s --smtp localhost:%d --pop3 "
         "localhost:%d%s" % (USER, harness.PASSWORD, pair.submission_port,
                             pair.pop3_port, how), "-c", "list"])
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    want = "AUTH SCRAM-SHA-256" + ("-PLUS" if tls else "")
    assert re.search("> %s( |$)" % want, said, re.M), said
    # nothing that a password could be guessed from
    assert harness.PASSWORD not in said
    assert len(re.findall(r"^< (?:334|\+) \*\*\*$", said, re.M)) >= 4
    assert not re.search(r"^[<>] (?:334 |\+ )?[A-Za-z0-9+/]{20,}=*$", said,
                         re.M), said


def test_mailsh_takes_the_mechanism_it_is_told(pair, lab):
    def login(*more):
        return pair.run(
            [harness.program("mailsh"), "--ca", lab.path("ca.crt"), "--cert",
             lab.path(USER + ".crt"), "--key", lab.path(USER + ".key"), "-c",
             "trace on", "-c", "login %s --smtp localhost:%d --pop3 "
             "localhost:%d %s" % (USER, pair.submission_port, pair.pop3_port,
                                  " ".join(more))])

    password = "--password " + harness.PASSWORD
    for more, want in (([password], "EXTERNAL"),
                       (["--mechanism external"], "EXTERNAL"),
                       ([password, "--mechanism PLAIN"], "PLAIN"),
                       ([password, "--mechanism SCRAM-SHA-1"], "SCRAM-SHA-1")):
        done = login(*more)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, said
        assert len(re.findall("> AUTH %s( |$)" % want, said, re.M)) == 2, said
    for name, reason in (("CRAM-MD5", "the server does not offer CRAM-MD5"),
                         ("x" * 40, "--mechanism wants a name")):
        done = login(password, "--mechanism", name)
        assert done.returncode != 0 and reason in done.stderr.decode(), \
            done.stderr


def test_mailsh_logs_in_by_itself_with_a_certificate(pair, lab):
    done = pair.run(
        [harness.program("mailsh"), "-H", "localhost", "--smtp-port",
         str(pair.submission_port), "--ca", lab.path("ca.crt"), "--cert",
         lab.path(USER + ".crt"), "--key", lab.path(USER + ".key"), "-u", USER,
         "-t", "-c", "echo then"])
    assert done.returncode == 0, done.stderr
    assert b"> AUTH EXTERNAL" in done.stderr and b"then" in done.stdout


# ---- which are offered -----------------------------------------------------------


def test_scram_is_offered_when_it_serves_everybody():
    with harness.Pair(receiver={"login": {"mechanisms": "PLAIN SCRAM-SHA-1"}}
                      ) as pair:
        pair.write_users(keys(USER, schemes="crypt") + keys("carol@xyz.com"))
        wire = Smtp(pair)
        assert wire.mechanisms() == "PLAIN LOGIN"
        assert wire.say("AUTH SCRAM-SHA-256")[1].startswith("504 5.5.4")
        wire.close()
        wire = Pop3(pair)  # whoever names them gets them
        assert wire.mechanisms() == "SCRAM-SHA-1 PLAIN"
        assert log_in(wire, "SCRAM-SHA-1", "carol@xyz.com",
                      harness.PASSWORD)[0] == "ok"
        wire.close()
        pair.write_users(keys(USER, schemes="crypt,scram-sha-256"))
        wire = Smtp(pair)
        assert wire.mechanisms() == "SCRAM-SHA-256 PLAIN LOGIN"
        wire.close()


def test_an_unknown_mechanism_is_named_in_the_configuration():
    pair = harness.Pair(sender={"login": {"mechanisms": "PLAIN SCRAM-SHA256"}},
                        start=False)
    try:
        pair.sender.write_config()
        assert "[login] mechanisms: unknown mechanism 'SCRAM-SHA256', did " \
            "you mean 'SCRAM-SHA-256'?" in pair.sender.refused()
    finally:
        pair.kill()


# ---- what fails --------------------------------------------------------------------

def plain(login, password):
    return "AUTH PLAIN " + scram.b64(
        b"\0%s\0%s" % (login.encode(), password.encode()))


def test_five_in_one_session_end_it():
    with harness.Pair() as pair:
        wire = Smtp(pair)
        for _ in range(4):
            assert wire.say(plain(USER, "x"))[1].startswith("535")
        assert wire.say(plain(USER, "x"))[1].startswith("421 4.7.0")
        wire.close()


def failregex():
    path = os.path.join(harness.top_srcdir(), "conf", "fail2ban", "filter.conf")
    with open(path, encoding="utf-8") as f:
        text = re.search(r"^failregex = (.*)$", f.read(), re.M).group(1)
    return path, text


def test_fail2ban_finds_each_failure_and_nothing_else():
    with harness.Pair() as pair:
        for protocol in PROTOCOLS.values():
            wire = protocol(pair)
            wire.say(plain(USER, "wrong"))
            wire.say(plain("x client=192.0.2.9 login=y@abc.com", "wrong"))
            log_in(wire, "SCRAM-SHA-256", NOBODY, "wrong")
            wire.say(plain(USER, harness.PASSWORD))
            wire.close()
        # words that look like such a line, where a client may write them
        with smtplib.SMTP("127.0.0.1", pair.submission_port) as s:
            s.ehlo("warn auth-failed service=a session=b client=192.0.2.9 "
                   "login=x")
            s.docmd("2026-11-25T00:00:00.000Z warn auth-failed service=a "
                    "session=b client=192.0.2.9 login=x")
        log = pair.receiver.log() + pair.sender.log()
        path, text = failregex()
        stamp = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z", re.M)
        found = re.findall(text.replace("<ADDR>", r"(\S+)"),
                           stamp.sub("", log), re.M)
        assert found == ["127.0.0.1"] * 6, (found, log)
        # the same lines as journald shows them
        for name in ("postpair-sender[12]", "postpair-receiver"):
            line = "host %s: 2026-11-25T22:00:00.000Z warn auth-failed " \
                "service=a session=b client=2001:db8::1 login=" % name
            assert re.match(text.replace("<ADDR>", r"(\S+)"), line)
        if shutil.which("fail2ban-regex") is None:
            return
        whole = pair.write("log", log.encode())
        done = pair.run(["fail2ban-regex", whole, path])
        assert b"Failregex: 6 total" in done.stdout, done.stdout.decode()
