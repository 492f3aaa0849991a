"""mailsh and mail that is hard to read: one bad message hides no other, and
nothing that can be shown stays unseen."""

import os
import smtplib
import subprocess

import harness
import pytest

LOGIN = "login bob@xyz.com --password secret\n"
DEEP = "".join("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
               % (i, i) for i in range(60)) + "\r\nneedle\r\n"
LONG = "X-Long: %s\r\n" % ("x" * 900)
MANY = ("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "".join(
    "--b\r\n%s\r\npart %d\r\n" % (
        "Content-Disposition: attachment; filename=f%d.txt\r\n" % i
        if i % 100 == 1 else "", i) for i in range(1, 702)) + "--b--\r\n")


@pytest.fixture(name="pair")
def _pair():
    with harness.Pair(sender=False) as pair:
        yield pair


def deliver(pair, *messages):
    """As any server of the world may."""
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        for message in messages:
            if isinstance(message, str):
                message = message.encode()
            s.sendmail("x@far.example", ["bob@xyz.com"], message)


def put(pair, name, message):
    """Into the mailbox by hand: no server of ours would take it."""
    directory = pair.maildir("bob@xyz.com").path + "/new/"
    with open(directory + name, "wb") as f:
        f.write(message.encode())


def mail(subject, body="needle\r\n", header=""):
    return ("From: x@far.example\r\nSubject: %s\r\n%s\r\n%s"
            % (subject, header, body))


def shell(pair, script, status=0):
    out = pair.mailsh(LOGIN.rstrip() + " --pop3 127.0.0.1:%d\n" %
                      pair.pop3_port + script, ports=False, status=status)
    return out.split("\n", 1)[1]


@pytest.fixture(name="odd")
def _odd(pair):
    """1 good, 2 sixty multiparts deep, 3 with 300 KiB of header, 4 good."""
    deliver(pair, mail("first"), "From: x@far.example\r\nSubject: deep\r\n" + DEEP)
    put(pair, "9999999998.long.xyz.com", mail("long", header=LONG * 340).replace(
        "\r\n", "\n"))
    put(pair, "9999999999.last.xyz.com", mail("last").replace("\r\n", "\n"))
    return pair


@pytest.mark.parametrize("step", ["body:needle", "text:needle", "not body:other",
                                  "header:x-other=needle or body:needle"])
def test_a_search_goes_on_behind_a_bad_message(odd, step):
    """What could stand behind a bound is not known, to `not` neither."""
    out = shell(odd, "list %s --tsv\n" % step)
    assert "first" in out and "last" in out and "\tdeep" not in out
    assert "message 2 is left out: multiparts inside each other" in odd.stderr
    # 3 has its body in sight, and with `not` and in its header who knows
    seen = step in ("body:needle", "text:needle")
    assert ("\tlong" in out) == seen
    assert ("message 3 is left out: header of over" in odd.stderr) != seen
    assert "message 1 " not in odd.stderr and "message 4 " not in odd.stderr


def test_every_command_that_takes_a_set_goes_on(odd):
    assert shell(odd, "count body:needle\n").strip() == "3"
    assert shell(odd, "count has:attachment\n").strip() == "1"
    # all are in the list, which needs no body
    out = shell(odd, "list --tsv\n")
    for subject in ("first", "deep", "long", "last"):
        assert subject in out
    out = shell(odd, "read body:needle\n")
    assert out.count("needle") == 3
    shell(odd, "delete body:needle\nlogout\n")
    assert "deep" in shell(odd, "list --tsv\n")


def test_what_is_over_a_bound_ends_no_script(odd):
    """A stranger's mail among the others: what can be shown is shown."""
    put(odd, "9999999999.many.xyz.com", mail("many", MANY.partition(
        "\r\n\r\n")[2], MANY.partition("\r\n")[0] + "\r\n").replace(
            "\r\n", "\n"))
    out = shell(odd, "read all\necho end\n")
    assert odd.stderr == "" and out.endswith("\nend\n")
    for subject in ("first", "deep", "long", "last", "many"):
        assert "Subject: " + subject in out
    assert "[multiparts inside each other more than 50 deep" in out
    assert "\nneedle\n[header of over 256 KiB: " in out
    assert "\npart 500\n" not in out and "\npart 499\n" in out
    assert "[more than 500 parts: the rest is the last part" in out
    assert "[500] part-500.bin application/octet-stream " in out
    # the rest is at hand
    assert "needle" in shell(odd, "read 2 --part 1\n")
    assert "part 701\r\n" in shell(odd, "save 5 500 --to -\n")
    # nor does a file of that kind in it get lost before a `delete last`
    for what, files in (("*", 7), ("f*.txt", 7), ("*.pdf", 2)):
        out = shell(odd, "save all '%s' --to %s/%s/\n" % (
            what, odd.directory, what[-1]))
        assert "part-500.bin" in out and "part-1.eml" in out
        assert len(os.listdir(os.path.join(odd.directory, what[-1]))) == files


def test_the_beginning_of_a_long_text_is_read(pair):
    """What the line below it says is how to get the rest."""
    text = "needle\n" + "0123456789 0123456789 0123456789\n" * 550000
    deliver(pair, mail("first"))
    put(pair, "9999999998.long.xyz.com", mail("long", text).replace("\r\n", "\n"))
    for part in ("", " --part 1"):
        out = shell(pair, "read 2%s\necho end\n" % part)
        assert "needle\n0123456789 " in out and out.endswith("\nend\n")
        assert len(out) > 16000000
        word = out.splitlines()[-2]
        assert word == "[1.8 MiB of part 1 are left out; `save 2 1` writes all of it]"
    shell(pair, word.split("`")[1] + "\n")
    with open(pair.directory + "/part-1.txt", encoding="ascii", newline="") as f:
        assert f.read() == text.replace("\n", "\r\n")


def test_read_and_save_go_on_behind_a_message_that_is_not_given(odd):
    cur = odd.maildir("bob@xyz.com").path
    script = "list 1\n!rm %s/*/9999999998.long*\n%%s 1:4 %%s\n" % cur
    put_back = mail("long").replace("\r\n", "\n")
    out = shell(odd, script % ("read", ""), status=6)
    assert "Subject: first" in out and "Subject: last" in out
    assert "message 3 is not shown: " in odd.stderr
    assert "1 of 4 messages are not shown" in odd.stderr
    with open(cur + "/new/9999999998.long.xyz.com", "w", encoding="ascii") as f:
        f.write(put_back)
    out = shell(odd, script % ("save", "--to %s/given/" % odd.directory),
                status=5)
    assert "3 of 4 files saved" in odd.stderr
    assert len(os.listdir(odd.directory + "/given")) == 3


def test_mail_over_a_bound_is_answered():
    with harness.Pair() as pair:
        deliver(pair, "From: x@far.example\r\nSubject: deep\r\n" + DEEP,
                "From: x@far.example\r\nSubject: many\r\n" + MANY)
        pair.maildir("bob@xyz.com").wait(2)
        out = pair.mailsh(LOGIN + "list\nreply 1 --quote --body x\npreview\n"
                          "cancel\nreply 2 --quote --body x\npreview\ncancel\n")
        assert out.count("\nTo: x@far.example\n") == 2
        assert "> part 499\n" in out


# ---- nothing that can be shown stays unseen ----------------------------------


SEEN = [
    mail("x", "visible\r\n", "Content-Type: text\r\n"),
    mail("x", "visible\r\n", "Content-Type: multipart/mixed\r\n"),
    mail("x", "--b\r\n\r\nvisible\r\n--b--\r\n",
         "Content-Type: multipart/mixed; boundary=b (comment)\r\n"),
    mail("x", "dmlzaWJsZQ\r\n", "Content-Transfer-Encoding: base64;\r\n"),
    mail("x", "dg==aXNpYmxl\r\n",
         "Content-Transfer-Encoding: base64\r\n"),
    mail("x", "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n"
         "<p>visible</p>\r\n--b--\r\n",
         "Content-Type: multipart/alternative; boundary=b\r\n"),
]


def test_what_can_be_shown_is_shown(pair):
    deliver(pair, *SEEN)
    for i in range(len(SEEN)):
        assert "visible" in shell(pair, "read %d\n" % (i + 1)), SEEN[i]


def test_an_empty_mail_has_a_word(pair):
    """Programs get what there is: nothing."""
    deliver(pair, mail("x", ""))
    put(pair, "9999999999.none.xyz.com", "")
    assert shell(pair, "read 1 --headers none\n") == "[this message has no text]\n"
    assert shell(pair, "read 2\n") == "\n[this message is empty]\n"
    assert shell(pair, "read 1 --part 1\n") == "[part 1 is empty]\n"
    assert '"body":""' in shell(pair, "read 1 --json\n")
    assert shell(pair, "read 2 --raw\n") == ""
    assert pair.stderr == "[message 2 is empty]\n"


@pytest.mark.parametrize("w3m", [None, "exit 1", "cat >/dev/null", "cat"])
def test_html_with_and_without_w3m(pair, w3m):
    """Whatever the machine has, or what that does."""
    path = "/usr/bin:/bin"
    directory = pair.directory + "/bin"
    os.mkdir(directory)
    if w3m is not None:
        with open(directory + "/w3m", "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n%s\n" % w3m)
        os.chmod(directory + "/w3m", 0o755)
    deliver(pair, mail("x", "<" * 1000 + "\r\nvisible\r\n",
                       "Content-Type: text/html\r\n"))
    script = LOGIN.rstrip() + " --pop3 127.0.0.1:%d\nread 1\n" % pair.pop3_port
    env = {**pair.environment(), "PATH": directory + (":" + path if w3m else "")}
    done = subprocess.run([harness.program("mailsh")], input=script.encode(),
                          capture_output=True, timeout=50, env=env, check=False,
                          cwd=pair.directory)
    out = done.stdout.decode()
    assert done.returncode == 0 and "visible" in out
    assert ("w3m gave up" in out) == (w3m == "exit 1")
