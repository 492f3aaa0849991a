"""Certificates that change, end or are wrong, while clients are there."""

import os
import shutil
import socket

import harness
import pytest
from certificates import Lab
from test_tls import shown, talk


@pytest.fixture(name="lab")
def _lab():
    with Lab() as lab:
        yield lab


def test_a_renewal_drops_no_client_and_a_bad_file_changes_nothing(lab):
    live = lab.section()
    shutil.copy(live["certificate"], lab.path("live.crt"))
    shutil.copy(live["key"], lab.path("live.key"))
    lab.host("new.example")
    with lab.pair(receiver={"tls": lab.section("live")}) as pair:
        port = pair.receiver.ports["pop3-tls"]
        context = lab.client()
        ticket, _ = talk(port, context)
        with socket.create_connection(("127.0.0.1", port), 30) as raw, \
                context.wrap_socket(raw, server_hostname="localhost") as s:
            f = s.makefile("rb")
            f.readline()
            # renewed
            for suffix in (".crt", ".key"):
                shutil.copy(lab.path("new.example" + suffix),
                            lab.path("live" + suffix))
            pair.receiver.reload()
            harness.wait_for(lambda: shown(port, lab, None) == ["new.example"],
                             what="the new certificate")
            s.sendall(b"NOOP\r\nCAPA\r\n")
            assert f.readline().startswith(b"-ERR")  # not logged in
            assert f.readline().startswith(b"+OK")
            # what was sealed before is of no use after
            context.check_hostname = False
            assert not talk(port, context, ticket)[1]
            # broken
            seen = len(pair.receiver.log())
            with open(lab.path("live.key"), "w", encoding="ascii") as broken:
                broken.write("nothing\n")
            pair.receiver.reload()
            pair.receiver.wait_log("live.key: no private key in it",
                                   after=seen)
            assert shown(port, lab, None) == ["new.example"]
            s.sendall(b"QUIT\r\n")
            while True:
                line = f.readline()
                if not line or line.startswith(b"+OK"):
                    break
            # gone: the same
            os.unlink(lab.path("live.crt"))
            seen = len(pair.receiver.log())
            pair.receiver.reload()
            pair.receiver.wait_log("live.crt: No such file", after=seen)
            assert shown(port, lab, None) == ["new.example"]


def test_tls_can_be_switched_on_and_off_by_a_reload(lab):
    with harness.Pair() as pair:
        def offers():
            with harness.Wire(pair.smtp_port) as wire:
                wire.reply()
                return b"STARTTLS" in wire.ask(b"EHLO c")

        assert not offers()
        pair.receiver.sections["tls"] = lab.section()
        pair.receiver.reload()
        harness.wait_for(offers, what="STARTTLS")
        del pair.receiver.sections["tls"]
        pair.receiver.reload()
        harness.wait_for(lambda: not offers(), what="no STARTTLS")


def test_the_log_warns_before_a_certificate_ends(lab):
    lab.host("soon.example", "--days=10")
    lab.host("late.example", "--days=-1")
    with lab.pair(sender={"tls": lab.section("soon.example")},
                  receiver={"tls": lab.section("late.example")}) as pair:
        pair.sender.wait_log(r" warn certificate-expires "
                             r"service=submission file=\S*soon.example.crt "
                             r"days=\d+")
        pair.receiver.wait_log(r" error certificate-expired "
                               r"service=pop3 file=\S*late.example.crt")


@pytest.mark.parametrize("sections,reason", [
    ({"submission": {"listen-tls": "127.0.0.1:0"}},
     "listen-tls: needs [tls] certificate"),
    ({"tls": {"key": "/dev/null/none"}}, "[tls] certificate: missing"),
    ({"tls": {"certificate": "/dev/null/none.crt"}},
     "/dev/null/none.crt: Not a directory"),
    ({"tls": {"certificate": "{ca.key}"}}, "ca.key: no certificate in it"),
    ({"tls": {"certificate": "{localhost.crt}", "key": "{ca.key}"}},
     "ca.key: not the key of"),
    ({"tls": {"certificate": "{localhost.crt}", "key": "{localhost.key}",
              "client-ca": "{ca.key}"}}, "ca.key: no certificate in it"),
    ({"tls": {"certificate": "{localhost.crt}", "key": "{localhost.key}"},
      "certificates": {"mx.example": "a b c"}},
     "[certificates] mx.example: not of the form"),
    ({"tls": {"minimum": "1.1"}}, "minimum"),
])
def test_a_wrong_section_is_named_with_its_reason(lab, sections, reason):
    def filled(value):
        return lab.path(value[1:-1]) if value.startswith("{") else value

    pair = harness.Pair(start=False)
    try:
        pair.sender.sections = harness.merged(pair.sender.sections, {
            section: {k: filled(v) for k, v in keys.items()}
            for section, keys in sections.items()})
        pair.sender.write_config()
        said = pair.sender.refused()
        assert reason in said, said
        assert pair.sender.config in said
    finally:
        pair.kill()
