"""Ordinary mail programs verify our certificates, send and read over TLS."""

import os
import shutil
import socket
import ssl

import harness
import pytest
from bodies import message
from certificates import Lab

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
BOTH = pytest.mark.parametrize("how", ["starttls", "implicit"])


@pytest.fixture(name="lab", scope="module")
def _lab():
    with Lab() as lab:
        yield lab


@pytest.fixture(name="pair", scope="module")
def _pair(lab):
    with lab.pair() as pair:
        yield pair


def tool(name):
    if shutil.which(name) is None:
        pytest.skip("%s is not installed" % name)
    return name


def port(pair, protocol, how):
    ports = pair.sender.ports if protocol == "submission" \
        else pair.receiver.ports
    return ports[protocol + ("-tls" if how == "implicit" else "")]


def msmtp(pair, lab, how, host, subject):
    path = pair.write("msmtp.eml", message(subject, "dots"))
    return pair.run(
        ["sh", "-c", "exec %s --host=%s --port=%d --tls=on --tls-starttls=%s "
         "--tls-trust-file=%s --auth=plain --user=%s "
         "--passwordeval='echo %s' --from=%s --timeout=40 -- %s <%s" % (
             tool("msmtp"), host, port(pair, "submission", how),
             "on" if how == "starttls" else "off", lab.path("ca.crt"), ALICE,
             harness.PASSWORD, ALICE, BOB, path)])


@BOTH
def test_msmtp_sends(pair, lab, how):
    done = msmtp(pair, lab, how, "127.0.0.1", "msmtp " + how)
    assert done.returncode == 0, done.stderr
    assert b" with ESMTPSA " in pair.wait_message(BOB, "msmtp " + how)


def test_msmtp_does_not_believe_another_issuer(pair):
    with Lab() as other:
        done = msmtp(pair, other, "starttls", "127.0.0.1", "never")
        assert done.returncode != 0
        assert b"certificate" in done.stderr, done.stderr
    pair.sender.wait_log(r" (session-close|tls-failed) .*closed by the peer in"
                         r" the middle of TLS")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_the_log_says_what_a_client_has_against_us(pair, version):
    for protocol, server in (("submission", pair.sender),
                             ("pop3", pair.receiver)):
        seen = len(server.log())
        context = ssl.create_default_context()
        context.maximum_version = ssl.TLSVersion[version]
        with socket.create_connection(
                ("127.0.0.1", port(pair, protocol, "implicit")), 30) as raw, \
                pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(raw, server_hostname="localhost")
        server.wait_log(r" (session-close|pop3-close|tls-failed) .*"
                        r"alert unknown ca", after=seen)


@BOTH
def test_mpop_reads(pair, lab, how):
    msmtp(pair, lab, "implicit", "127.0.0.1", "for mpop " + how)
    pair.wait_message(BOB, "for mpop " + how)
    box = harness.Maildir(os.path.join(pair.directory, "mpop-" + how))
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(box.path, folder))
    done = pair.run(
        [tool("mpop"), "--host=127.0.0.1",
         "--port=%d" % port(pair, "pop3", how), "--tls=on",
         "--tls-starttls=" + ("on" if how == "starttls" else "off"),
         "--tls-trust-file=" + lab.path("ca.crt"), "--auth=user",
         "--user=" + BOB, "--passwordeval=echo " + harness.PASSWORD,
         "--keep=on", "--received-header=off", "--timeout=40",
         "--uidls-file=" + box.path + ".uidls",
         "--delivery=maildir," + box.path])
    assert done.returncode == 0, done.stderr
    assert any(b"for mpop " + how.encode() in text for text in box.messages())


@BOTH
def test_fetchmail_reads(pair, lab, how):
    msmtp(pair, lab, "implicit", "127.0.0.1", "for fetchmail " + how)
    pair.wait_message(BOB, "for fetchmail " + how)
    got = os.path.join(pair.directory, "fetched-" + how)
    ssl = "ssl" if how == "implicit" else "sslproto TLS1.2+"
    config = pair.write("fetchmailrc-" + how, (
        "poll 127.0.0.1 service %d protocol pop3 user '%s' password '%s' %s\n"
        "sslcertck sslcertfile %s sslcommonname localhost keep "
        "nofetchall mda 'cat >>%s'\n" % (
            port(pair, "pop3", how), BOB, harness.PASSWORD, ssl,
            lab.path("ca.crt"), got)).encode())
    os.chmod(config, 0o600)
    done = pair.run([tool("fetchmail"), "-f", config, "--idfile",
                     config + ".ids", "--pidfile", config + ".pid", "-a"])
    assert done.returncode == 0, (done.stdout, done.stderr)
    with open(got, "rb") as f:
        assert b"for fetchmail " + how.encode() in f.read()


@pytest.mark.parametrize("priority", [
    "NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    "NORMAL:-GROUP-ALL:+GROUP-SECP384R1"])
def test_gnutls_shakes_hands(pair, lab, priority):
    done = pair.run([tool("gnutls-cli"), "--priority", priority, "--x509cafile",
                     lab.path("ca.crt"), "--port",
                     str(port(pair, "pop3", "implicit")), "--alpn", "pop3",
                     "--verify-hostname", "localhost", "127.0.0.1"],
                    "QUIT\r\n")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert b"The certificate is trusted" in done.stdout, done.stdout
    assert b"+OK" in done.stdout
