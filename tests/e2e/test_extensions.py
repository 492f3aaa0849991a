"""What EHLO offers is what doc/extensions.md and the manual pages say."""

import base64
import os
import re
import smtplib

import harness
from certificates import Lab
from harness import Wire

ALICE = "alice@abc.com"


def read(*path):
    with open(os.path.join(harness.top_srcdir(), *path), encoding="utf-8") as f:
        return f.read()


def documented(server):
    """{keyword: when} of the server's column."""
    rows = [[c.strip(" `") for c in line.strip("|").split("|")]
            for line in read("doc", "extensions.md").splitlines()
            if line.startswith(("| Keyword |", "| `"))]
    at = rows[0].index(server)
    return {row[0]: row[at] for row in rows[1:]}


def expected(server, *conditions):
    return {keyword for keyword, when in documented(server).items()
            if when == "yes" or when in conditions}


def offered(wire):
    lines = wire.ask(b"EHLO client.example").decode().splitlines()
    assert lines[0].startswith("250-"), lines
    return {line[4:].split()[0] for line in lines[1:]}


def login(wire):
    secret = base64.b64encode(b"\0%s\0%s" % (ALICE.encode(),
                                             harness.PASSWORD.encode()))
    assert wire.ask(b"AUTH PLAIN " + secret).startswith(b"235")


def test_both_servers_offer_what_is_documented():
    with harness.Pair() as pair:
        with Wire(pair.submission_port) as wire:
            wire.reply()
            assert offered(wire) == expected("postpair-sender",
                                             "before login")
            login(wire)
            assert offered(wire) == expected("postpair-sender")
        with Wire(pair.smtp_port) as wire:
            wire.reply()
            assert offered(wire) == expected("postpair-receiver")


def test_what_tls_changes_is_as_documented():
    with Lab() as lab, lab.pair() as pair:
        for server, port in (("postpair-sender", pair.submission_port),
                             ("postpair-receiver", pair.smtp_port)):
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
                client.ehlo()
                assert {k.upper() for k in client.esmtp_features} == expected(
                    server, "before login", "with a certificate")
                client.starttls(context=lab.client())
                client.ehlo()
                assert {k.upper() for k in client.esmtp_features} == expected(
                    server, "before login", "over TLS")


def test_manual_pages_name_the_same():
    for server in ("postpair-sender", "postpair-receiver"):
        page = read("man", server + ".8")
        section = re.search(r"^\.Sh EXTENSIONS\n(.*?)^\.Sh ", page, re.M | re.S)
        named = set(re.findall(r"^\.It Li (\S+)", section.group(1), re.M))
        assert named == {keyword for keyword, when in documented(server).items()
                         if when != "no"}, server
