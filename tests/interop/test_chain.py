"""A message on its way through other people's servers, by the MX records of a
name server and with verified certificates all the way:

    alice, submission -> our sender, signed by rspamd -> Postfix -> our receiver
    bob, submission   -> our sender, signed by rspamd -> Exim    -> our receiver

Every server has an address of its own and port 25, so that this runs in a world
of its own only (world.py)."""

import os
import re
import smtplib
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exim  # noqa: E402
import milter_neighbour  # noqa: E402
import postfix  # noqa: E402
import rspamd  # noqa: E402
from milter_neighbour import harness, txt  # noqa: E402

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
RECEIVER, POSTFIX, EXIM = "127.0.1.3", "127.0.1.4", "127.0.1.5"
HOSTS = {"mx.abc.com": RECEIVER, "mx.gate.example": POSTFIX,
         "mx.back.example": EXIM}
MX = {"abc.com": "mx.abc.com", "xyz.com": "mx.abc.com",
      "gate.example": "mx.gate.example", "back.example": "mx.back.example"}
TEXT = "From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\nhello\r\n"


class Certificates:
    """An authority and a certificate for each host."""

    def __init__(self, directory):
        self.directory = directory
        self.admin("ca")
        for host in HOSTS:
            self.admin("host", host)
        self.ca = os.path.join(directory, "ca.crt")
        for where, _, names in os.walk(directory):
            for name in [where] + [os.path.join(where, n) for n in names]:
                os.chmod(name, 0o755)
        os.chmod(self.of("mx.abc.com")[1], 0o600)  # a server of ours insists

    def admin(self, *arguments):
        subprocess.run([harness.program("postpair-admin"), "cert", *arguments,
                        "--dir", self.directory], check=True, timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def of(self, host):
        return tuple(os.path.join(self.directory, host + end)
                     for end in (".crt", ".key"))


@pytest.fixture(name="world", scope="module")
def make_world(tmp_path_factory):
    """Name server, rspamd, Postfix and Exim; the resolver knows the first."""
    milter_neighbour.need_world()
    directory = tmp_path_factory.mktemp("chain")
    for path in (directory, *list(directory.parents)[:2]):
        os.chmod(path, 0o755)
    certificates = Certificates(str(directory))
    keys = [milter_neighbour.Key(str(directory), domain)
            for domain in ("abc.com", "xyz.com")]
    records = [(name, "A", address) for name, address in HOSTS.items()]
    records += [(name, "MX", "10 %s." % host) for name, host in MX.items()]
    records += [txt(key.name, key.record) for key in keys]
    for address in HOSTS.values():  # Postfix wants to see it on an interface
        subprocess.run(["ip", "address", "replace", address + "/8", "dev", "lo"],
                       check=True)
    verified = {
        "smtp_host_lookup": "dns",
        "smtp_tls_security_level": "verify",
        "smtp_tls_verify_cert_match": "hostname",
        "smtp_tls_CAfile": certificates.ca, "smtp_tls_loglevel": "1",
        "virtual_alias_domains": "gate.example",
        "virtual_alias_maps": "inline:{ { bob@gate.example = %s } }" % BOB,
        "myhostname": "mx.gate.example"}
    with milter_neighbour.system_names(records) as names, \
            rspamd.Rspamd(keys, names) as scanner, \
            postfix.Postfix(address=POSTFIX, port=25, main=verified,
                            tls=certificates.of("mx.gate.example")), \
            exim.Exim(address=EXIM, port=25,
                      tls=certificates.of("mx.back.example"),
                      main="tls_verify_certificates = %s" % certificates.ca,
                      hostname="mx.back.example",
                      smtp="hosts_require_tls = *\n"
                      "  tls_verify_certificates = %s\n"
                      "  tls_verify_hosts = *\n"
                      "  tls_verify_cert_hostnames = *" % certificates.ca,
                      routers="aliases:\n  driver = redirect\n"
                      "  domains = back.example\n  data = %s\n" % ALICE):
        yield certificates, keys, scanner


@pytest.fixture(name="pair", scope="module")
def make_pair(world):
    certificates, _keys, scanner = world
    certificate, key = certificates.of("mx.abc.com")
    with harness.Pair(
            sender={"milters": {"rspamd": scanner.place},
                    "submission": {"milters": "rspamd"},
                    "relay": {"ca-file": certificates.ca, "loopback-mx": "yes"},
                    "server": {"hostname": "out.abc.com"}},
            receiver={"smtp": {"listen": RECEIVER + ":25"},
                      "server": {"hostname": "mx.abc.com"},
                      "tls": {"certificate": certificate, "key": key}},
            routes={"abc.com": "mx tls=verify", "xyz.com": "mx tls=verify",
                    "*": "mx tls=verify"}) as pair:
        yield pair


def submit(pair, sender, recipient, subject):
    """Send it; returns the queue id that the server said."""
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=60) as s:
        s.login(sender, harness.PASSWORD)
        for step in (lambda: s.mail(sender), lambda: s.rcpt(recipient),
                     lambda: s.data(TEXT % (sender, recipient, subject))):
            code, text = step()
            assert code == 250, "%s\n%s" % (text, pair.sender.log()[-4000:])
    return text.split()[1].decode()


def trail(pair, queue_id):
    done = pair.run([harness.program("postpair-admin"), "trail", queue_id,
                     "-c", pair.sender.config])
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def hops(message):
    """The Received lines, unfolded, the last hop first."""
    header = message.split(b"\n\n")[0].decode()
    return re.findall(r"^Received: (.*)", re.sub(r"\n\s+", " ", header), re.M)


def signed_part(message):
    """From its signature on, with the line ends of the wire."""
    text = message.replace(b"\n", b"\r\n")
    return text[text.index(b"DKIM-Signature:"):]


@pytest.mark.deadline(180)
@pytest.mark.parametrize("sender,recipient,owner,host", [
    (ALICE, "bob@gate.example", BOB, "mx.gate.example"),
    (BOB, "alice@back.example", ALICE, "mx.back.example"),
], ids=["postfix", "exim"])
def test_goes_signed_by_mx_over_verified_tls(world, pair, sender, recipient,
                                             owner, host):
    pytest.importorskip("dkim")
    _certificates, keys, _scanner = world
    subject = "by " + host
    queue_id = submit(pair, sender, recipient, subject)
    message = pair.wait_message(owner, subject, 60)
    key = next(k for k in keys if k.domain == sender.split("@")[1])
    assert key.verifies(signed_part(message)), message.decode()
    last, middle, first = hops(message)
    assert host in last and "by mx.abc.com" in last and "ESMTPS" in last
    assert "out.abc.com" in middle and host in middle and "TLS" in middle.upper()
    assert "by out.abc.com" in first and "ESMTPA" in first
    said = trail(pair, queue_id)
    for step in (r"MAIL FROM:<%s>" % sender, r"RCPT TO:<%s>" % recipient,
                 re.escape(host), r"STARTTLS", r"TLSv1\.3.*verified"):
        assert re.search(step, said), "%s in the trail:\n%s" % (step, said)
