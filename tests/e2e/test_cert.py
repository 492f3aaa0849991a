"""postpair-admin cert: a private authority and its certificates, judged by the
openssl command and by Python's TLS."""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading

import harness
import pytest

HOSTS = ["localhost", "127.0.0.1", "::1"]


def cert(*args, status=0, directory=None):
    where = [] if directory is None else ["--dir", str(directory)]
    done = subprocess.run(
        [harness.program("postpair-admin"), "cert", *args, *where],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
        check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def openssl(*args):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command")
    return subprocess.run(["openssl", *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30, check=False)


@pytest.fixture(name="lab")
def _lab(tmp_path):
    """A directory with an authority and a certificate for this machine."""
    lab = tmp_path / "tls"
    cert("ca", directory=lab)
    cert("host", *HOSTS, directory=lab)
    return lab


def test_keys_are_secret_and_certificates_are_not(lab):
    cert("user", "Alice@ABC.com", directory=lab)
    modes = {name: stat.S_IMODE(os.stat(lab / name).st_mode)
             for name in os.listdir(lab)}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600,
                     "localhost.crt": 0o644, "localhost.key": 0o600,
                     "alice@abc.com.crt": 0o644, "alice@abc.com.key": 0o600}


def test_openssl_finds_each_right_for_its_use_and_no_other(lab):
    cert("user", "alice@abc.com", directory=lab)

    def verify(name, *how):
        return openssl("verify", "-x509_strict", "-CAfile", lab / "ca.crt",
                       *how, lab / name).returncode == 0

    assert verify("localhost.crt", "-purpose", "sslserver",
                  "-verify_hostname", "localhost")
    assert verify("localhost.crt", "-purpose", "sslserver", "-verify_ip", "::1")
    assert not verify("localhost.crt", "-verify_hostname", "other.example")
    assert not verify("localhost.crt", "-purpose", "sslclient")
    assert verify("alice@abc.com.crt", "-purpose", "sslclient",
                  "-verify_email", "alice@abc.com")
    assert not verify("alice@abc.com.crt", "-purpose", "sslserver")


def test_a_program_of_others_connects_and_verifies(lab):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(lab / "localhost.crt", lab / "localhost.key")
    ours, theirs = socket.socketpair()

    def serve():
        with server.wrap_socket(theirs, server_side=True) as s:
            s.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cafile=lab / "ca.crt")
    with client.wrap_socket(ours, server_hostname="127.0.0.1") as s:
        assert s.recv(5) == b"hello"
    thread.join()


def test_nothing_is_overwritten_unasked(lab):
    before = {name: (lab / name).read_bytes() for name in os.listdir(lab)}
    for again in (["ca"], ["host", "localhost"]):
        assert "is there already" in cert(*again, directory=lab, status=65)
    # one of the two files is enough
    (lab / "localhost.crt").unlink()
    assert "is there already" in cert("host", "localhost", directory=lab,
                                      status=65)
    (lab / "localhost.crt").write_bytes(before["localhost.crt"])
    assert before == {n: (lab / n).read_bytes() for n in os.listdir(lab)}
    cert("host", "localhost", "--force", directory=lab)
    assert (lab / "localhost.key").read_bytes() != before["localhost.key"]
    cert("check", directory=lab)


def test_show_tells_the_pin_and_the_tlsa_record(lab):
    text = cert("show", str(lab / "localhost.crt"))
    [shown] = [json.loads(line) for line in
               cert("show", str(lab / "localhost.crt"), "--json").splitlines()]
    assert shown["names"] == HOSTS
    assert (shown["ca"], shown["server"], shown["client"]) == \
        (False, True, False)
    assert shown["not_after"] - shown["not_before"] == \
        825 * 86400 - 1  # both ends belong to it
    for key in ("subject", "issuer", "serial", "sha256", "pin", "tlsa"):
        assert shown[key] in text
    der = ssl.PEM_cert_to_DER_cert((lab / "localhost.crt").read_text())
    assert shown["sha256"].replace(":", "").lower() == \
        hashlib.sha256(der).hexdigest()
    public = openssl("x509", "-in", lab / "localhost.crt", "-noout", "-pubkey")
    digest = hashlib.sha256(base64.b64decode(
        re.sub("-----.*-----", "", public.stdout))).digest()
    assert shown["pin"] == "sha256//" + base64.b64encode(digest).decode()
    assert shown["tlsa"] == "3 1 1 " + digest.hex()


def test_renewed_it_has_the_same_key_and_names(lab):
    cert("host", "old.example", "192.0.2.1", "--days=-1", directory=lab)
    cert("check", str(lab / "old.example.crt"), status=65)

    def shown(name):
        return json.loads(cert("show", str(lab / name), "--json"))

    before, ca_before = shown("old.example.crt"), shown("ca.crt")
    key = (lab / "old.example.key").read_bytes()
    told = cert("renew", "old.example", "ca", directory=lab).splitlines()
    assert "renewed %s" % (lab / "old.example.crt") in told[0]
    after = shown("old.example.crt")
    for same in ("names", "subject", "issuer", "pin", "tlsa", "server", "ca"):
        assert after[same] == before[same]
    assert after["serial"] != before["serial"]
    assert after["not_after"] > before["not_after"]
    assert (lab / "old.example.key").read_bytes() == key
    ca_after = shown("ca.crt")
    assert ca_after["pin"] == ca_before["pin"]
    assert ca_after["serial"] != ca_before["serial"]
    # all stand by the renewed authority, in the eyes of others too
    cert("check", directory=lab)
    for name in ("old.example.crt", "localhost.crt"):
        assert openssl("verify", "-x509_strict", "-CAfile", lab / "ca.crt",
                       lab / name).returncode == 0


def test_renewed_by_a_new_authority_it_stands_again(lab):
    cert("ca", "--force", directory=lab)
    cert("check", str(lab / "localhost.crt"), status=65)
    cert("renew", "localhost", directory=lab)
    cert("check", directory=lab)
    # by one of another name it does not: that would be another's certificate
    cert("ca", "--name=Somebody else", "--force", directory=lab)
    before = (lab / "localhost.crt").read_bytes()
    assert "another authority has made" in cert(
        "renew", "localhost", directory=lab, status=65)
    assert (lab / "localhost.crt").read_bytes() == before
    assert "No such file" in cert("renew", "nobody", directory=lab, status=66)
    assert "No such file" in cert("renew", "../tls/localhost", directory=lab,
                                  status=66)
    (lab / "localhost.key").write_bytes((lab / "ca.key").read_bytes())
    assert "the key is not that" in cert("renew", "localhost", directory=lab,
                                         status=65)


def test_check_names_what_is_wrong(lab):
    assert len(cert("check", directory=lab).splitlines()) == 2
    assert "localhost.crt: only 82" in cert(
        "check", "--days=900", str(lab / "localhost.crt"), directory=lab,
        status=65)

    cert("host", "old.example", "--days=-2", directory=lab)
    assert "old.example.crt: certificate has expired" in \
        cert("check", directory=lab, status=65)
    [told] = [json.loads(line) for line in subprocess.run(
        [harness.program("postpair-admin"), "cert", "check", "--json",
         str(lab / "old.example.crt")], capture_output=True, text=True,
        timeout=30, check=False).stdout.splitlines()]
    assert told == {"type": "check", "file": str(lab / "old.example.crt"),
                    "right": False, "reason": "certificate has expired"}
    (lab / "old.example.crt").unlink()

    os.chmod(lab / "localhost.key", 0o644)
    assert "is open to others" in cert("check", directory=lab, status=65)
    os.chmod(lab / "localhost.key", 0o600)

    (lab / "localhost.key").write_bytes((lab / "ca.key").read_bytes())
    assert "the key is not that of the certificate" in \
        cert("check", directory=lab, status=65)

    cert("ca", "--force", directory=lab)
    (lab / "localhost.key").unlink()
    assert "issuer" in cert("check", directory=lab, status=65)


@pytest.mark.parametrize("args, status, reason", [
    (["host", "two words"], 65, "neither a host name nor an IP address"),
    (["host", "../up"], 65, "neither a host name nor an IP address"),
    (["host", "[127.0.0.1]"], 65, "neither a host name nor an IP address"),
    (["host", "a.example,DNS:b.example"], 65, "neither a host name"),
    (["host", "*."], 65, "neither a host name"),
    (["host", "h\u00e4.example", "x" * 300], 65, "neither a host name"),
    (["host", *["a.example"] * 101], 65, "more than 100 names"),
    (["host"], 64, "Usage:"),
    (["user", "nobody"], 65, "'nobody'"),
    (["user", "j\u00fcrgen@xyz.com"], 65, "j\u00fcrgen"),
    (["user", "a@b", "c@d"], 64, "Usage:"),
    (["host", "localhost", "--days=0"], 64, "not a number of days: '0'"),
    (["host", "localhost", "--days=never"], 64, "not a number of days"),
    (["host", "localhost", "--name=x"], 64, "takes no --name"),
    (["ca", "--name="], 64, "1 to 64 bytes"),
    (["ca", "--name=" + 65 * "x"], 64, "1 to 64 bytes"),
    (["show"], 64, "Usage:"),
])
def test_what_makes_no_sense_makes_no_file(lab, args, status, reason):
    before = sorted(os.listdir(lab))
    where = None if args[0] == "show" else lab
    assert reason in cert(*args, directory=where, status=status)
    assert sorted(os.listdir(lab)) == before


def test_without_an_authority_it_says_how_to_get_one(tmp_path):
    for directory in (tmp_path, tmp_path / "missing"):
        told = cert("host", "localhost", directory=directory, status=66)
        assert "first: postpair-admin cert ca --dir=%s" % directory in told
    assert os.listdir(tmp_path) == []


def test_a_damaged_authority_signs_nothing(lab):
    (lab / "ca.key").write_text("no key\n")
    assert "no private key" in cert("host", "b.example", directory=lab,
                                    status=65)
    (lab / "ca.crt").write_text("no certificate\n")
    assert "no certificate" in cert("host", "b.example", directory=lab,
                                    status=65)
    assert not (lab / "b.example.crt").exists()


def test_names_are_written_as_certificates_have_them(lab):
    cert("host", "*.B\u00fccher.example", "MX.example.", directory=lab,
         status=65)
    cert("host", "*.B\u00fccher.example", "MX.example", directory=lab)
    [made] = [name for name in os.listdir(lab)
              if name.endswith("cher-kva.example.crt")]
    assert made == "_.xn--bcher-kva.example.crt"
    shown = json.loads(cert("show", str(lab / made), "--json"))
    assert shown["names"] == ["*.xn--bcher-kva.example", "mx.example"]
