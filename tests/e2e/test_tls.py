"""TLS in both servers, judged by clients of others."""

import os
import poplib
import re
import shutil
import smtplib
import socket
import ssl
import struct
import subprocess

import harness
import pytest
from bodies import message
from certificates import Lab
from harness import Wire

ALICE, BOB = "alice@abc.com", "bob@xyz.com"


@pytest.fixture(name="lab", scope="module")
def _lab():
    with Lab() as lab:
        lab.host("mx.xyz.com", "*.wild.example")
        lab.make("user", ALICE)
        yield lab


@pytest.fixture(name="pair", scope="module")
def _pair(lab):
    more = {"mx.xyz.com": "%s %s" % (lab.path("mx.xyz.com.crt"),
                                     lab.path("mx.xyz.com.key"))}
    over = {"certificates": more}
    with lab.pair(sender=harness.merged(over, {
            "tls": {"client-ca": lab.path("ca.crt")}}), receiver=over) as pair:
        yield pair


def tls_ports(pair):
    return {"submission": pair.sender.ports.get("submission-tls"),
            "smtp": pair.receiver.ports["smtp-tls"],
            "pop3": pair.receiver.ports["pop3-tls"]}


def tool(name):
    if shutil.which(name) is None:
        pytest.skip("%s is not installed" % name)
    return name


# ---- clients of others ------------------------------------------------------

def test_smtplib_and_poplib_upgrade_and_verify(pair, lab):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s._host = "localhost"  # what it verifies, and says as SNI
        s.starttls(context=lab.client())
        s.ehlo()
        assert "starttls" not in s.esmtp_features
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [BOB], message("by starttls", "plain"))
    text = pair.wait_message(BOB, "by starttls")
    received = re.findall(rb"^Received: .*(?:\n[ \t].*)*", text, re.M)
    assert b" with ESMTPSA " in received[-1]
    assert re.search(rb"\n\ttls TLS_AES_\w+", received[-1]), received
    p = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
    assert "STLS" in p.capa()
    p.stls(context=lab.client())
    assert "STLS" not in p.capa()
    p.user(BOB)
    p.pass_(harness.PASSWORD)
    assert p.stat()[0] >= 1
    p.quit()
    pair.sender.wait_log(r" tls .*tls=TLSv1.3 cipher=TLS_AES_\S+ "
                         r"sni=localhost")
    pair.sender.wait_log(r"session-close .*tls=TLSv1.3 cipher=TLS_AES_")
    pair.receiver.wait_log(r"pop3-close .*tls=TLSv1.3 cipher=TLS_AES_")


def test_the_received_line_has_the_registered_name_of_the_cipher(pair, lab):
    context = lab.client(maximum_version=ssl.TLSVersion.TLSv1_2)
    with smtplib.SMTP_SSL("127.0.0.1", tls_ports(pair)["smtp"], timeout=30,
                          context=context) as s:
        s.sendmail("x@example.net", [BOB], message("by 1.2", "plain"))
    assert re.search(rb"\ttls TLS_ECDHE_ECDSA_WITH_\w+", pair.wait_message(
        BOB, "by 1.2"))


def test_implicit_tls_on_every_service(pair, lab):
    ports = tls_ports(pair)
    with smtplib.SMTP_SSL("127.0.0.1", ports["submission"], timeout=30,
                          context=lab.client()) as s:
        s.ehlo()
        assert "starttls" not in s.esmtp_features
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [BOB], message("by implicit", "dots"))
    pair.wait_message(BOB, "by implicit")
    with smtplib.SMTP_SSL("127.0.0.1", ports["smtp"], timeout=30,
                          context=lab.client()) as s:
        s.sendmail("x@example.net", [BOB], message("to smtps", "plain"))
    assert b" with ESMTPS " in pair.wait_message(BOB, "to smtps")
    p = poplib.POP3_SSL("127.0.0.1", ports["pop3"], timeout=30,
                        context=lab.client())
    p.user(BOB)
    p.pass_(harness.PASSWORD)
    p.quit()


@pytest.mark.parametrize("how", ["smtp --ssl-reqd", "smtps"])
def test_curl_sends(pair, lab, how):
    scheme, *options = how.split()
    port = pair.submission_port if scheme == "smtp" else \
        tls_ports(pair)["submission"]
    path = pair.write("curl.eml", message("curl by " + scheme, "8bit"))
    done = pair.run([tool("curl"), "-sS", "--max-time", "40", *options,
                     "--cacert", lab.path("ca.crt"), "--url",
                     "%s://127.0.0.1:%d" % (scheme, port), "--user",
                     "%s:%s" % (ALICE, harness.PASSWORD), "--mail-from", ALICE,
                     "--mail-rcpt", BOB, "--upload-file", path])
    assert done.returncode == 0, done.stderr
    pair.wait_message(BOB, "curl by " + scheme)


@pytest.mark.parametrize("how", ["pop3 --ssl-reqd", "pop3s"])
def test_curl_reads(pair, lab, how):
    scheme, *options = how.split()
    port = pair.pop3_port if scheme == "pop3" else tls_ports(pair)["pop3"]
    done = pair.run([tool("curl"), "-sS", "--max-time", "40", *options,
                     "--cacert", lab.path("ca.crt"), "--url",
                     "%s://127.0.0.1:%d" % (scheme, port), "--user",
                     "carol@xyz.com:" + harness.PASSWORD])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("how", ["--tls", "--tlsc"])
def test_swaks_sends(pair, lab, how, mechanism):
    if b"TLS supported" not in pair.run([tool("swaks"), "--support"]).stdout:
        pytest.skip("swaks has no TLS here: Net::SSLeay is missing")
    port = pair.submission_port if how == "--tls" else \
        tls_ports(pair)["submission"]
    done = pair.run([tool("swaks"), "--server", "127.0.0.1", "--port",
                     str(port), how, "--tls-verify",
                     "--tls-ca-path", lab.path("ca.crt"), "--auth", mechanism,
                     "--auth-user", ALICE, "--auth-password",
                     harness.PASSWORD, "--from", ALICE, "--to", BOB,
                     "--header", "Subject: swaks %s %s" % (how, mechanism)])
    assert done.returncode == 0, done.stdout + done.stderr
    pair.wait_message(BOB, "swaks %s %s" % (how, mechanism))


@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
def test_openssl_sees_no_old_version_and_no_compression(pair, lab, protocol):
    port = pair.submission_port if protocol == "smtp" else pair.pop3_port

    def connect(*options):
        return subprocess.run(
            [tool("openssl"), "s_client", "-starttls", protocol, "-connect",
             "127.0.0.1:%d" % port, "-CAfile", lab.path("ca.crt"),
             "-verify_hostname", "localhost", "-verify_return_error",
             *options], input="QUIT\r\n", capture_output=True, text=True,
            timeout=30, check=False)

    for version in ("-tls1_2", "-tls1_3"):
        done = connect(version)
        assert "Verify return code: 0" in done.stdout, done.stderr
        assert "Compression: NONE" in done.stdout
    assert connect("-tls1_2", "-cipher", "AES128-SHA").returncode != 0
    old = connect("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert "Cipher is (NONE)" in old.stdout


def test_a_client_cannot_renegotiate(pair, lab):
    """RFC 9325 3.5; \"R\" makes s_client ask for it."""
    with subprocess.Popen(
            [tool("openssl"), "s_client", "-tls1_2", "-connect",
             "127.0.0.1:%d" % tls_ports(pair)["smtp"], "-CAfile",
             lab.path("ca.crt")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        text = b""
        while b"220 " not in text:
            line = client.stdout.readline()
            assert line, text
            text += line
        client.stdin.write(b"R\n")
        client.stdin.flush()
        text, _ = client.communicate(timeout=30)
    assert b"no renegotiation" in text, text


# ---- certificates -----------------------------------------------------------

def shown(port, lab, name):
    """Whom the server shows to who asks for the name."""
    context = lab.client(check_hostname=False)
    with socket.create_connection(("127.0.0.1", port), 30) as raw, \
            context.wrap_socket(raw, server_hostname=name) as s:
        return [v for k, v in s.getpeercert()["subjectAltName"] if k == "DNS"]


def test_the_certificate_follows_the_name_asked_for(pair, lab):
    for port in tls_ports(pair).values():
        mx = ["mx.xyz.com", "*.wild.example"]
        assert shown(port, lab, "mx.xyz.com") == mx
        assert shown(port, lab, "MX.XYZ.com") == mx
        assert shown(port, lab, "any.wild.example") == mx
        assert shown(port, lab, "unknown.example") == ["localhost"]
        assert shown(port, lab, None) == ["localhost"]


def test_one_name_may_have_an_ecdsa_and_an_rsa_certificate(lab):
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-keyout", lab.path("rsa.key"), "-out", lab.path("rsa.crt"), "-subj",
         "/CN=rsa", "-addext", "subjectAltName=DNS:mx.xyz.com", "-CA",
         lab.path("ca.crt"), "-CAkey", lab.path("ca.key")], check=True,
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    both = {"%s.example" % name: "%s %s" % (lab.path(name + ".crt"),
                                            lab.path(name + ".key"))
            for name in ("mx.xyz.com", "rsa")}
    with lab.pair(sender=False, receiver={"certificates": both}) as pair:
        for kind in ("ECDSA", "RSA"):
            done = subprocess.run(
                [tool("openssl"), "s_client", "-tls1_2", "-cipher",
                 "ECDHE-%s-AES128-GCM-SHA256" % kind, "-servername",
                 "mx.xyz.com", "-connect",
                 "127.0.0.1:%d" % tls_ports(pair)["pop3"], "-CAfile",
                 lab.path("ca.crt")], input="QUIT\r\n", capture_output=True,
                text=True, timeout=30, check=False)
            assert "Verify return code: 0" in done.stdout, done.stderr
            assert "Cipher is ECDHE-%s" % kind in done.stdout


def test_a_client_may_show_a_certificate(pair, lab):
    context = lab.client()
    with smtplib.SMTP_SSL("127.0.0.1", tls_ports(pair)["submission"],
                          timeout=30, context=context) as s:
        s.login(ALICE, harness.PASSWORD)
    context.load_cert_chain(lab.path(ALICE + ".crt"), lab.path(ALICE + ".key"))
    with smtplib.SMTP_SSL("127.0.0.1", tls_ports(pair)["submission"],
                          timeout=30, context=context) as s:
        s.noop()
    pair.sender.wait_log(r" tls .*peer=\S*alice\S* verified=yes")


# ---- what must not work -----------------------------------------------------

def test_nothing_may_stand_behind_starttls_and_stls(pair):
    """CVE-2011-0411, CVE-2021-33515."""
    for port in (pair.submission_port, pair.smtp_port):
        with Wire(port) as wire:
            wire.reply()
            wire.ask(b"EHLO client.example")
            assert wire.ask(b"STARTTLS\r\nNOOP").startswith(b"503 5.5.1")
            assert wire.line().startswith(b"421 ")
            assert wire.line() == b""
    with Wire(pair.pop3_port) as wire:
        wire.line()
        wire.send(b"STLS\r\nUSER bob@xyz.com\r\n")
        assert wire.line().startswith(b"-ERR")
        assert wire.line() == b""


def test_clear_text_to_an_implicit_port_gets_no_clear_text(pair):
    for port in tls_ports(pair).values():
        with Wire(port) as wire:
            wire.send(b"EHLO client.example\r\n")
            answer = b""
            while True:
                line = wire.line()
                if not line:
                    break
                answer += line
            # a TLS alert or nothing, never a word of SMTP
            assert answer == b"" or answer[0] == 21, answer
    for server, service in ((pair.sender, "submission"),
                            (pair.receiver, "smtp"), (pair.receiver, "pop3")):
        server.wait_log(r" tls-failed service=%s .*class=protocol" % service)


def test_a_foreign_protocol_is_turned_away(pair, lab):
    """RFC 7301 3.2: what is offered must be what the service speaks."""
    ports = tls_ports(pair)
    for service, offer in (("submission", "pop3"), ("pop3", "smtp"),
                           ("smtp", "h2")):
        context = lab.client()
        context.set_alpn_protocols([offer])
        with socket.create_connection(("127.0.0.1", ports[service]), 30) as raw:
            with pytest.raises(ssl.SSLError, match="(?i)no.application.proto"):
                context.wrap_socket(raw, server_hostname="localhost")
    context = lab.client()
    context.set_alpn_protocols(["h2", "pop3"])
    with socket.create_connection(("127.0.0.1", ports["pop3"]), 30) as raw, \
            context.wrap_socket(raw, server_hostname="localhost") as s:
        assert s.selected_alpn_protocol() == "pop3"


def talk(port, context, session=None):
    """(session to resume, whether this one was) of a short session."""
    with socket.create_connection(("127.0.0.1", port), 30) as raw, \
            context.wrap_socket(raw, server_hostname="localhost",
                                session=session) as s:
        f = s.makefile("rb")
        assert f.readline()[:1] in b"2+"
        s.sendall(b"QUIT\r\n")
        while f.readline():
            pass
        return s.session, s.session_reused


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_ticket_is_good_for_its_service_alone(pair, lab, version):
    """Session tickets of one service mean nothing to another."""
    context = lab.client(maximum_version=ssl.TLSVersion[version])
    ports = tls_ports(pair)
    for here, there in (("smtp", "pop3"), ("pop3", "smtp"),
                        ("submission", "smtp")):
        ticket, _ = talk(ports[here], context)
        assert ticket is not None and ticket.has_ticket
        assert talk(ports[here], context, ticket)[1]
        assert not talk(ports[there], context, ticket)[1]


def data_begun(pair, lab):
    """A session in the middle of DATA: (TLS socket, its reader)."""
    raw = socket.create_connection(("127.0.0.1", pair.smtp_port), 30)
    f = raw.makefile("rb")
    f.readline()
    raw.sendall(b"EHLO c\r\n")
    while f.readline()[3:4] == b"-":
        pass
    raw.sendall(b"STARTTLS\r\n")
    f.readline()
    s = lab.client().wrap_socket(raw, server_hostname="localhost",
                                 suppress_ragged_eofs=False)
    f = s.makefile("rb")
    for command in (b"EHLO c", b"MAIL FROM:<a@example.net>",
                    b"RCPT TO:<carol@xyz.com>", b"DATA"):
        s.sendall(command + b"\r\n")
        while f.readline()[3:4] == b"-":
            pass
    s.sendall(b"Subject: never whole\r\n\r\nhalf of it")
    return s


@pytest.mark.parametrize("how", ["notice", "fin", "reset", "clear-text"])
def test_an_end_within_data_stores_nothing(pair, lab, how):
    """CVE-2026-45185: no end of TLS makes the server read on in clear text."""
    s = data_begun(pair, lab)
    seen = len(pair.receiver.log())
    fd = os.dup(s.fileno())
    with socket.socket(fileno=fd) as raw:
        rest = b"\r\n.\r\nMAIL FROM:<eve@example.net>\r\n"
        if how == "notice":
            with pytest.raises((ssl.SSLError, OSError)):
                s.settimeout(30)
                s.unwrap()
                raw.sendall(rest)
                assert raw.recv(1) == b""
                raise OSError
        elif how == "fin":
            raw.shutdown(socket.SHUT_WR)
        elif how == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))
        else:
            raw.sendall(rest)
        s.close()
    pair.receiver.wait_log(r" session-close .*messages=0", after=seen)
    assert not pair.maildir("carol@xyz.com").files()
    assert not pair.left_in_tmp()


def test_an_end_of_tls_is_answered_by_one(pair, lab):
    """RFC 8446 6.1: close_notify from both sides, whoever begins."""
    for port in tls_ports(pair).values():
        with socket.create_connection(("127.0.0.1", port), 30) as raw:
            s = lab.client().wrap_socket(raw, server_hostname="localhost",
                                         suppress_ragged_eofs=False)
            assert s.recv(1)
            while s.pending():
                s.recv(1000)
            s.unwrap()  # raises when the other side just hangs up
        with socket.create_connection(("127.0.0.1", port), 30) as raw, \
                lab.client().wrap_socket(raw, server_hostname="localhost",
                                         suppress_ragged_eofs=False) as s:
            s.sendall(b"QUIT\r\n")
            while s.recv(1000):
                pass


def test_large_messages_pass_both_ways(pair, lab):
    body = message("large", "plain") + b"".join(
        b"%07d %s\r\n" % (i, b"x" * 60) for i in range(60000))
    with smtplib.SMTP_SSL("127.0.0.1", tls_ports(pair)["submission"],
                          timeout=60, context=lab.client()) as s:
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, ["carol@xyz.com"], body)
    pair.wait_message("carol@xyz.com", "large")
    p = poplib.POP3_SSL("127.0.0.1", tls_ports(pair)["pop3"], timeout=60,
                        context=lab.client())
    p.user("carol@xyz.com")
    p.pass_(harness.PASSWORD)
    lines = p.retr(1)[1]
    p.dele(1)
    p.quit()
    assert lines[-1].startswith(b"0059999 ")
    assert len(lines) > 60000


# ---- options ----------------------------------------------------------------

def test_where_tls_is_required_clear_text_gets_nowhere(lab):
    with lab.pair(sender={"submission": {"tls-required": "yes"}},
                  receiver={"pop3": {"tls-required": "yes"},
                            "tls": {"minimum": "1.3"}}) as pair:
        with Wire(pair.submission_port) as wire:
            wire.reply()
            assert b"AUTH" not in wire.ask(b"EHLO c")
            assert wire.ask(b"AUTH PLAIN AGEAYg==").startswith(b"530 5.7.0")
            assert wire.ask(b"MAIL FROM:<>").startswith(b"530 5.7.0")
        with Wire(pair.pop3_port) as wire:
            wire.line()
            wire.send(b"USER bob@xyz.com\r\n")
            assert wire.line().startswith(b"-ERR")
        with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
            talk(pair.receiver.ports["pop3-tls"],
                 lab.client(maximum_version=ssl.TLSVersion.TLSv1_2))
        assert talk(pair.receiver.ports["pop3-tls"], lab.client())
