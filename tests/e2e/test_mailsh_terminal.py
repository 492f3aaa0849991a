"""mailsh on a terminal (a pseudo-terminal here): prompt, hidden password,
completion, history, ^C."""

import os
import signal
import smtplib
import stat
import termios

import harness
import pytest
from terminal import Terminal, log_in

@pytest.fixture(scope="module")
def pair():
    with harness.Pair(users={"dave@xyz.com": "secret"}) as running:
        yield running


def test_password_is_asked_for_and_not_shown(pair):
    t = Terminal(pair, "-u", "alice@abc.com")
    t.expect("Password for alice@abc.com: ")
    t.type("secret\n")
    assert "secret" not in t.expect("logged in as")
    t.type("exit\n")
    assert t.end() == 0


def test_compose_typed_with_completion(pair):
    t = log_in(pair)
    t.type("contact add bob bob@xyz.com\n")
    t.expect("\n")
    t.expect("> ")
    t.type("comp\t")
    t.expect("compose ")
    t.type("bo\t")
    t.expect("bob ")
    t.type("\n")
    t.expect("Subject: ")
    t.type("Typed\n")
    t.expect("a line with only a dot ends it")
    t.type("Hello\n.\n")
    t.expect("draft> ")
    t.type("send\n")
    t.expect("sent <")
    t.type("exit\n")
    assert t.end() == 0
    assert b"\n\nHello\n" in pair.wait_message("bob@xyz.com", "Typed")


def test_settings_complete_with_their_values_and_files(pair):
    pair.write("authority.crt", b"no certificate\n")
    t = log_in(pair)
    t.type("set for\ttab\t\n")
    t.expect("set format table")
    t.expect("> ")
    t.type("echo now $(set format)\n")
    t.expect("\rnow table")
    t.type("set c\t\t")
    for name in ("ca", "cert", "color"):
        t.expect(name)
    # what is no authority is refused at once, and changes nothing
    t.type("a autho\t\n")
    t.expect("authority.crt")
    t.expect("[local]")
    t.type("echo now $(set ca).\nexit\n")
    t.expect("\rnow .")
    assert t.end() == 0


def test_a_wrong_recipient_is_told_before_the_text_is_typed(pair):
    t = log_in(pair)
    t.type("compose nobodyknows\n")
    assert "Subject" not in t.expect("is neither an address nor a contact")
    t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0


def test_editor_and_the_draft_is_not_lost(pair):
    t = log_in(pair)
    t.type("compose --to carol@xyz.com --subject before --body x --edit\n")
    t.expect("Subject: after  1 line, 0 attachments")
    t.expect("draft> ")
    t.type("exit\n")
    t.expect("a draft is not sent yet")
    t.type("compose --to bob@xyz.com --body y\n")
    t.expect("a draft is not sent yet")
    t.type("cancel\n")
    t.expect("draft dropped")
    t.type("exit\n")
    assert t.end() == 0


def test_interrupt_empties_the_line_and_never_ends_the_shell(pair):
    t = log_in(pair)
    t.type("echo half a li")
    t.expect("half a li")
    t.type("\x03")
    t.expect("^C")
    t.type("echo who'l' line\n")
    t.expect("whol line\r\n")
    t.expect("> ")
    t.type("trace on\n")
    t.expect("> ")
    t.type("list --wait 60s from:nobody\n")
    t.expect("< +OK")  # it is at work
    t.type("\x03")
    t.expect("[interrupted]")
    t.expect("> ")
    t.type("echo still here\n")
    t.expect("\rstill here\r\n")
    t.expect("> ")
    t.type("\x04")
    assert t.end() == 0


def test_interrupt_ends_what_was_begun_with_keys(pair):
    t = log_in(pair)
    t.type("echo the first\n")
    t.expect("\rthe first\r\n")
    t.expect("> ")
    for typed, shown in (("\x12fir", "`fir'"),  # a search
                         ("\x1b7", "(arg: 7)"),  # how often the next key
                         ("\x10 changed", "a changed")):
        t.type(typed)
        t.expect(shown)
        t.type("\x03")
        t.expect("^C")
        t.expect("> ")
        t.type("echo a\n")
        t.expect("\ra\r\n")
        t.expect("> ")
    t.type("\x10\n")  # as it was entered
    t.expect("\ra\r\n")
    t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0


def test_history_is_private_and_holds_no_password(pair):
    t = Terminal(pair)
    t.expect("mailsh> ")
    t.type("login alice@abc.com --password secret\n")
    t.expect("logged in as")
    t.expect("> ")
    # also what was meant as one
    for line in ("login alice@abc.com --pass secret",
                 "login alice@abc.com --passwrd=secret",
                 "login alice@abc.com secret", "lgoin alice@abc.com secret",
                 "set password secret", "let pw secret"):
        t.type(line + "\n")
        t.expect("secret")  # as it is typed
        assert "secret" not in t.expect("> ")
    t.type(" echo kept out\n")
    t.expect("kept out\r\n")
    t.type("echo remembered\n")
    t.expect("remembered\r\n")
    t.type("exit\n")
    assert t.end() == 0
    path = os.path.join(pair.environment()["XDG_STATE_HOME"], "mailsh",
                        "history")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert "echo remembered\n" in text and "kept out" not in text
    assert "--password ***\n" in text and "secret" not in text
    # and the next shell has it
    t = Terminal(pair)
    t.expect("mailsh> ")
    t.type("\x12remem")
    t.expect("echo remem")
    t.type("\r")
    t.expect("\rremembered\r\n")
    t.expect("> ")
    t.type("\x04")
    assert t.end() == 0


def test_abbreviations_are_for_typing(pair):
    t = Terminal(pair)
    t.expect("mailsh> ")
    t.type("ec short\n")
    t.expect("short\r\n")
    t.type("se\n")
    t.expect("could be send, set")
    t.type("rply\n")
    t.expect("did you mean `reply`?")
    t.type("exit\n")
    assert t.end() == 0


def test_the_maildrop_is_free_while_its_reader_thinks(pair):
    t = log_in(pair, "carol@xyz.com")
    out = pair.mailsh("login carol@xyz.com --password secret --pop3 "
                      "127.0.0.1:%d\ncount\n" % pair.pop3_port)
    assert out.endswith("\n0\n")
    t.type("count\n")
    t.expect("\r0\r\n")
    t.type("exit\n")
    assert t.end() == 0


def contacts_file(pair, text=None):
    path = os.path.join(pair.environment()["XDG_CONFIG_HOME"], "mailsh",
                        "contacts")
    if text is not None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text)
    with open(path, "rb") as f:
        return f.read()


def test_two_shells_keep_each_others_contacts(pair):
    contacts_file(pair, b"ann ann@abc.com\nbad line here\neve eve@xyz.com\n")
    t = Terminal(pair)
    t.expect("contacts:2: ")
    t.expect("mailsh> ")
    pair.mailsh("contact add dan dan@abc.com\n", ports=False)
    t.type("contact add fay fay@abc.com\n")
    t.expect("\n")
    t.expect("mailsh> ")
    t.type("contact list dan\n")  # it knows now what the other has added
    t.expect("dan@abc.com")
    t.type("contact remove eve nobody\n")
    t.expect("no contact nobody")
    t.type("exit\n")
    assert t.end() == 0
    assert contacts_file(pair) == (
        b"ann ann@abc.com\nbad line here\neve eve@xyz.com\n"
        b"dan dan@abc.com\nfay fay@abc.com\n")


def test_completed_numbers_are_described(pair):
    for subject in ("First", "Second"):
        pair.mailsh("login alice@abc.com --password secret\n"
                    "compose carol@xyz.com -s %s --body x\nsend\n" % subject)
        pair.wait_message("carol@xyz.com", subject)
    t = log_in(pair, "carol@xyz.com")
    t.type("list\n")
    t.expect("Second")
    t.expect("> ")
    t.type("read \t\t")
    rows = t.expect("> ").replace("\r", "").split("\n")
    assert ["1  alice@abc.com  First", "2  alice@abc.com  Second"] == \
        sorted(row.strip() for row in rows if "alice" in row)
    t.type("\x03")
    t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0


def kept_drafts(pair, forget=True):
    """The files with what nobody got, as bytes."""
    where = os.path.join(pair.environment()["XDG_STATE_HOME"], "mailsh")
    found = []
    for name in sorted(os.listdir(where)):
        if not name.startswith("draft-"):
            continue
        path = os.path.join(where, name)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, "rb") as f:
            found.append((path, f.read()))
        if forget:
            os.unlink(path)
    return found


def type_a_message(pair):
    t = log_in(pair)
    t.type("compose bob@xyz.com --bcc carol@xyz.com\n")
    t.expect("Subject: ")
    t.type("Kept\n")
    t.expect("a line with only a dot ends it")
    t.type("First líne\nhalf a li")
    t.expect("half a li")
    t.settled()
    return t


def test_interrupted_text_is_kept_in_a_file(pair):
    t = type_a_message(pair)
    t.type("\x03")
    t.expect("the draft is kept in ")
    path = t.expect("; `send @")
    t.expect("[interrupted]")
    t.expect("> ")
    ((there, text),) = kept_drafts(pair, forget=False)
    assert there == path
    assert "First líne\r\nhalf a li".encode() in text
    # it is a whole message: what the hint says works
    t.type("send @%s\n" % path)
    t.expect("sent <")
    t.expect(path + " was a kept draft, and is removed")
    t.expect("> ")
    for user in ("bob@xyz.com", "carol@xyz.com"):
        got = pair.wait_message(user, "Kept")
        assert "First líne\nhalf a li\n".encode() in got
        assert b"\nBcc:" not in got
    t.type("exit\n")
    assert t.end() == 0
    assert kept_drafts(pair) == []


def test_kept_drafts_are_all_named(pair):
    """Also below a path that would mean something to a shell."""
    state = os.path.join(pair.directory, "st[a]te")
    for n in (1, 3, 22):
        for i in range(n):
            os.makedirs(state + "/mailsh", exist_ok=True)
            pair.write("st[a]te/mailsh/draft-%06d.eml" % i, b"To: x@y\n\n")
        os.makedirs(state + "/mailsh/draft-000000-dir.eml", exist_ok=True)
        t = Terminal(pair, XDG_STATE_HOME=state)
        t.expect("1 unsent draft is kept: " if n == 1 else
                 "%d unsent drafts are kept:" % n)
        told = t.expect("> ")
        assert told.count("st[a]te/mailsh/draft-") == min(n, 20)
        assert ("and 2 more in %s/mailsh" % state in told) == (n == 22)
        t.type("exit\n")
        assert t.end() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM,
                                    signal.SIGQUIT])
def test_text_is_kept_when_the_shell_is_ended(pair, number):
    t = type_a_message(pair)
    os.kill(t.pid, number)
    t.expect("the draft is kept in ")
    assert t.end() == 128 + number
    # and a draft that waits at the prompt
    t = log_in(pair)
    t.type("compose bob@xyz.com --body 'Not sent'\n")
    t.expect("draft> ")
    os.kill(t.pid, number)
    t.expect("the draft is kept in ")
    assert t.end() == 128 + number
    first, second = sorted(kept_drafts(pair), key=lambda f: b"Not" in f[1])
    assert "First líne\r\nhalf a li".encode() in first[1]
    assert b"\r\n\r\nNot sent" in second[1]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM,
                                    signal.SIGQUIT])
def test_the_terminal_is_given_back_when_the_shell_is_ended(pair, number):
    """The shell before it shows what is typed, in lines."""
    def modes():
        return termios.tcgetattr(t.fd)[3] & (termios.ICANON | termios.ECHO)
    t = log_in(pair)
    t.type("echo half a li")
    t.expect("half a li")
    t.settled()
    assert modes() == 0
    os.kill(t.pid, number)
    harness.wait_for(lambda: os.waitid(
        os.P_PID, t.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), 20, "its end")
    assert modes() == termios.ICANON | termios.ECHO
    assert t.end() == 128 + number


def test_text_is_kept_when_the_terminal_goes_away(pair):
    t = type_a_message(pair)
    assert t.hang_up() == 128 + signal.SIGHUP
    ((_, text),) = kept_drafts(pair)
    assert "First líne\r\nhalf a li".encode() in text


@pytest.mark.parametrize("behind", [True, False])
def test_nothing_is_deleted_when_the_terminal_goes_away(pair, behind):
    def mark():
        t = log_in(pair, "dave@xyz.com", behind=behind)
        t.type("delete 1\n")
        t.expect("marked")
        t.expect("> ")
        return t
    box = pair.maildir("dave@xyz.com")
    with smtplib.SMTP("127.0.0.1", pair.smtp_port) as s:
        s.sendmail("alice@abc.com", ["dave@xyz.com"],
                   "From: alice@abc.com\r\nSubject: To stay\r\n\r\nx\r\n")
    box.wait(1)
    # also with half a line that would delete, were it ended
    for typed in ("", "logout", "exit") * 3:
        t = mark()
        t.type(typed)
        t.settled()
        assert t.hang_up() == 128 + signal.SIGHUP
        assert len(box.files()) == 1
    # a draft and half a text are kept
    t = mark()
    t.type("compose bob@xyz.com --body Waits\n")
    t.expect("draft> ")
    assert t.hang_up() == 128 + signal.SIGHUP
    t = mark()
    t.type("compose bob@xyz.com --subject Half\n")
    t.expect("a line with only a dot ends it")
    t.type("One\nand a ha")
    t.expect("and a ha")
    t.settled()
    assert t.hang_up() == 128 + signal.SIGHUP
    half, waits = sorted(kept_drafts(pair), key=lambda f: b"Waits" in f[1])
    assert b"\r\n\r\nOne\r\nand a ha" in half[1]
    assert b"\r\n\r\nWaits" in waits[1]
    assert len(box.files()) == 1
    # a typed ^D is the end of a good session
    t = mark()
    t.type("\x04")
    assert t.end() == 0
    assert box.files() == []


def test_a_typed_here_document_is_kept(pair):
    t = log_in(pair)
    t.type("compose nobodyknows <<END\nline one\nEND\n")
    t.expect("is neither an address nor a contact")
    t.expect("draft> ")  # to be mended with `edit`
    t.type("cancel\n")
    t.expect("draft dropped")
    t.type("compose bob@xyz.com <<END\nline two\n")
    t.expect("line two\r\n")
    t.settled()
    t.type("\x03")
    t.expect("what you wrote is kept in ")
    t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0
    ((_, text),) = kept_drafts(pair)
    assert text == b"line two\n"


def test_a_typed_here_document_outlives_its_command(pair):
    """Whatever is wrong with the command, or with the text."""
    t = log_in(pair)
    t.type("contact add dan dan@abc.com\n")
    t.expect("\n")
    t.expect("> ")
    for command, text, why in (
            ("compose dan Carol <carol@xyz.com>", "One", "part of a name?"),
            ("compose bob@xyz.com --bogus", "Two", "unknown option"),
            ("compse bob@xyz.com", "Three", "unknown command"),
            ("compose bob@xyz.com", "Four $(lst)", "unknown command"),
            ("compose bob@xyz.com", "Five $(open", "$("),
            ("try compose bob@xyz.com --body x", "Six", "one body"),
            ("send", "Seven", "is no header field"),
            ("send", "To: nobody@xyz.com\n\nEight", "550 ")):
        t.type("%s <<END\n%s\nEND\n" % (command, text))
        t.expect(why)
        t.expect("what you wrote is kept in ")
        path = t.expect("; ")
        t.expect("> ")
        ((there, kept),) = kept_drafts(pair)
        assert (there, kept) == (path, text.encode() + b"\n")
    t.type("compose bob@xyz.com --body First\n")
    t.expect("draft> ")
    t.type("compose bob@xyz.com <<END\nSecond\nEND\n")
    t.expect("a draft is not sent yet")
    t.expect("what you wrote is kept in ")
    path = t.expect("; ")
    t.expect("draft> ")
    # what somebody has is not kept
    t.type("cancel; compose bob@xyz.com --subject Again --body @%s; send\n" %
           path)
    t.expect(path + " was a kept draft, and is removed")
    t.type("compose bob@xyz.com <<END; send --in x\nThird\nEND\n")
    assert "kept" not in t.expect("is not a time")
    t.expect("draft> ")
    # nor what stands in a file
    pair.write("bad.msh", b"compose bob@xyz.com --bogus <<END\nFourth\nEND\n")
    t.type("cancel\nsource bad.msh\n")
    t.expect("unknown option")
    assert "kept" not in t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0
    assert kept_drafts(pair) == []
    assert b"\n\nSecond\n" in pair.wait_message("bob@xyz.com", "Again")


def test_what_an_editor_may_write_into_the_header(pair):
    edited = pair.write("edited", b"")
    t = log_in(pair, EDITOR="cp " + edited)
    t.type("compose bob@xyz.com --subject Before --body text\n")
    t.expect("draft> ")
    # nothing of it is taken when one line of it cannot be
    for bad, why in ((b"Subject: a\x01b\n", "a line end or control character"),
                     (b"X-A: one\x1b[2Jtwo\n",
                      "a line end or control character"),
                     (b"no header\n", "is no header line")):
        wrote = b"To: carol@xyz.com\nSubject: After\n" + bad + b"\nnew text\n"
        pair.write("edited", wrote)
        t.type("edit\n")
        t.expect("what the editor wrote is kept in ")
        t.expect(why)
        t.expect("draft> ")
        assert [text for _, text in kept_drafts(pair)] == [wrote]
        t.type("preview\n")
        shown = t.expect("draft> ")
        assert "To: bob@xyz.com\r\nSubject: Before\r\n" in shown
        assert "\r\n\r\ntext\r\n" in shown
    # a field in several lines is one
    pair.write("edited", b"To: carol@xyz.com\nSubject: After\n two\n"
               b"X-A: one\n\ttwo\n\nnew text\n")
    t.type("edit\n")
    t.expect("Subject: After two")
    t.expect("draft> ")
    t.type("send\n")
    t.expect("sent <")
    t.type("exit\n")
    assert t.end() == 0
    got = pair.wait_message("carol@xyz.com", "After two")
    assert b"\nX-A: one\ttwo\n" in got or b"\nX-A: one two\n" in got
    assert kept_drafts(pair) == []


def test_what_an_editor_wrote_is_kept_when_it_fails(pair):
    t = log_in(pair, EDITOR="sh -c 'echo more >>$0; exit 3'")
    t.type("compose bob@xyz.com --body text --edit\n")
    t.expect("what the editor wrote is kept in ")
    t.expect("ended with status 3")
    t.expect("draft> ")
    t.type("exit\nexit\n")  # twice: it is not sent
    assert t.end() == 0
    first, second = sorted(kept_drafts(pair), key=lambda f: b"more" not in f[1])
    assert first[1].endswith(b"\n\ntextmore\n")
    assert second[1].endswith(b"\r\n\r\ntext\r\n")
    # a header that is none costs neither the text nor the blind copy
    t = log_in(pair, EDITOR="sh -c 'echo no header >$0'")
    t.type("compose bob@xyz.com --bcc carol@xyz.com --body text\n")
    t.expect("draft> ")
    t.type("edit\n")
    t.expect("what the editor wrote is kept in ")
    t.expect("is no header line")
    t.expect("draft> ")
    t.type("cancel\nexit\n")
    assert t.end() == 0
    ((_, text),) = kept_drafts(pair)
    assert text == b"no header\n"
    # one that changes nothing leaves nothing
    t = log_in(pair, EDITOR="false")
    t.type("compose bob@xyz.com --body text --edit\n")
    t.expect("ended with status 1")
    t.type("cancel\nexit\n")
    assert t.end() == 0
    assert kept_drafts(pair) == []


def test_an_address_that_is_completed_is_no_command(pair):
    """Whoever wrote a mail must not write on the command line."""
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        for address in ("zva@far.example;!touch${IFS}hit", "zvb|x@far.example",
                        "zvc$(x)@far.example", "zvd@far.example"):
            s.sendmail("x@far.example", ["carol@xyz.com"],
                       b"From: <%s>\r\nSubject: zv\r\n\r\nx\r\n" %
                       address.encode())
    t = log_in(pair, "carol@xyz.com")
    t.type("list\n")
    t.expect("zvd@far.example")
    t.expect("> ")
    t.type("compose zv\t")
    t.expect("zvd@far.example ")
    t.type("\x03")
    t.expect("> ")
    t.type("exit\n")
    assert t.end() == 0
