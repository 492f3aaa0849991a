"""What the mail shell writes, Python's email package reads, and the other way
round: two readers of MIME that share no code."""

import email
import email.header
import email.policy
import json
import os
import re
import smtplib
from email.message import EmailMessage

import harness
import pytest

LOGIN_ALICE = "login alice@abc.com --password secret\n"
LOGIN_BOB = "login bob@xyz.com --password secret\n"
BYTES = bytes(range(256)) * 64 + b"\r\n.\r\n.."


@pytest.fixture(name="pair")
def _pair():
    with harness.Pair() as pair:
        yield pair


def delivered(pair):
    """The one message in bob's mailbox, parsed, and as bytes."""
    (text,) = pair.maildir("bob@xyz.com").wait(1)
    return email.message_from_bytes(text, policy=email.policy.default), text


def submit(pair, message):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login("alice@abc.com", harness.PASSWORD)
        if isinstance(message, bytes):
            s.sendmail("alice@abc.com", ["bob@xyz.com"], message)
        else:
            s.send_message(message)
    pair.maildir("bob@xyz.com").wait(1)


def test_plain_text_is_from_to_empty_line_body(pair):
    pair.mailsh(LOGIN_ALICE +
                "compose bob@xyz.com --body 'message body' --no-edit\nsend\n")
    message, text = delivered(pair)
    names = [n for n in message.keys() if n not in ("Return-Path", "Received")]
    assert names[:2] == ["From", "To"]
    assert "MIME-Version" not in names
    assert text.partition(b"\n\n")[2] == b"message body\n"


def test_text_names_and_attachments_arrive(pair):
    name = "rapport-é 日本.pdf"
    path = pair.write(name, BYTES)
    subject = "Grüße, " + "sehr lang und schön " * 8
    pair.mailsh(LOGIN_ALICE + """
compose --to '"Bäuerle, Bob" <bob@xyz.com>' --subject '%s' --attach '%s' --no-edit <<END
schöne Grüße
.
From hier
END
send
""" % (subject.strip(), path))
    message, _ = delivered(pair)
    assert message["Subject"] == subject.strip()
    (to,) = message["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Bäuerle, Bob", "bob@xyz.com")
    text = message.get_body(("plain",)).get_content()
    assert text == "schöne Grüße\n.\nFrom hier\n"
    (part,) = message.iter_attachments()
    assert part.get_filename() == name
    assert part.get_content_type() == "application/pdf"
    assert part.get_content() == BYTES


def test_what_python_writes_is_read_and_saved(pair):
    message = EmailMessage()
    message["From"] = "Alicé <alice@abc.com>"
    message["To"] = "bob@xyz.com"
    message["Subject"] = "Ünïcode 日本語"
    message.set_content("Plain façade\n", cte="quoted-printable")
    message.add_alternative("<p>HTML <b>façade</b></p>", subtype="html")
    message.add_attachment(BYTES, maintype="application",
                           subtype="octet-stream", filename="../../daten-ü.bin")
    submit(pair, message)
    saved = os.path.join(pair.directory, "saved")
    os.mkdir(saved)
    out = pair.mailsh(LOGIN_BOB + "quiet list --wait 20s\nread 1 --no-pager\n"
                      "save 1 '*.bin' --to '%s'\n" % saved)
    assert "From: Alicé <alice@abc.com>\n" in out
    assert "Subject: Ünïcode 日本語\n" in out
    assert "\n\nPlain façade\n\n[3] daten-ü.bin application/octet-stream " in out
    assert os.listdir(saved) == ["daten-ü.bin"]
    with open(os.path.join(saved, "daten-ü.bin"), "rb") as f:
        assert f.read() == BYTES
    out = pair.mailsh(LOGIN_BOB + "read 1 --html\n")
    assert "HTML façade" in out and "Plain" not in out


def test_escape_sequences_never_reach_the_terminal(pair):
    # as a server of the world may: our own takes no such From
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.sendmail("alice@abc.com", ["bob@xyz.com"],
                   b"From: \"\x1b[31mx\" <alice@abc.com>\r\nTo: bob@xyz.com\r\n"
                   b"Subject: =?utf-8?q?=1B]0;owned=07?=\r\n\r\n"
                   b"\x1b[2Jclear\x07\r\n")
    out = pair.mailsh(LOGIN_BOB + "list --wait 20s\nlist --table\nlist --json\n"
                      "read 1 --headers all\n")
    assert "\x1b" not in out and "\x07" not in out
    assert "^[[2Jclear^G" in out


def test_a_reply_belongs_to_the_thread(pair):
    message = EmailMessage()
    message["From"] = "bob@xyz.com"
    message["To"] = "alice@abc.com"
    message["Reply-To"] = "Bob <bob@xyz.com>"
    message["Message-ID"] = "<second@xyz.com>"
    message["References"] = "<first@xyz.com>"
    message["Subject"] = "Re: Lunch"
    message.set_content("At noon?\n-- \nBob\n")
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login("bob@xyz.com", harness.PASSWORD)
        s.send_message(message)
    pair.mailsh(LOGIN_ALICE + "quiet list --wait 20s subject:Lunch\n"
                "reply 1 --quote --body Yes. --no-edit\nsend\n")
    answer, _ = delivered(pair)
    assert answer["Subject"] == "Re: Lunch"
    assert answer["To"] == "Bob <bob@xyz.com>"
    assert answer["In-Reply-To"] == "<second@xyz.com>"
    assert answer["References"] == "<first@xyz.com> <second@xyz.com>"
    text = answer.get_content()
    assert text.startswith("Yes.\n\nOn ")
    assert text.endswith(" wrote:\n> At noon?\n")


def test_a_script_can_count_and_name_what_it_worked_on(pair):
    pair.mailsh(LOGIN_ALICE + "".join(
        "compose bob@xyz.com --subject '%s' --body x --no-edit\nsend\n" % s
        for s in ("one", "two", "one", "three")))
    pair.maildir("bob@xyz.com").wait(4)
    out = pair.mailsh(LOGIN_BOB + "quiet list\necho \"$count $last\"\n"
                      "quiet list subject:two or subject:three\n"
                      "echo \"$count of $(count all)\"\n", "-q")
    first, second = out.splitlines()
    assert first == "4 1:4"
    assert second.startswith("2 of 4")
    rows = [json.loads(line) for line in pair.mailsh(
        LOGIN_BOB + "list subject:one --json\n", "-q").splitlines()]
    assert [row["subject"] for row in rows] == ["one", "one"]


@pytest.mark.parametrize("text", [
    "日本語の件名はとても長いのでエンコードされた単語は七十五文字以内です、" * 3,
    "é" * 70, "Grüße an alle, und  zwei Leerzeichen", "plain ascii " * 20,
    "x" * 300 + " ü", "looks =?utf-8?q?like_one?= but is none", "日 a " * 50,
    "😀" * 60])
def test_encoded_words_are_short_and_whole(pair, text):
    """RFC 2047 2: a word of at most 75 characters, a line of 76; 5: whole
    characters in each."""
    text = text.strip()
    pair.mailsh(LOGIN_ALICE + "compose --to '\"%s\" <bob@xyz.com>' "
                "--subject '%s' --header 'X-Our-Own-Field-Of-A-Long-Name: %s' "
                "--body x --no-edit\nsend\n" % (text, text, text))
    message, raw = delivered(pair)
    assert message["subject"] == text
    assert message["x-our-own-field-of-a-long-name"] == text
    old = email.message_from_bytes(raw)  # the new parser splits words of names
    name = str(email.header.make_header(email.header.decode_header(
        old["to"].replace("\n", ""))))
    assert name == text + " <bob@xyz.com>"
    for line in raw.partition(b"\n\n")[0].split(b"\n"):
        words = re.findall(rb"=\?[^?]+\?[QBqb]\?[^?]*\?=", line)
        assert not words or len(line) <= 76
        for word in words:
            assert len(word) <= 75
            ((part, charset),) = email.header.decode_header(word.decode())
            part.decode(charset)  # whole characters
