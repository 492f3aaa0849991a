"""What mailsh writes to files and to the terminal when the mail is a stranger's."""

import json
import os
import smtplib
import stat

import harness
import pytest
from terminal import log_in

LOGIN = "login bob@xyz.com --password secret\n"
PART = ("--b\r\nContent-Disposition: attachment; filename=%s\r\n\r\n"
        "%s\r\n")


@pytest.fixture(name="pair")
def _pair():
    with harness.Pair(sender=False) as pair:
        yield pair


def deliver(pair, message, user="bob@xyz.com"):
    """As any server of the world may."""
    if isinstance(message, str):
        message = message.encode()
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.sendmail("x@far.example", [user], message)


def shell(pair, script, status=0):
    out = pair.mailsh(LOGIN.rstrip() + " --pop3 127.0.0.1:%d\n" %
                      pair.pop3_port + script, ports=False, status=status)
    return out.split("\n", 1)[1]


def with_parts(*parts, subject="files"):
    return ("From: x@far.example\r\nSubject: %s\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            "--b\r\n\r\ntext\r\n%s--b--\r\n" %
            (subject, "".join(PART % part for part in parts)))


def files_in(pair, where):
    found = {}
    for name in os.listdir(os.path.join(pair.directory, where)):
        with open(os.path.join(pair.directory, where, name), "rb") as f:
            found[name] = f.read().decode()
    return found


def test_attachments_of_one_name_are_all_saved(pair):
    deliver(pair, with_parts(("image.txt", "one"), ("image.txt", "two"),
                             ("IMAGE.TXT", "three"), ("image-2.txt", "four"),
                             ("noend", "five"), ("noend", "six")))
    want = {"image.txt": "one", "image-2.txt": "two", "IMAGE-3.TXT": "three",
            "image-2-2.txt": "four", "noend": "five", "noend-2": "six"}
    for option in ("", " --force", " --force"):
        where = "force" if option else "plain"
        shell(pair, "save 1 '*' --to %s/%s\n" % (where, option))
        assert files_in(pair, where) == want
        for name in want:
            path = os.path.join(pair.directory, where, name)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    # the same over several messages
    deliver(pair, with_parts(("image.txt", "again"), subject="second"))
    shell(pair, "save 1:2 image.txt --to both/\n")
    assert files_in(pair, "both") == {"image.txt": "one",
                                      "image-2.txt": "two",
                                      "image-3.txt": "again"}


def test_a_file_in_the_way_stays_and_the_others_are_saved(pair):
    deliver(pair, with_parts(("a.txt", "one"), ("b.txt", "two"),
                             ("c.txt", "three")))
    os.mkdir(os.path.join(pair.directory, "w"))
    pair.write("w/a.txt", b"mine")
    shell(pair, "save 1 '*' --to w\n", status=9)
    assert "w/a.txt: File exists [local]\nhint: --force replaces it" in \
        pair.stderr and "2 of 3 files saved" in pair.stderr
    assert files_in(pair, "w") == {"a.txt": "mine", "b.txt": "two",
                                   "c.txt": "three"}
    # a directory is not replaced, and no hint says that it can be
    os.mkdir(os.path.join(pair.directory, "w", "d"))
    deliver(pair, with_parts(("d", "four")))
    shell(pair, "save 2 d --to w\n", status=9)
    assert pair.stderr.endswith("save: w/d: Is a directory [local]\n")
    os.rmdir(os.path.join(pair.directory, "w", "d"))
    # several files are not written over each other in one
    shell(pair, "save 1 '*' --to one.txt\n", status=2)
    assert not os.path.exists(os.path.join(pair.directory, "one.txt"))
    shell(pair, "save 1 a.txt --to w/a.txt --force\n")
    assert files_in(pair, "w")["a.txt"] == "one"
    # a device is written to, not replaced
    shell(pair, "save 1 --to /dev/null --force\n")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_every_file_that_is_not_saved_is_named(pair):
    deliver(pair, with_parts(("a.txt", "one"), ("b.txt", "two"),
                             ("c.txt", "three")))
    os.mkdir(os.path.join(pair.directory, "w"))
    for name in ("a.txt", "c.txt"):
        pair.write("w/" + name, b"mine")
    # "w/" with the slash of a directory, and files inside without another
    out = shell(pair, "save 1 '*' --to w/\n", status=9)
    assert out == "saved w/b.txt (3 bytes)\n"
    assert pair.stderr == (
        "not saved: w/a.txt: File exists\nnot saved: w/c.txt: File exists\n"
        "mailsh: stdin:2: save: 2 of 3 files are not saved [local]\n"
        "hint: --force replaces it\n")
    # a part that is not there: in which of the messages
    deliver(pair, with_parts(("a.txt", "one")))
    shell(pair, "save 1:2 4 --to .\n", status=1)
    assert "message 2: no part matches 4 [no-match]" in pair.stderr
    hint = pair.stderr.split("hint: `")[1].split("`")[0]
    assert "[2] a.txt text/plain" in shell(pair, hint + "\n")


def test_a_full_disk_costs_no_file(pair):
    deliver(pair, with_parts(("big.txt", "x" * 70 + "\r\n" + "y" * 900000)))
    with harness.small_disk(os.path.join(pair.directory, "disk")) as disk:
        pair.write("disk/big.txt", b"mine")
        shell(pair, "save 1 big.txt --to disk --force\n", status=9)
        assert os.listdir(disk) == ["big.txt"]
        assert files_in(pair, "disk") == {"big.txt": "mine"}


def test_pdfs_of_a_week_are_saved_as_the_manual_says(pair):
    deliver(pair, "From: x@far.example\r\nSubject: none\r\n\r\ntext\r\n")
    deliver(pair, with_parts(("a.pdf", "one"), subject="first"))
    deliver(pair, with_parts(("a.pdf", "two"), ("x.txt", "no"),
                             subject="second"))
    deliver(pair, with_parts(("x.txt", "no"), subject="third"))
    with open(os.path.join(harness.top_srcdir(), "man", "mailsh.1"),
              encoding="utf-8") as f:
        page = f.read()
    begin = page.index("\n", page.index(".Bd -literal",
                                        page.index("Save every PDF")))
    script = page[begin + 1:page.index(".Ed", begin)]
    out = shell(pair, script)
    assert "deleted 3 messages" in out
    assert files_in(pair, "home/bills") == {"a.pdf": "one",
                                            "a-2.pdf": "two"}


def test_a_mail_without_a_date_counts_by_its_arrival(pair):
    for subject, date in (("none", ""), ("nonsense", "Date: soon\r\n"),
                          ("old", "Date: 1 Jan 2020 00:00:00 +0000\r\n")):
        deliver(pair, "From: x@far.example\r\nSubject: %s\r\n%s"
                "Received: from nowhere; 1 Jan 2019 00:00:00 +0000\r\n\r\n"
                "x\r\n" % (subject, date))
    out = shell(pair, "list newer:7d --json\necho --\nlist older:7d --json\n"
                "count since:2000-01-01\n")
    new, old = out.split("--")
    assert '"none"' in new and '"nonsense"' in new and '"old"' not in new
    assert '"date":""' in new  # its author gave none
    assert '"old"' in old and '"none"' not in old and old.endswith("\n3\n")


def test_a_mail_cannot_steer_or_reorder_the_terminal(pair):
    deliver(pair, "From: x@far.example\r\nSubject: plain\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n"
            "begin \u202egnp.exe\u2066 \x1b]0;evil\x07 \u009b2J end\r\n")
    t = log_in(pair, "bob@xyz.com")
    for command in ("read 1", "read 1 --raw", "save 1 --to -",
                    "echo $(read 1 --raw)", "read 1 --json"):
        t.type(command + "\n")
        t.expect("begin ")
        shown = t.expect(" end").encode()
        assert b"gnp.exe" in shown
        for evil in ("\u202e", "\u2066", "\x1b", "\x07", "\u009b"):
            assert evil.encode() not in shown, (command, shown)
        t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0
    # a program gets the bytes
    raw = shell(pair, "read 1 --raw\n")
    assert "begin \u202egnp.exe" in raw and "\x1b]0;" in raw


# Who stands there, and what must be in the answer; the last is told about.
NAMES = [
    ("[Project] <x@b.example>", ["x@b.example"]),
    ("[Acme/repo] Jane Doe <x@b.example>", ["x@b.example"]),
    ("JOHN DOE[XX] <x@b.example>", ["x@b.example"]),
    ("Acme] <x@b.example>", ["x@b.example"]),
    ("Acme\\Support <x@b.example>", ["x@b.example"]),
    ("Acme (Support <x@b.example>", ["x@b.example"]),
    ("Acme) Support <x@b.example>", ["x@b.example"]),
    ("Acme; Support <x@b.example>", ["x@b.example"]),
    ("Re: you <x@b.example>", ["x@b.example"]),
    ("Lee, Ann <x@b.example>", ["x@b.example"]),
    ("Acme Inc. <x@b.example>", ["x@b.example"]),
    ("Support @ Acme <x@b.example>", ["x@b.example"]),
    ("a@b <x@b.example>", ["x@b.example"]),
    ('"Acme Support <x@b.example>', ["x@b.example"]),
    ('Acme "Support <x@b.example>', ["x@b.example"]),
    ("Ann < x@b.example >", ["x@b.example"]),
    ("Ann <x@b.example> (private)", ["x@b.example"]),
    ("Ann <x@b.example> for you", ["x@b.example"]),
    ("x@b.example (Ann)", ["x@b.example"]),
    ("Ann <@relay.example:x@b.example>", ["x@b.example"]),
    ("Ann <x@my_host.example>", ["x@my_host.example"]),
    ("Ann <a..b@b.example>", ['"a..b"@b.example']),
    ("Ann <.a@b.example>", ['".a"@b.example']),
    ("[A] <x@b.example>, y@b.example", ["x@b.example", "y@b.example"]),
    ("y@b.example, A (b <x@b.example>", ["x@b.example", "y@b.example"]),
    ("A (b <x@b.example>, y@b.example", ["x@b.example", "y@b.example"]),
    ("A] <x@b.example> B <y@b.example>", ["x@b.example", "y@b.example"]),
    ("team: x@b.example, Y <y@b.example>;", ["x@b.example", "y@b.example"]),
    ('"x@c.example" <x@b.example>', ["x@b.example"]),
    ("=?utf-8?q?J=C3=B6rg_=5BX=5D?= <x@b.example>", ["x@b.example"]),
]


def test_whoever_has_a_plain_address_can_be_answered():
    with harness.Pair() as pair:
        for n, (name, _) in enumerate(NAMES):
            deliver(pair, "From: %s\r\nSubject: case %d\r\n\r\nx\r\n" %
                    (name, n))
        pair.maildir("bob@xyz.com").wait(len(NAMES))
        script = LOGIN + "list --json\n"
        for n in range(len(NAMES)):
            script += ("echo == %d\nreply 'subject:~^case %d$' --body x\n"
                       "preview\ncancel\n" % (n, n))
        out = pair.mailsh(script)
        assert pair.stderr == ""
        listed, *previews = out.split("\n== ")
        assert len(previews) == len(NAMES)
        rows = {row["subject"]: row for row in
                map(json.loads, listed.splitlines()[1:])}
        for (name, want), preview in zip(NAMES, previews):
            n = int(preview.split("\n")[0])
            to = preview.partition("\nTo: ")[2].split("\nSubject")[0]
            for address in want:
                assert "%s>" % address in to or address in to.split(", "), \
                    (name, to)
                # shown as it was written
                assert address.replace('"', "") in \
                    rows["case %d" % n]["from"], name
            assert "c.example" not in to.replace('"x@c.example"', "")


def test_nobody_is_left_out_of_an_answer_without_a_word():
    with harness.Pair() as pair:
        deliver(pair, "From: ann@b.example\r\nTo: bob@xyz.com, root, "
                "x@-b.example, eve@b.example\r\nSubject: many\r\n\r\nx\r\n")
        pair.maildir("bob@xyz.com").wait(1)
        out = pair.mailsh(LOGIN + "reply 1 --all --body x\npreview\ncancel\n")
        assert "To: ann@b.example\nCc: eve@b.example\n" in out
        assert pair.stderr == ("not answered, since this is no address: "
                               "root, x@-b.example\n")
        deliver(pair, "From: <x@-b.example>\r\nSubject: one\r\n\r\nx\r\n")
        pair.maildir("bob@xyz.com").wait(2)
        pair.mailsh(LOGIN + "reply subject:one --body x\n", status=1)
        assert "nobody to answer, and this is no address: x@-b.example" in \
            pair.stderr


def test_a_name_that_looks_like_an_address_is_shown_as_what_it_is(pair):
    for name in ('"bob@xyz.com"', "=?utf-8?q?bob=40xyz=2Ecom?=",
                 "=?utf-8?q?bob=EF=BC=A0xyz=2Ecom?=",
                 '"bob@xyz.com via list"', "bob@xyz.com"):
        deliver(pair, "From: %s <evil@far.example>\r\nSubject: x\r\n\r\nx\r\n" %
                name)
    for n in range(1, 6):
        out = shell(pair, "list %d --table\nread %d --headers minimal\n"
                    "reply %d --quote --body x; preview\n" % (n, n, n)
                    if pair.with_sender else
                    "list %d --table\nread %d --headers minimal\n" % (n, n))
        row, head = out.split("\n")[:2]
        assert "evil@far.example" in row and "bob" not in row, out
        assert head.endswith(" <evil@far.example>")
        if "\uff20" not in head:
            assert head.startswith('From: "bob@xyz.com')


def test_one_letter_is_a_name(pair):
    deliver(pair, 'From: B <b@far.example>\r\nTo: "C" <c@far.example>\r\n'
            "Subject: x\r\n\r\nx\r\n")
    out = shell(pair, "list --json\nread 1 --headers minimal\n")
    row = json.loads(out.split("\n")[0])
    assert (row["from"], row["to"]) == ("B <b@far.example>",
                                        "C <c@far.example>")
    assert "From: B <b@far.example>\nTo: C <c@far.example>\n" in out
    assert " B " in shell(pair, "list --table\n")
