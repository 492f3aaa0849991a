"""mailsh and TLS: what it demands of servers, what it says when it does not get
that, and what its user can do then."""

import os
import re
import ssl
import stat

import harness
import pytest
from certificates import Lab
from tls_peer import TlsPeer

FORMS = [("smtp", False), ("smtp", True), ("pop3", False), ("pop3", True)]


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab() as lab:
        lab.host("localhost", "127.0.0.1", "0.0.0.0", "--force")
        lab.host("other.example")
        lab.host("old.example", "127.0.0.1", "--days=-3")
        yield lab


class Shell:
    """Run mailsh with a home of its own."""

    def __init__(self):
        self.pair = harness.Pair(start=False)
        self.pins = os.path.join(self.pair.environment()["XDG_DATA_HOME"],
                                 "mailsh", "pins")

    def __call__(self, *argv):
        return self.pair.run([harness.program("mailsh"), *argv])


@pytest.fixture(name="shell")
def _shell():
    shell = Shell()
    yield shell
    shell.pair.kill()


def login(peer, *more, host="127.0.0.1"):
    mode = ["--tls"] if peer.implicit else []
    return " ".join(["login alice@abc.com --password hunter2 --%s %s:%d" % (
        peer.protocol, host, peer.port), *mode, *more])


def failed(done, status, text, hint):
    """It ended with this status, one reason and one hint."""
    err = done.stderr.decode()
    assert done.returncode == status, err
    assert re.fullmatch(r"mailsh: -c:1: login: [^\n]*\nhint: [^\n]*\n", err), \
        err
    assert text in err and hint in err.splitlines()[1], err
    return err


def pin_in(text):
    return re.search(r"sha256//[A-Za-z0-9+/]{43}=", text).group()


WRONG = {
    # certificate, authority trusted, reason, hint
    "expired": ("old.example", True, "the certificate has expired",
                "hint: it was valid until 20"),
    "another name": ("other.example", True,
                     "the certificate is for another name",
                     "hint: it is for other.example"),
    "unknown issuer": ("localhost", False, "from an unknown issuer",
                       "hint: it is by CN=postpair private CA; trust that "
                       "with `set ca FILE` or --ca"),
    "self-signed": ("ca", False, "the certificate is self-signed",
                    "--pin sha256//"),
}


@pytest.mark.parametrize("protocol, implicit", FORMS)
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_certificate_is_explained_and_gets_no_password(
        lab, shell, fault, protocol, implicit):
    stem, trusted, reason, hint = WRONG[fault]
    with TlsPeer(lab.server(stem), protocol, implicit) as peer:
        # by an address that is not local, so that nothing has to be asked for
        host = "0.0.0.0" if fault == "unknown issuer" else "127.0.0.1"
        ca = ["--ca", lab.path("ca.crt")] if trusted else []
        done = shell(*ca, "-c", login(
            peer, *([] if implicit else ["--starttls"]), host=host))
        err = failed(done, 3, reason, hint)
        assert "[no-connection]" in err
        assert peer.secrets == []


@pytest.mark.parametrize("protocol, implicit", FORMS)
def test_a_right_certificate_is_verified_and_shown(lab, shell, protocol,
                                                   implicit):
    with TlsPeer(lab.server(), protocol, implicit) as peer:
        done = shell("-t", "--ca", lab.path("ca.crt"), "-c", login(peer), "-c",
                     "status")
        assert done.returncode == 0, done.stderr
        out, err = done.stdout.decode(), done.stderr.decode()
        assert re.search(r"%s 127\.0\.0\.1:%d \(TLS, verified" % (
            protocol, peer.port), out), out
        assert re.search(r"^%s-tls\tTLSv1\.3 TLS_\w+, CN=localhost by "
                         r"CN=postpair private CA, verified$" % protocol, out,
                         re.M), out
        # in the trace a comment, and no secret
        assert re.search(r"^# TLSv1\.3 TLS_\w+, CN=localhost by ", err, re.M)
        assert "hunter2" not in err
        assert len(peer.secrets) >= 1


@pytest.mark.parametrize("protocol, implicit", FORMS)
def test_a_pin_is_trusted_on_request_and_remembered(lab, shell, protocol,
                                                    implicit):
    lab.host("127.0.0.1", "--force")
    with TlsPeer(lab.server("127.0.0.1"), protocol, implicit) as peer:
        verified = [] if implicit else ["--starttls"]
        pin = pin_in(failed(shell("-c", login(peer, *verified)), 3,
                            "unknown issuer", "--pin"))
        assert pin in lab.admin("show", lab.path("127.0.0.1.crt"))
        wrong = "sha256//" + "A" * 43 + "="
        failed(shell("-c", login(peer, "--pin", wrong)), 3,
               "not the one that is known", "--pin none")
        assert peer.secrets == []
        done = shell("-c", login(peer, "--pin", pin))
        assert done.returncode == 0, done.stderr
        assert b"(TLS, verified" in done.stdout
        # and without it from now on
        done = shell("-c", login(peer), "-c", "status")
        assert b"(TLS, verified" in done.stdout, done.stderr
        assert b", verified by its pin\n" in done.stdout
        # -n uses no files of the user
        failed(shell("-n", "-c", login(peer, *verified)), 3, "unknown issuer",
               "--pin")
        # another key: the server was renewed, or somebody stands between
        lab.host("127.0.0.1", "--force")
        peer.context = lab.server("127.0.0.1")
        peer.secrets.clear()
        new = pin_in(failed(shell("-c", login(peer)), 3,
                            "not the one that is known", "has a new key"))
        assert new != pin and peer.secrets == []
        done = shell("-c", login(peer, "--pin none"))
        # loopback again, where the user had asked for nothing
        if implicit:
            failed(done, 3, "unknown issuer", "--pin")
        else:
            assert b"(TLS, not verified" in done.stdout, done.stderr


def test_the_pins_file_is_private_and_its_faults_are_told(lab, shell):
    with TlsPeer(lab.server(), "smtp") as peer:
        pin = pin_in(shell("-c", login(peer, "--starttls")).stderr.decode())
        assert shell("-c", login(peer, "--pin", pin)).returncode == 0
        assert stat.S_IMODE(os.stat(shell.pins).st_mode) == 0o600
        with open(shell.pins, encoding="utf-8") as f:
            assert f.read() == "127.0.0.1:%d %s\n" % (peer.port, pin)
        with open(shell.pins, "w", encoding="utf-8") as f:
            f.write("# mine\n127.0.0.1:%d sha256//short\n" % peer.port)
        done = shell("-c", login(peer))
        assert done.returncode == 9
        assert b"pins:2: 127.0.0.1:%d: not a pin" % peer.port in done.stderr
        # what is somebody else's stays
        assert shell("-c", login(peer, "--pin", pin)).returncode == 0
        with open(shell.pins, encoding="utf-8") as f:
            assert f.read() == "# mine\n127.0.0.1:%d %s\n" % (peer.port, pin)


def test_on_loopback_tls_is_used_where_it_is_offered(lab, shell):
    for protocol in ("smtp", "pop3"):
        with TlsPeer(lab.server(), protocol) as peer:
            done = shell("-c", login(peer))
            assert b"(TLS, not verified" in done.stdout, done.stderr
            assert peer.commands.count("STARTTLS" if protocol == "smtp"
                                       else "STLS") == 1
        with TlsPeer(None, protocol, offer=False) as peer:
            done = shell("-c", login(peer))
            assert b"(not encrypted" in done.stdout, done.stderr


@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
@pytest.mark.parametrize("why", ["--starttls", "ca", "elsewhere"])
def test_where_tls_is_wanted_a_server_without_it_gets_no_password(
        lab, shell, protocol, why):
    with TlsPeer(None, protocol, offer=False) as peer:
        ca = ["--ca", lab.path("ca.crt")] if why == "ca" else []
        more = [why] if why.startswith("-") else []
        host = "0.0.0.0" if why == "elsewhere" else "127.0.0.1"
        failed(shell(*ca, "-c", login(peer, *more, host=host)), 3,
               "does not offer ST", "--plain if the network is yours")
        assert peer.secrets == []
        assert shell(*ca, "-c", login(peer, "--plain", host=host)
                     ).returncode == 0


@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
def test_tls_begun_at_the_wrong_port_is_explained(lab, shell, protocol):
    with TlsPeer(lab.server(), protocol, offer=False) as peer:
        failed(shell("-c", login(peer, "--tls")), 3, "", "is there TLS on port")
    with TlsPeer(lab.server(), protocol, implicit=True) as peer:
        failed(shell("--timeout", "1s", "-c", login(peer).replace("--tls", "")),
               8, "timed out", "a port that begins with TLS says nothing: "
               "--tls")


def test_a_client_certificate_is_shown_to_who_asks(lab, shell):
    lab.make("user", "alice@abc.com")
    context = lab.server()
    context.load_verify_locations(lab.path("ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    with TlsPeer(context, "smtp") as peer:
        done = shell("--ca", lab.path("ca.crt"), "--cert",
                     lab.path("alice@abc.com.crt"), "--key",
                     lab.path("alice@abc.com.key"), "-c", login(peer))
        assert done.returncode == 0, done.stderr
        done = shell("-c", "set ca '%s'; %s" % (lab.path("ca.crt"),
                                                login(peer)))
        assert done.returncode == 3, done.stdout


@pytest.mark.parametrize("command, status, text", [
    ("login a@b.c --tls --plain --smtp localhost:1", 2, "one of --tls"),
    ("login a@b.c --pin x --password y --smtp localhost:1", 2, "sha256//"),
    ("set ca /nowhere/ca.crt; login a@b.c --password y --smtp localhost:1", 9,
     "/nowhere/ca.crt"),
    ("login a@b.c --password y --smtp localhost:0", 2, "port 0"),
])
def test_what_makes_no_sense_is_said(shell, command, status, text):
    done = shell("-c", command)
    assert done.returncode == status, done.stderr
    assert text in done.stderr.decode()


@pytest.mark.parametrize("protocol, implicit", FORMS)
def test_a_dot_at_the_end_of_a_host_is_in_no_certificate(lab, shell, protocol,
                                                         implicit):
    """RFC 6066 3; and a pin for localhost is one for "localhost."."""
    with TlsPeer(lab.server("localhost"), protocol, implicit) as peer:
        more = [] if implicit else ["--starttls"]
        done = shell("--ca", lab.path("ca.crt"), "-c",
                     login(peer, *more, host="localhost."))
        assert done.returncode == 0, done.stderr
        done = shell("-c", login(peer, *more, host="localhost."))
        pin = pin_in(done.stderr.decode())
        done = shell("-c", login(peer, *more, "--pin", pin, host="localhost."))
        assert done.returncode == 0, done.stderr
        done = shell("-c", login(peer, host="localhost"))
        assert done.returncode == 0, done.stderr
    with open(shell.pins, encoding="utf-8") as f:
        assert f.read() == "localhost:%d %s\n" % (peer.port, pin)
