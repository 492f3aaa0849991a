"""What the system is for: a test for each of the user's requirements F1-F11
(doc/conformance.md has the list)."""

import os
import poplib
import re
import smtplib
import subprocess
import threading

import harness
import pytest

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
LOGIN_ALICE = "login alice@abc.com --password secret\n"


@pytest.fixture(name="pair")
def _pair():
    with harness.Pair() as pair:
        yield pair


def submission(pair, user=ALICE):
    s = smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30)
    s.ehlo("client.example")
    if user:
        s.login(user, pair.users[user])
    return s


def pop3(pair, user):
    box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
    box.user(user)
    box.pass_(pair.users[user])
    return box


def text_of(subject, to=BOB, body="hello\r\n"):
    return "From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s" % (
        ALICE, to, subject, body)


def test_f01_registered_client_logs_in(pair):
    with submission(pair, None) as s:
        assert s.mail(ALICE)[0] == 530, "MAIL needs a login"
    for user, password in ((ALICE, "wrong"), ("eve@abc.com", "secret")):
        with submission(pair, None) as s:
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                s.login(user, password)
            assert caught.value.smtp_code == 535
    with submission(pair) as s:
        assert s.mail(ALICE)[0] == 250
    # a user who is added while the server runs
    pair.users["dora@abc.com"] = "word"
    pair.write_users()
    def logs_in():
        with submission(pair, None) as s:
            try:
                return s.login("dora@abc.com", "word")[0] == 235
            except smtplib.SMTPAuthenticationError:
                return False
    harness.wait_for(logs_in, 10, "the new user's login")
    pair.mailsh(LOGIN_ALICE)
    pair.mailsh("login alice@abc.com --password wrong\n", status=4)


def test_f02_client_writes_to_names_it_has(pair):
    pair.mailsh(LOGIN_ALICE + """contact add bob bob@xyz.com
compose --to bob --subject "To a contact" --body "by name" --no-edit
send
""")
    assert b"\nTo: " in pair.wait_message(BOB, "To a contact")
    pair.mailsh(LOGIN_ALICE + """contact list
compose --to bob --subject "Next day" --body "still known" --no-edit
send
""")
    assert b"still known" in pair.wait_message(BOB, "Next day")


def test_f03_message_is_stored_in_the_sender(pair):
    # carol is known (verified), then the receiver goes away
    with submission(pair) as s:
        s.mail(ALICE)
        assert s.rcpt(CAROL)[0] == 250
    pair.receiver.keep_ports()
    pair.receiver.kill()
    with submission(pair) as s:
        s.sendmail(ALICE, [CAROL], text_of("Stored", CAROL))
    spool = harness.wait_for(pair.queue, 10, "a spool file")
    with open(spool[0], "rb") as f:
        assert b"Subject: Stored\r\n" in f.read()
    # 250 was a promise: it holds over the death of the sender
    pair.sender.keep_ports()
    pair.sender.kill()
    pair.receiver.start()
    pair.sender.start()
    pair.wait_message(CAROL, "Stored", 40)
    pair.wait_queue_empty()


def test_f04_sender_verifies_recipients_at_receiver(pair):
    mark = len(pair.receiver.log())
    with submission(pair) as s:
        s.mail(ALICE)
        code, words = s.rcpt("nobody@xyz.com")
        assert code == 550 and words.startswith(b"5.1.1"), words
        assert s.rcpt(BOB)[0] == 250
    pair.receiver.wait_log("nobody@xyz.com", after=mark)  # it was asked
    # in the receiver's own words
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.ehlo("client.example")
        s.mail("")
        own = s.rcpt("nobody@xyz.com")
    assert own[0] == 550
    assert own[1] in words, "%r is not said in %r" % (own[1], words)
    pair.mailsh(LOGIN_ALICE + "compose --to nobody@xyz.com --subject x "
                "--body x --no-edit\nsend\n", status=1)
    assert "550 5.1.1" in pair.stderr
    assert not pair.queue() and not pair.maildir(BOB).files()


def test_f05_valid_users_get_it_in_their_mailboxes(pair):
    pair.mailsh(LOGIN_ALICE + """compose --to bob@xyz.com --to carol@xyz.com \\
  --subject "For two" --body "one message, two mailboxes" --no-edit
send
""")
    for user in (BOB, CAROL):
        text = pair.wait_message(user, "For two")
        assert text.count(b"\nReceived: ") == 2, "a line by each server"
        assert text.endswith(b"\n\none message, two mailboxes\n")
    pair.wait_queue_empty()
    for user in (BOB, CAROL):
        assert len(pair.maildir(user).files()) == 1
    assert pair.left_in_tmp() == []


def test_f06_recipient_reads_it_whenever_logged_in(pair):
    with submission(pair) as s:
        s.sendmail(ALICE, [BOB], text_of("For later", body="still here\r\n"))
    pair.wait_message(BOB, "For later")
    pair.receiver.restart()
    for _ in range(2):  # reading does not take it away
        box = pop3(pair, BOB)
        assert box.stat()[0] == 1
        assert box.retr(1)[1][-1] == b"still here"
        box.quit()
    out = pair.mailsh("login bob@xyz.com --password secret\nlist\nread 1\n")
    assert "For later" in out and out.endswith("still here\n")
    # nobody else's
    assert pop3(pair, CAROL).stat()[0] == 0


def test_f07_many_clients_at_once(pair):
    clients = 24
    together = threading.Barrier(clients, timeout=30)
    problems = []

    def guarded(work, n):
        try:
            work(n)
        except BaseException as problem:  # reported by the main thread
            problems.append(problem)
            together.abort()

    def all_at_once(work):
        threads = [threading.Thread(target=guarded, args=(work, n))
                   for n in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert problems == []

    def send(n):
        s = submission(pair)
        together.wait()  # every client is logged in now
        s.sendmail(ALICE, [BOB if n % 2 else CAROL], text_of("client %d" % n))
        together.wait()
        s.quit()

    all_at_once(send)
    half = clients // 2
    assert len(pair.maildir(BOB).wait(half)) == half
    assert len(pair.maildir(CAROL).wait(half)) == half

    def connect(_n):
        box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
        together.wait()
        assert box.capa()
        together.wait()
        box.quit()

    all_at_once(connect)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_f08_host_and_ports_on_the_command_line(pair, host):
    ports = ["--smtp-port", str(pair.submission_port),
             "--pop3-port", str(pair.pop3_port)]
    out = pair.mailsh("login alice@abc.com --password secret\nstatus\n",
                      "-H", host, *ports, ports=False)
    assert str(pair.submission_port) in out
    done = pair.run([harness.program("mailsh"), "-H", host, *ports,
                     "-u", "alice@abc.com", "--password-fd", "0",
                     "-c", "list"], b"secret\n")
    assert done.returncode == 0, done.stderr


def test_f09_message_reads_from_to_empty_line_body(pair):
    pair.mailsh(LOGIN_ALICE + 'compose --to bob@xyz.com --subject "Form" '
                '--body "the body" --no-edit\nsend\n')
    stored = pair.wait_message(BOB, "Form")
    head, _, body = stored.partition(b"\n\n")
    names = [line.partition(b":")[0] for line in head.splitlines()
             if not line[:1].isspace()]
    assert names.index(b"From") + 1 == names.index(b"To")
    assert body == b"the body\n"
    out = pair.mailsh("login bob@xyz.com --password secret\nread 1\n")
    assert re.search(r"^From: .*alice@abc\.com.*\nTo: .*bob@xyz\.com.*\n"
                     r"([A-Z][A-Za-z-]+: .*\n)*\nthe body\n\Z", out, re.M), out


def test_f10_design_documents_come_with_the_code():
    doc = os.path.join(harness.top_srcdir(), "doc")
    for name in ("design.md", "durability.md", "formats.md", "shell.md",
                 "conformance.md", "operations.md"):
        with open(os.path.join(doc, name), encoding="utf-8") as f:
            assert len(f.read()) > 1000, name


def test_f11_layout_of_the_tree():
    top = harness.top_srcdir()
    for name in ("configure.ac", "Makefile.am", "README", "src", "man",
                 "maildirs", "conf", "tests", "doc"):
        assert os.path.exists(os.path.join(top, name)), name
    for page in ("mailsh.1", "postpair-sender.8", "postpair-receiver.8",
                 "postpair-admin.8", "postpair.conf.5", "postpair-users.5"):
        assert os.path.exists(os.path.join(top, "man", page)), page


def test_f11_readline_and_inih_are_linked():
    for name, library in (("mailsh", "libreadline"),
                          ("postpair-sender", "libinih"),
                          ("postpair-receiver", "libinih")):
        out = subprocess.run(["ldd", harness.program(name)], check=True,
                             capture_output=True, text=True).stdout
        assert library in out, out


def test_f11_a_thread_for_each_client(pair):
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("no /proc here")
    for server, port in ((pair.sender, pair.submission_port),
                         (pair.receiver, pair.smtp_port)):
        def threads(pid=server.pid):
            return len(os.listdir("/proc/%d/task" % pid))
        before = threads()
        clients = [smtplib.SMTP("127.0.0.1", port, timeout=30)
                   for _ in range(5)]
        assert threads() >= before + 5
        for client in clients:
            client.quit()
        harness.wait_for(lambda t=threads, b=before: t() <= b, 10,
                         "the clients' threads to end")


def test_f11_each_message_is_a_file_in_a_maildir(pair):
    with submission(pair) as s:
        for n in range(3):
            s.sendmail(ALICE, [BOB], text_of("file %d" % n))
    box = pair.maildir(BOB)
    box.wait(3)
    files = box.files("new")
    assert len(files) == 3
    for path in files:
        with open(path, "rb") as f:
            assert f.read().count(b"Subject: file ") == 1
    for folder in ("tmp", "new", "cur"):
        assert os.path.isdir(os.path.join(box.path, folder))


def test_f11_shell_runs_batch_from_standard_input_and_from_a_file(pair):
    script = LOGIN_ALICE + "help\nexit\n"
    out = pair.mailsh(script)
    for verb in ("login", "compose", "send", "list", "read"):
        assert re.search(r"\b%s\b" % verb, out), verb
    assert "mailsh>" not in out and "\x1b" not in out, "batch has no prompt"
    path = pair.write("script.msh", script.encode())
    assert pair.mailsh("", "-f", path) == out
    pair.mailsh("frobnicate\nlist\n", status=2)
    assert re.search(r"\b1: .*frobnicate", pair.stderr), pair.stderr
