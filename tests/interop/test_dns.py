"""Mail by the records of a real name server (nsd): which server gets it, and
what DNSSEC and MTA-STS demand of it."""

import contextlib
import hashlib
import http.server
import os
import re
import smtplib
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import neighbour  # noqa: E402
from nameserver import Broken, NameServer, Signed  # noqa: E402

harness = neighbour.harness
from certificates import Lab  # noqa: E402
from tls_peer import TlsPeer  # noqa: E402

DOMAINS = "xyz.com one.example two.example three.example four.example"
MAILBOX = "bob@xyz.com"  # an alias of every recipient here


@contextlib.contextmanager
def pair_by_mx(dns, receiver=None, sender=None):
    """A pair whose sender finds its receiver by MX records alone; the hosts of
    all records share the receiver's port."""
    pair = harness.Pair(
        start=False,
        receiver=harness.merged(
            {"domains": {"local": DOMAINS},
             "smtp": {"listen": "127.0.0.1:0"},
             "aliases": {"bob@%s" % d: MAILBOX
                         for d in DOMAINS.split()[1:]}}, receiver),
        sender=harness.merged({"relay": {"connect-timeout": "2s"},
                               "dns": {"servers": dns.server,
                                       "timeout": "2s"},
                               "mta-sts": {"enabled": "no"},
                               "queue": {"retry-min": "300ms",
                                         "retry-max": "500ms"}}, sender))
    try:
        pair.receiver.start()
        pair.sender.sections["routes"] = {"*": "mx"}
        pair.sender.sections["relay"].update(
            {"mx-port": str(pair.smtp_port), "loopback-mx": "yes"})
        pair.sender.start()
    except BaseException:
        print(pair.logs())
        pair.kill()
        raise
    with pair:
        yield pair


def send(pair, to, subject):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login("alice@abc.com", harness.PASSWORD)
        s.sendmail("alice@abc.com", [to],
                   "From: alice@abc.com\r\nTo: %s\r\nSubject: %s\r\n\r\nx\r\n"
                   % (to, subject))


def arrives(pair, to, subject):
    send(pair, to, subject)
    return pair.wait_message(MAILBOX, subject)


def result(pair, to, outcome, reply):
    return pair.sender.wait_log(
        r" delivery .*rcpt=%s result=%s .*reply=\"%s.*$"
        % (re.escape(to), outcome, reply)).group()


def admin(pair, *args, status=0):
    done = subprocess.run(
        [harness.program("postpair-admin"), *args, "-c", pair.sender.config],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def trail(pair, to):
    message = pair.sender.wait_log(
        r" delivery id=(\S+) .*rcpt=%s " % re.escape(to)).group(1)
    return admin(pair, "trail", message)


# ---- which server -----------------------------------------------------------

def test_servers_are_tried_by_preference_until_one_takes_it():
    zones = {"xyz.com": ["@ MX 30 late", "@ MX 10 dead", "@ MX 20 good",
                         "dead A 127.0.0.9", "good A 127.0.0.8",
                         "good AAAA 2001:db8::1", "good A 127.0.0.1",
                         "late A 127.0.0.1"]}
    with NameServer(zones) as dns, pair_by_mx(dns) as pair:
        arrives(pair, "bob@xyz.com", "in order")
        said = trail(pair, "bob@xyz.com")
        hosts = re.findall(r"MX (\d+) (\S+) \[(\S+)\]", said)
        assert hosts[0] == ("10", "dead.xyz.com", "127.0.0.9"), said
        assert hosts[-1] == ("20", "good.xyz.com", "127.0.0.1"), said
        assert "late" not in said


def test_without_mx_records_the_domain_itself_is_the_server():
    with NameServer({"one.example": ["@ A 127.0.0.1"]}) as dns, \
            pair_by_mx(dns) as pair:
        arrives(pair, "bob@one.example", "implicit")


def test_servers_of_equal_preference_share_the_load():
    zones = {"xyz.com": ["@ MX 10 a", "@ MX 10 b", "a A 127.0.0.1",
                         "b A 127.0.0.1"]}
    with NameServer(zones) as dns, \
            pair_by_mx(dns, sender={"relay": {"idle-timeout": "0s"}}) as pair:
        for i in range(24):
            arrives(pair, "bob@xyz.com", "equal %d" % i)
        ids = set(re.findall(r" delivery id=(\S+)", pair.sender.log()))
        said = "".join(admin(pair, "trail", one) for one in ids)
        # all of one kind: once in 2^23
        assert set(re.findall(r"MX 10 (\S+)", said)) == {"a.xyz.com",
                                                        "b.xyz.com"}


@pytest.mark.parametrize("to,reply", [
    ("bob@null.example", "556 5.1.10 "),
    ("bob@gone.null.example", "550 5.1.2 "),
    ("bob@nohost.example", "550 5.4.4 "),
    ("bob@loop.example", "554 5.4.6 "),
], ids=lambda p: p.split("@")[-1].strip())
def test_what_can_never_be_delivered_comes_back_at_once(to, reply):
    zones = {"null.example": ["@ MX 0 ."],
             "nohost.example": ["@ MX 10 nothing"],
             "loop.example": ["@ MX 10 localhost.", "@ MX 20 ns"],
             "abc.com": ["@ MX 10 mx", "mx A 127.0.0.1"]}
    with NameServer(zones) as dns, pair_by_mx(
            dns, receiver={"domains": {"local": "abc.com"}, "aliases": {
                "bob@%s" % d: None for d in DOMAINS.split()}}) as pair:
        send(pair, to, "never")
        result(pair, to, "failed", reply)
        report = pair.maildir("alice@abc.com").wait(1)[0]
        assert reply.strip().encode() in report


def test_a_name_server_that_fails_or_is_silent_makes_mail_wait():
    zones = {"two.example": Broken(),
             "three.example": ["@ MX 10 mx", "mx A 127.0.0.1"]}
    with NameServer(zones) as dns, pair_by_mx(dns) as pair:
        send(pair, "bob@two.example", "broken")
        result(pair, "bob@two.example", "deferred", "451 4.4.3 ")
        dns.pause()
        send(pair, "bob@three.example", "silent")
        result(pair, "bob@three.example", "deferred", "451 4.4.3 ")
        dns.go_on()
        pair.wait_message(MAILBOX, "silent")
        assert len(pair.waiting()) == 1


# ---- DANE -------------------------------------------------------------------

def tlsa(lab, name):
    """3 1 1: the SHA-256 of the public key, by the openssl command."""
    key = subprocess.run(["openssl", "x509", "-in", lab.path(name + ".crt"),
                          "-noout", "-pubkey"], check=True, timeout=30,
                         capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                         input=key, check=True, timeout=30,
                         capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


@pytest.fixture(name="lab", scope="module")
def _lab():
    neighbour.need("openssl")
    with Lab() as lab:
        lab.host("mx.one.example")
        lab.host("bare.one.example")
        lab.host("mta-sts.one.example")
        yield lab


@contextlib.contextmanager
def dane_world(lab, digest, spoil=None, route="mx", signed=True, usage=3):
    """One signed domain with a TLSA record for whatever port is in use."""
    port = neighbour.free_port()
    records = ["@ MX 10 mx", "mx A 127.0.0.1",
               "_%d._tcp.mx TLSA %d 1 1 %s" % (port, usage, digest)]
    zones = {"one.example": Signed(records, spoil) if signed else records}
    with NameServer(zones) as dns, pair_by_mx(
            dns, receiver={"smtp": {"listen": "127.0.0.1:%d" % port},
                           "tls": lab.section("mx.one.example")},
            sender={"dns": {"trust-anchor": dns.trust_anchor},
                    "routes": {"*": route}}) as pair:
        yield pair


def test_a_certificate_that_dnssec_vouches_for_is_believed(lab):
    # no authority of ours is known to the sender: DANE alone verifies it
    with dane_world(lab, tlsa(lab, "mx.one.example")) as pair:
        arrives(pair, "bob@one.example", "dane")
        assert re.search(r"TLSv1.3 .*verified", trail(pair, "bob@one.example"))
        assert "one.example verified" in admin(pair, "tls", "list")
        why = admin(pair, "why", "bob@one.example")
        assert re.search(r"mx\.one\.example.*secure", why), why
        assert "DANE" in why


@pytest.mark.parametrize("spoil,reply", [
    (None, "451 4.7.5 "),
    # the records are not what was signed
    ((r"^(_\S+\s+\d+\s+IN\s+TLSA\s+3\s+1\s+1\s+)\S{8}", r"\g<1>deadbeef"),
     "451 4.4.3 "),
], ids=["mismatch", "bogus"])
def test_another_certificate_makes_mail_wait(lab, spoil, reply):
    with dane_world(lab, "00" * 32, spoil) as pair:
        send(pair, "bob@one.example", "not dane")
        result(pair, "bob@one.example", "deferred", reply)
        assert pair.maildir(MAILBOX).files() == []


def test_records_of_no_use_demand_encryption_alone(lab):
    with dane_world(lab, "00" * 32, usage=1) as pair:
        arrives(pair, "bob@one.example", "unusable")
        assert "one.example encrypted" in admin(pair, "tls", "list")


def test_records_that_nobody_signed_say_nothing(lab):
    with dane_world(lab, "00" * 32, signed=False) as pair:
        arrives(pair, "bob@one.example", "unsigned")


# ---- MTA-STS ----------------------------------------------------------------

class PolicyServer:
    """An HTTPS server with one policy."""

    def __init__(self, lab, domain, text):
        self.text, self.asked = text, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                outer.asked += 1
                good = self.path == "/.well-known/mta-sts.txt" and \
                    self.headers["Host"] == "mta-sts." + domain
                body = outer.text.encode() if good else b"no"
                self.send_response(200 if good else 404)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.socket = lab.server("mta-sts." + domain).wrap_socket(
            self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def policy(mode, *patterns):
    return "version: STSv1\r\nmode: %s\r\n%smax_age: 86400\r\n" % (
        mode, "".join("mx: %s\r\n" % p for p in patterns))


MX = ["@ MX 10 mx", "mx A 127.0.0.1"]


@contextlib.contextmanager
def sts_world(lab, text, certificate="mx.one.example", mx=MX):
    zones = {"one.example": ['_mta-sts TXT "v=STSv1; id=1;"', *mx]}
    with NameServer(zones) as dns, \
            PolicyServer(lab, "one.example", text) as web, pair_by_mx(
                dns, receiver={"tls": lab.section(certificate)
                               if certificate else {}},
                sender={"tls": lab.section(),
                        "mta-sts": {"enabled": "yes", "connect-to":
                                    "127.0.0.1:%d" % web.port},
                        "relay": {"ca-file": lab.path("ca.crt"),
                                  "idle-timeout": "0s"}}) as pair:
        pair.web = web
        yield pair


def test_a_policy_is_kept_and_its_server_verified(lab):
    with sts_world(lab, policy("enforce", "*.one.example")) as pair:
        arrives(pair, "bob@one.example", "sts")
        arrives(pair, "bob@one.example", "sts again")
        assert pair.web.asked == 1
        assert "one.example verified" in admin(pair, "tls", "list")
        pair.sender.restart()
        arrives(pair, "bob@one.example", "sts after a restart")
        assert pair.web.asked == 1
        assert "enforce" in admin(pair, "why", "bob@one.example")


@pytest.mark.parametrize("patterns,certificate,reply", [
    (["other.example"], "mx.one.example", "451 4.7.5 "),
    (["mx.one.example"], "localhost", "451 4.7.5 "),
    (["mx.one.example"], None, "451 4.7.4 "),
], ids=["another host", "another name", "no TLS"])
def test_what_a_policy_forbids_waits(lab, patterns, certificate, reply):
    with sts_world(lab, policy("enforce", *patterns), certificate) as pair:
        send(pair, "bob@one.example", "forbidden")
        result(pair, "bob@one.example", "deferred", reply)
        assert pair.maildir(MAILBOX).files() == []


@pytest.mark.parametrize("text", [
    policy("testing", "other.example"), policy("none"), "<html>no</html>",
    "x" * 70000], ids=["testing", "none", "bad", "large"])
def test_other_policies_forbid_nothing(lab, text):
    with sts_world(lab, text, "localhost") as pair:
        arrives(pair, "bob@one.example", "allowed")


# ---- REQUIRETLS -------------------------------------------------------------

def require(pair, lab, subject):
    with smtplib.SMTP("localhost", pair.submission_port, timeout=30) as s:
        s.starttls(context=lab.client())
        s.login("alice@abc.com", harness.PASSWORD)
        s.sendmail("alice@abc.com", ["bob@one.example"],
                   "Subject: %s\r\n\r\nx\r\n" % subject, ["REQUIRETLS"])


def bare_peer(pair, lab):
    """A server of the domain with TLS and no REQUIRETLS."""
    return TlsPeer(lab.server("bare.one.example"), "smtp",
                   address=("127.0.0.2", pair.smtp_port))


BARE = ["@ MX 5 bare", "bare A 127.0.0.2"]


def test_who_has_no_requiretls_is_left_for_the_next_server(lab):
    with sts_world(lab, policy("enforce", "*.one.example"),
                   mx=[*BARE, *MX]) as pair, \
            bare_peer(pair, lab) as bare:
        require(pair, lab, "protected")
        pair.wait_message(MAILBOX, "protected")
        assert [x.split()[0] for x in bare.commands] == [
            "EHLO", "STARTTLS", "EHLO", "QUIT"]


def test_where_no_server_has_requiretls_it_comes_back(lab):
    with sts_world(lab, policy("enforce", "*.one.example"),
                   mx=BARE) as pair, bare_peer(pair, lab):
        require(pair, lab, "returned")
        result(pair, "bob@one.example", "failed", "550 5.7.30 ")
        assert pair.maildir(MAILBOX).files() == []


def test_where_no_server_has_tls_it_comes_back(lab):
    # DNSSEC vouches for the servers, and nothing says that they have TLS
    zones = {"one.example": Signed(["@ MX 5 a", "@ MX 10 b", "a A 127.0.0.1",
                                    "b A 127.0.0.1"], None)}
    with NameServer(zones) as dns, pair_by_mx(
            dns, sender={"tls": lab.section(),
                         "dns": {"trust-anchor": dns.trust_anchor}}) as pair:
        require(pair, lab, "returned")
        result(pair, "bob@one.example", "failed", "550 5.7.10 ")
        assert "MX 10 b.one.example" in trail(pair, "bob@one.example")
        assert pair.maildir(MAILBOX).files() == []
