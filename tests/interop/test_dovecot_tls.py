"""mailsh verifies Dovecot, by STLS and on the port that begins with TLS, and
logs in to it with a certificate alone."""

import os
import re
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import neighbour  # noqa: E402
from test_dovecot_login import PASSWORD, USER, Dovecot  # noqa: E402

harness = neighbour.harness
from certificates import Lab  # noqa: E402

TLS = """
ssl = required
ssl_cert = <%(dir)s/localhost.crt
ssl_key = <%(dir)s/localhost.key
ssl_ca = <%(dir)s/ca.crt
ssl_require_crl = no
service pop3-login {
  inet_listener pop3s {
    address = 127.0.0.1
    port = %(port)d
    ssl = yes
  }
}
"""
BY_CERTIFICATE = """
ssl_verify_client_cert = yes
ssl_cert_username_field = commonName
auth_ssl_username_from_cert = yes
auth_ssl_require_client_cert = yes
auth_mechanisms = external
passdb {
  driver = static
  args = nopassword=y
}
"""


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab() as lab:
        lab.make("user", USER)
        yield lab


def start(lab, more=""):
    other = Dovecot("SCRAM-SHA-256")
    other.tls_port = neighbour.free_port()
    other.more = TLS % {"dir": lab.directory.name, "port": other.tls_port} + more
    return other


def mailsh(other, *argv):
    home = other.path("home")
    os.makedirs(home, exist_ok=True)
    done = subprocess.run(
        [harness.program("mailsh"), "-n", "-t", *argv], capture_output=True,
        text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "HOME": home})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("implicit", [False, True])
def test_mailsh_verifies_dovecot(lab, implicit):
    with start(lab) as other:
        port = other.tls_port if implicit else other.port
        command = "login %s --password '%s' --pop3 localhost:%d %s" % (
            USER, PASSWORD, port, "--tls" if implicit else "--starttls")
        status, said = mailsh(other, "--ca", lab.path("ca.crt"), "-c", command,
                              "-c", "status", "-c", "list")
        assert status == 0, said
        assert re.search(r"^pop3-tls\tTLSv1\.[23] \S+, CN=localhost by "
                         "CN=postpair private CA, verified$", said, re.M), said
        assert ("> STLS" in said) == (not implicit)
        assert "> AUTH SCRAM-SHA-256" in said, said
        # and not without its authority
        status, said = mailsh(other, "-c", command)
        assert status == 3 and "unknown issuer" in said, said
        assert "> AUTH" not in said


def test_a_certificate_alone_logs_in_to_dovecot(lab):
    with start(lab, BY_CERTIFICATE) as other:
        status, said = mailsh(
            other, "--ca", lab.path("ca.crt"), "--cert",
            lab.path(USER + ".crt"), "--key", lab.path(USER + ".key"), "-c",
            "login %s --pop3 localhost:%d" % (USER, other.port), "-c", "list")
        assert status == 0, said + other.logs()[-3000:]
        assert "> AUTH EXTERNAL" in said
