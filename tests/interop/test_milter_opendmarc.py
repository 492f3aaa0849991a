"""OpenDKIM says whose signature holds, OpenDMARC behind it what that means for
the domain of the From field."""

import os
import re
import smtplib
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import milter_neighbour  # noqa: E402
import opendkim  # noqa: E402
import opendmarc  # noqa: E402
from milter_neighbour import harness, txt  # noqa: E402

pytestmark = pytest.mark.deadline(180)  # the name server may be taken
ALICE, BOB = "alice@abc.com", "bob@xyz.com"
TEXT = "From: %s\r\nTo: bob@xyz.com\r\nSubject: %s\r\n\r\nhello\r\n"


@pytest.fixture(name="pair", scope="module")
def make_pair(tmp_path_factory):
    key = milter_neighbour.Key(str(tmp_path_factory.mktemp("dmarc")), "abc.com")
    records = [
        txt("_dmarc.abc.com", "v=DMARC1; p=reject"),
        txt("_dmarc.lax.example", "v=DMARC1; p=none"),
        txt(key.name, key.record)]
    with milter_neighbour.system_names(records), \
            opendkim.OpenDkim("s", key) as signer, \
            opendkim.OpenDkim("v", key) as verifier, \
            opendmarc.OpenDmarc() as judge, harness.Pair(
                sender={"milters": {"sign": signer.place},
                        "submission": {"milters": "sign"}},
                receiver={"milters": {"dkim": verifier.place,
                                      "dmarc": judge.place},
                          "server": {"authserv-id": "mx.xyz.com"},
                          "smtp": {"milters": "dkim dmarc"}}) as pair:
        yield pair


def results(message):
    """The fields of the two, the last one first."""
    header = message.partition(b"\n\n")[0].decode()
    return re.findall(r"^Authentication-Results: mx\.xyz\.com; (.*)",
                      re.sub(r"\n\s+", " ", header), re.M)


def give(pair, sender, subject, more=""):
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.sendmail(sender, [BOB], more + TEXT % (sender, subject))


def test_what_the_domain_has_signed_passes(pair):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [BOB], TEXT % (ALICE, "signed"))
    said = results(pair.wait_message(BOB, "signed"))
    assert [x.split()[0] for x in said] == ["dmarc=pass", "dkim=pass"], said
    assert "header.from=abc.com" in said[0]


def test_what_it_has_not_signed_is_refused_as_it_asks(pair):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        give(pair, ALICE, "unsigned")
    assert refused.value.smtp_code == 550
    assert b"DMARC" in refused.value.smtp_error


def test_a_result_that_a_stranger_brings_along_does_not_help(pair):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        give(pair, ALICE, "forged", "Authentication-Results: mx.xyz.com; "
             "dkim=pass header.d=abc.com\r\n")
    assert refused.value.smtp_code == 550
    assert b"DMARC" in refused.value.smtp_error


def test_a_domain_that_asks_for_nothing_is_only_marked(pair):
    give(pair, "x@lax.example", "lax")
    said = results(pair.wait_message(BOB, "lax"))
    assert said[0].startswith("dmarc=fail (p=none"), said
