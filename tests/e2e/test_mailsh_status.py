"""Each exit status of mailsh, met the way a user meets it, and the text that
comes with it."""

import json
import os
import re
import signal
import socket
import stat
import subprocess

import harness
import pytest

LOGIN = "login alice@abc.com --password secret\n"


@pytest.fixture(scope="module")
def pair():
    with harness.Pair() as running:
        yield running


def shell(pair, *options, stdin=""):
    return pair.run([harness.program("mailsh"), *options], stdin)


def test_0_and_silence(pair):
    done = shell(pair, stdin="# nothing\n\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_1_refused_stops_the_script(pair):
    out = pair.mailsh(LOGIN + "compose --to nobody@xyz.com --body x\nsend\n"
                      "echo not reached\n", status=1)
    assert "not reached" not in out
    assert re.search(r"^mailsh: stdin:3: send: 550 5\.1\.1 .*nobody@xyz\.com"
                     r".* \[refused\]$", pair.stderr, re.M), pair.stderr


def test_1_no_match(pair):
    pair.mailsh(LOGIN + "read 99\n", status=1)
    assert "[no-match]" in pair.stderr


def test_2_usage_names_the_line_and_the_nearest_word(pair):
    done = shell(pair, stdin="echo one\n\nlst 3\n")
    assert done.returncode == 2 and done.stdout == b"one\n"
    assert done.stderr == (b"mailsh: stdin:3: lst: unknown command "
                           b"[unknown-command]\n"
                           b"hint: did you mean `list`?\n")
    # scripts need full names
    assert shell(pair, "-c", "ech one").returncode == 2
    for bad in ("list --limt 3", "send now", "echo 'open", "set colour x",
                "list (1", "> x", "--host", "help nothing"):
        assert shell(pair, "-c", bad).returncode == 2, bad
    assert shell(pair, "--no-such").returncode == 2
    assert shell(pair, "--smtp-port", "70000").returncode == 2


def test_3_no_connection(pair):
    port, held = harness.closed_port()
    with held:
        for option in ("--smtp", "--pop3"):
            done = shell(pair, "-c", "login alice@abc.com --password x %s "
                         "localhost:%d" % (option, port))
            assert done.returncode == 3, done.stderr
            assert b"[no-connection]\nhint: " in done.stderr
            assert b"%d" % port in done.stderr


def test_4_wrong_password_at_either_server(pair):
    for option, port in (("--smtp", pair.submission_port),
                         ("--pop3", pair.pop3_port)):
        done = shell(pair, "-c", "login alice@abc.com --password hunter2 %s "
                     "127.0.0.1:%d" % (option, port))
        assert done.returncode == 4, done.stderr
        assert b"[authentication]" in done.stderr
        assert b"hunter2" not in done.stderr


def test_4_no_password_to_be_had(pair):
    done = shell(pair, "-H", "127.0.0.1", "--smtp-port",
                 str(pair.submission_port), "-c", "login alice@abc.com")
    assert done.returncode == 4 and b"--password-fd" in done.stderr


def test_u_logs_in_where_a_password_is_at_hand(pair):
    servers = ("-H", "127.0.0.1", "--smtp-port", str(pair.submission_port),
               "--pop3-port", str(pair.pop3_port), "-u", "alice@abc.com")
    done = shell(pair, *servers, "--password-command", "echo secret",
                 "-c", "compose bob@xyz.com --body x", "-c", "send")
    assert done.returncode == 0 and b"250 2.0.0" in done.stdout
    # without one only the script can, and it is told
    done = shell(pair, *servers, "-c", "compose bob@xyz.com --body x")
    assert done.returncode == 4
    assert b"nobody is logged in: no password for alice@abc.com " \
        b"[authentication]\nhint: " \
        b"alice@abc.com logs in by itself only" in done.stderr
    assert shell(pair, *servers, "-c", "login --password secret").returncode == 0


def test_a_user_beside_c_logs_in(pair):
    """As SYNOPSIS has it; only a file has arguments."""
    servers = ("-H", "127.0.0.1", "--smtp-port", str(pair.submission_port),
               "--password-command", "echo secret")
    for words in (("-c", "status", "alice@abc.com"),
                  ("alice@abc.com", "-c", "status"),
                  ("-u", "bob@xyz.com", "-c", "status", "alice@abc.com")):
        done = shell(pair, *servers, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(b"logged in as alice@abc.com ")
    done = shell(pair, *servers, "-c", "status", "alice@abc.com", "x")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--user x: no second name is wanted [usage]" in done.stderr
    path = pair.write("words.msh", b"echo $1 $2\n")
    done = shell(pair, *servers, "-f", path, "alice@abc.com", "-c")
    assert done.stdout == b"alice@abc.com -c\n"
    done = shell(pair, *servers, "alice@abc.com", "-f", path, "1", "-c")
    assert done.stdout.endswith(b")\n1 -c\n") and \
        done.stdout.startswith(b"logged in as alice@abc.com ")


@pytest.mark.parametrize("words, named", [
    (["one", "-c", "echo x"], "-c is $2"), (["one", "x", "--check"], "--check is $3"),
    (["one", "--timeout=1s"], "--timeout=1s is $2"),
    (["--", "one", "-c"], None), (["--", "-c"], None), (["one", "-x"], None),
    (["one", "--limit", "-"], None), (["one"], None)])
def test_an_option_among_the_arguments_of_a_file_is_said(pair, words, named):
    path = pair.write("words.msh", b"echo $1\n")
    done = shell(pair, "-f", path, *words)
    assert done.stdout.decode() == [w for w in words if w != "--"][0] + "\n"
    assert done.stderr.decode() == (
        "mailsh: %s of the file: options stand before one (behind -- nothing "
        "is said)\n" % named if named else "")


def test_3_a_password_does_not_cross_the_network_in_clear(pair):
    # 0.0.0.0 gets here, and is no loopback address
    for option, port in (("--smtp", pair.submission_port),
                         ("--pop3", pair.pop3_port)):
        where = "%s 0.0.0.0:%d" % (option, port)
        done = shell(pair, "-t", "-c", "login alice@abc.com --password secret "
                     + where)
        assert done.returncode == 3, done.stderr
        assert b"does not offer ST" in done.stderr
        assert b"\nhint: --tls if port" in done.stderr
        assert not re.search(rb"^> (AUTH|USER|PASS)", done.stderr, re.M)
        # but the user may know better
        assert shell(pair, "-c", "login alice@abc.com --password secret "
                     "--plain " + where).returncode == 0


def test_5_try_later(pair):
    with harness.Wire(pair.pop3_port) as other:
        other.line()
        for line in (b"USER bob@xyz.com\r\n", b"PASS secret\r\n"):
            other.send(line)
            assert other.line().startswith(b"+OK")
        done = shell(pair, "-c", "login bob@xyz.com --password secret --pop3 "
                     "127.0.0.1:%d" % pair.pop3_port)
        assert done.returncode == 5, done.stderr
        assert b"[IN-USE]" in done.stderr
        # who wants to send need not wait for who reads
        done = shell(pair, "-c", "login bob@xyz.com --password secret --pop3 "
                     "127.0.0.1:%d --smtp 127.0.0.1:%d" % (
                         pair.pop3_port, pair.submission_port))
        assert done.returncode == 0, done.stderr
        other.send(b"QUIT\r\n")
        other.line()


def test_6_partial(pair):
    pair.mailsh(LOGIN + "compose --to bob@xyz.com,nobody@xyz.com --body x\n"
                "send\n", status=6)
    assert "[partial]\nhint: 1 of 2" in pair.stderr


def test_7_not(pair):
    done = shell(pair, "-c", "not echo fine")
    assert done.returncode == 7 and b"[assertion]" in done.stderr


def test_8_timeout(pair):
    pair.mailsh(LOGIN + "list from:nobody --wait 200ms\n", status=8)
    assert "[timeout]" in pair.stderr
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        done = shell(pair, "--timeout", "300ms", "-c",
                     "login a@b.org --password x --smtp 127.0.0.1:%d" %
                     silent.getsockname()[1])
        assert done.returncode == 8, done.stderr


def test_9_local(pair):
    for bad in ("source /dev/null/file", "echo x > /dev/null/file",
                "!exit 3", "echo x | exit 4", "trace /dev/null/file"):
        assert shell(pair, "-c", bad).returncode == 9, bad
    assert shell(pair, "-f", "/dev/null/file").returncode == 9
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [harness.program("mailsh"), "-n", "-c", "help"], stdout=full,
                stderr=subprocess.PIPE, check=False)
        assert done.returncode == 9 and b"cannot write" in done.stderr


def test_9_an_attachment_that_is_no_file_or_gone(pair):
    compose = LOGIN + "compose bob@xyz.com --body x --attach %s\n"
    for command in ("send", "preview"):
        path = pair.write("gone.txt", b"x\n")
        pair.mailsh((compose + "!rm %s\n" + command + "\ncancel\n") %
                    (path, path), "-k", status=9)
        assert re.search(r"^mailsh: stdin:4: %s: %s: .* \[local\]$" % (
            command, re.escape(path)), pair.stderr, re.M), pair.stderr
    # what never was one is said before anything else is
    os.mkfifo(path + ".fifo")
    for what in (pair.directory, "/dev/null", path + ".fifo"):
        pair.mailsh(compose % what + "echo no\n", status=9)
        assert "mailsh: stdin:2: compose: %s: not a regular file [local]" % \
            what in pair.stderr


@pytest.mark.parametrize("options", [
    ["-n"], ["-k", "-f", "-", "-c", "echo more"]])
def test_130_interrupted(pair, options):
    with subprocess.Popen([harness.program("mailsh"), *options],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          env=pair.environment()) as process:
        process.stdin.write(b"echo ready\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert b"[interrupted]" in process.stderr.read()
        assert process.stdout.read() == b""


def test_keep_going_and_the_first_failure(pair):
    done = shell(pair, "-k", stdin="lst\nnot echo x\necho end\n")
    assert done.returncode == 2 and done.stdout == b"x\nend\n"


@pytest.mark.parametrize("options, script, status, out", [
    ([], "lst\necho no\n", 2, ""),
    ([], "echo a; lst; echo no\n", 2, "a\n"),
    (["-k"], "!false\nlst\nexit 5\n", 9, ""),
    (["-k"], "lst\nexit\n", 2, ""),
    (["-k"], "try lst\n!false\nlst\n", 9, ""),
    (["-k"], "try lst\nexit 5\n", 5, ""),
    ([], "set keep-going yes\nlst\necho on; set keep-going no\n!false\necho no\n",
     2, "on\n"),
    ([], "try lst\nhelp status | grep -c wants\nlet x 1\necho $?\n", 0,
     "1\n2\n"),
    ([], "try lst\ntrace off\necho $?\n", 0, "0\n"),
    ([], "try not echo a\necho $?\nnot try !false\nnot lst\necho no\n", 2,
     "a\n7\n"),
    ([], "try echo $(lst)\necho $?\n", 0, "2\n"),
])
def test_the_manual_is_right_about_try_and_keep_going(pair, options, script,
                                                      status, out):
    done = shell(pair, *options, stdin=script)
    assert (done.returncode, done.stdout.decode()) == (status, out)


@pytest.mark.parametrize("name, why", [
    ("1x", "a name is letters, digits and _"),
    ("x-y", "a name is letters, digits and _"),
    ("''", "a name is letters, digits and _"),
    *((own, "$%s is set by the shell itself" % own)
      for own in ("error", "code", "enhanced", "count", "last")),
])
def test_let_refuses_what_no_script_could_read_back(pair, name, why):
    done = shell(pair, stdin="let %s set\necho no\n" % name)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"let: %s [usage]\n" % why.encode() in done.stderr


def test_exit_status_of_the_script(pair):
    assert shell(pair, stdin="exit 7\necho no\n").returncode == 7
    assert shell(pair, stdin="try lst\n").returncode == 0


def test_commands_and_files_in_their_order(pair):
    path = pair.write("order.msh", b"echo two $1\n")
    done = shell(pair, "-c", "echo one", "-f", path, "-c", "echo three", "arg")
    assert done.stdout == b"one\ntwo arg\nthree\n", done.stderr


def test_check_runs_nothing(pair):
    path = pair.write("check.msh", b"echo x\nbogus\necho 'fine'\n")
    done = shell(pair, "--check", "-f", path)
    assert done.returncode == 2 and done.stdout == b""
    assert ("%s:2: bogus: unknown command" % path).encode() in done.stderr


MISTAKES = [
    ("lst", "lst: unknown command"),
    ("ech x", "ech: unknown command"),  # prefixes are for typing
    ("list --limt 3", "list: unknown option --limt"),
    ("list -x", "list: unknown option -x"),
    ("list --limit", "list: --limit wants N"),
    ("list --json=yes", "list: --json takes no value"),
    ("logout now", "logout: too many arguments"),
    ("let x", "let: too few arguments"),
    ("let x $1 $2", "let: too many arguments"),
    ("save", "save: too few arguments"),
    ("list (1", "list: "),
    ("read 1 or", "read: "),
    ("save nonsense:x 1", "save: "),
    ("set colour always", "set: colour: unknown setting"),
    ("list <<END\nx\nEND", "list: it takes no << text"),
    ("echo $(lst)", "lst: unknown command"),
    ("echo \"a $(list --limt 3) b\"", "list: unknown option --limt"),
    ("send <<END\nTo: $(lst)\nEND", "lst: unknown command"),
    ("try not quiet lst", "lst: unknown command"),
    ("echo a; lst; echo b", "lst: unknown command"),
    ("echo x > ", ""),
    ("echo 'open", ""),
    ("echo \"open", ""),
    ("echo $(open", ""),
    ("send <<END\nno end", ""),
    ("echo a;; echo b", "a ; wants a command before it"),
    ("; echo b", "a ; wants a command before it"),
    ("!ls 'open", "!: the system's shell does not understand ls 'open"),
    ("try !if true", "!: the system's shell does not understand if true"),
    ("echo x | (cat", "|: the system's shell does not understand (cat"),
    ("contact remove", "contact: remove: too few arguments"),
    ("contact add $x", "contact: add: too few arguments"),
    ("contacts list a $b", "contact: list: too many arguments"),
    ("contact drop bob", "contact: drop: it is none of list, add and remove"),
    ("set color sometimes", "set: color cannot be `sometimes`"),
    ("set timeout soon", "set: timeout wants a time"),
    ("let 1x $y", "let: a name is letters, digits and _"),
    ("let error x", "let: $error is set by the shell itself"),
    ("exit 256", "exit: a status is 0 to 255"),
    ("help lits", "help: lits: unknown command"),
    ("list --wait soon", "list: --wait wants a time"),
    ("list --limit few", "list: --limit wants a number"),
    ("read 1 --part two", "read: --part wants a number"),
    ("read 1 --headers some", "read: --headers is none, minimal, short or all"),
]
FINE = """login $1 --smtp $2
compose $1 --to=$2 --body @$3 -s "$x $(count unread from:$1)"
compose Bob <bob@xyz.com> --to $1 --header "X: $y" <<END
$z $(echo x)
END
$verb --whatever
list from:$1 or not $2
list from:"Bob B" or (size>1M not 3:7,9)
save last '*.pdf' --to ~/x/ | grep -c x
echo --any thing (1 -x > $file
let n $(count (unread $1))
set $key x
set color always
delete -- $x
!ls 'not open' ; mailsh() { :; } # -n
!
! -x
echo x; # behind the last
echo x | sed 's/;;/$x/'
contact $x a b c
contact add $x $y
contact --json list $x
let x $(exit)
exit $x
set timeout $x
list --limit $x --wait $x
help sets
source other.msh
exit $n
"""


@pytest.mark.parametrize("script, said", MISTAKES)
def test_check_finds_what_is_certain(pair, script, said):
    path = pair.write("check.msh", ("echo one\n\n%s\n" % script).encode())
    done = shell(pair, "--check", "-f", path)
    assert (done.returncode, done.stdout) == (2, b"")
    line = done.stderr.decode().splitlines()[0]
    assert re.match(r"mailsh: %s:[34]: %s" % (re.escape(path),
                                              re.escape(said)), line), line
    # and only that: running it finds the same
    assert done.stderr.count(b"mailsh: ") == 1, done.stderr


def test_check_finds_nothing_in_what_may_be_right(pair):
    done = shell(pair, "--check", stdin=FINE)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    # all of several files, and all mistakes
    path = pair.write("check.msh", b"lst\nlogout x\n")
    done = shell(pair, "--check", "-f", path, "-c", "echo x", "-f", path)
    assert done.returncode == 2 and done.stderr.count(b"mailsh: ") == 4


def test_errors_as_json(pair):
    done = shell(pair, "--json", stdin="lst\n")
    error = json.loads(done.stderr)
    assert error["type"] == "error" and error["status"] == 2
    assert error["line"] == 1 and error["error"] == "unknown-command"


def test_passwords_stay_out_of_trace_and_echo(pair):
    done = shell(pair, "-v", "-t", "-H", "127.0.0.1", "--smtp-port",
                 str(pair.submission_port), "--pop3-port", str(pair.pop3_port),
                 stdin=LOGIN)
    assert done.returncode == 0
    assert b"secret" not in done.stderr and b"c2VjcmV0" not in done.stderr
    assert b"\n> EHLO " in done.stderr and b"\n< 250" in done.stderr
    assert b"***" in done.stderr


def test_nothing_is_deleted_when_a_script_fails(pair):
    pair.mailsh(LOGIN + "compose --to carol@xyz.com --body x\nsend\n")
    pair.maildir("carol@xyz.com").wait(1)
    login = "login carol@xyz.com --password secret\n"
    pair.mailsh(login + "delete 1\nlst\n", status=2)
    assert "not deleted" in pair.stderr
    assert len(pair.maildir("carol@xyz.com").files()) == 1
    pair.mailsh(login + "delete 1\n")
    assert pair.maildir("carol@xyz.com").files() == []


@pytest.mark.parametrize("options, script, status", [
    (["-k"], "save 1 --to /no/such/\ndelete 1\n", 9),
    (["-k"], "delete 1\nsave 1 --to /no/such/\n", 9),
    (["-k"], "delete 1\nlst\nlogout\n", 2),
    (["-k"], "delete 1\nlst\nexit\n", 2),
    (["-k"], "delete 1\nlst\nlogin alice@abc.com --password secret\n", 2),
    (["-k"], "delete 1\necho 'no end\n", 2),
    (["-k"], "delete 1\nsource bad.msh\n", 2),
    (["-k", "-f", "-", "-f", "/no/such"], "delete 1\n", 9),
    ([], "set keep-going yes\nlst\ndelete 1\n", 2),
    ([], "delete 1\nexit 3\n", 3),
    # what is expected is no failure
    ([], "try source bad.msh\ntry save 1 --to /no/such/\nnot read from:me\n"
         "delete 1\nexit\n", 0),
])
def test_a_script_deletes_when_it_ends_with_0(pair, options, script, status):
    pair.write("bad.msh", b"lst\n")
    box = pair.maildir("carol@xyz.com")
    if not box.files():
        pair.mailsh(LOGIN + "compose --to carol@xyz.com --body x\nsend\n")
        box.wait(1)
    done = shell(pair, "-H", "127.0.0.1", "--smtp-port",
                 str(pair.submission_port), "--pop3-port", str(pair.pop3_port),
                 *options, stdin="login carol@xyz.com --password secret\n" +
                 script.replace("bad.msh", os.path.join(pair.directory,
                                                        "bad.msh")))
    assert done.returncode == status, done.stderr
    assert len(box.files()) == (0 if status == 0 else 1)
    assert (b"1 marked message was not deleted" in done.stderr) == (status != 0)


@pytest.mark.parametrize("end, status", [("", 0), ("exit\n", 0),
                                         ("lst\n", 2)])
def test_a_draft_that_a_script_leaves_is_kept(pair, end, status):
    pair.mailsh(LOGIN + "compose bob@xyz.com --body Left\n" + end,
                status=status)
    path = re.search("the draft is kept in ([^;]*);", pair.stderr).group(1)
    with open(path, "rb") as f:
        text = f.read()
    assert b"From: alice@abc.com\r\n" in text and b"\r\n\r\nLeft" in text
    os.unlink(path)
    pair.mailsh(LOGIN + "compose bob@xyz.com --body Dropped\ncancel\n")
    assert "kept" not in pair.stderr


def kept(pair):
    """Texts of the files with drafts, which go."""
    texts = []
    for path in re.findall("the draft is kept in ([^;]*);", pair.stderr):
        with open(path, encoding="utf-8", newline="") as f:
            texts.append(f.read().partition("\r\n\r\n")[2].strip())
        os.unlink(path)
    return texts


@pytest.mark.parametrize("next_one", ["compose carol@xyz.com --body Second",
                                      "reply 1 --body Second"])
def test_a_script_does_not_put_a_draft_in_the_place_of_another(pair, next_one):
    pair.mailsh(LOGIN + "compose alice@abc.com --body Me\nsend\n")
    pair.maildir("alice@abc.com").wait(1)
    first = "compose bob@xyz.com --body First\n"
    out = pair.mailsh(LOGIN + first + next_one + "\nsend\n", status=2)
    assert "sent" not in out and kept(pair) == ["First"]
    assert re.search(r"^mailsh: stdin:3: \w+: a draft is not sent yet "
                     r"\[usage\]\nhint: `send` it or `cancel` it", pair.stderr,
                     re.M), pair.stderr
    # where the script goes on, `send` is not meant for the first
    for script, options, status in ((first + next_one, ["-k"], 2),
                                    (first + "try " + next_one, [], 2)):
        out = pair.mailsh(LOGIN + script + "\nsend\n", *options,
                          status=status)
        assert "sent" not in out and kept(pair) == ["First"]
        assert "send: there is no draft" in pair.stderr
    for between in ("send", "cancel"):
        out = pair.mailsh(LOGIN + first + between + "\n" + next_one +
                          "\nsend\n")
        assert "sent" in out and pair.stderr == ""


def plain_signals():
    """Whatever ran the tests may ignore some."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("options, busy", [
    ([], "!echo ready"),  # it waits for the next line
    (["-k"], "!echo ready; exec head -c1 <fifo"),
    ([], "echo x | echo ready; exec head -c1 <fifo"),
    ([], "echo \"$(!echo ready >&2; exec head -c1 <fifo)\""),
    ([], "!echo ready\nlist --wait 300s from:nobody"),
    (["-f", "end.msh"], "!echo ready\nsend @-"),
    (["-f", "end.msh"], "source end2.msh"),
])
def test_a_draft_is_kept_when_a_signal_ends_a_script(pair, number, options,
                                                     busy):
    """Whatever the script is about then."""
    text = (LOGIN + "compose bob@xyz.com --body 'Not sent'\n%s\n" %
            busy).encode()
    pair.write("end.msh", text)
    pair.write("end2.msh", b"!echo ready; exec head -c1 <fifo\n")
    fifo = os.path.join(pair.directory, "fifo")
    if not os.path.exists(fifo):
        os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDWR)  # what a child of the script waits for
    with subprocess.Popen(
            ["sh", "-c", "exec \"$@\" 2>&1", "sh", harness.program("mailsh"),
             "-H", "127.0.0.1", "--smtp-port", str(pair.submission_port),
             "--pop3-port", str(pair.pop3_port), *options],
            cwd=pair.directory, env=pair.environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=plain_signals) as process:
        if not options or options == ["-k"]:
            process.stdin.write(text)
            process.stdin.flush()
        while (line := process.stdout.readline()) != b"ready\n":
            assert line != b""
        process.send_signal(number)
        assert process.wait(20) == -number
        os.write(held, b"x")  # also where the child comes to it only now
        pair.stderr = process.stdout.read().decode()
    os.close(held)
    assert kept(pair) == ["Not sent"], pair.stderr


INJECTED = "quarterly numbers\nBcc: carol@xyz.com\nX-Foo: bar"


@pytest.mark.parametrize("value", [INJECTED, "a\n\nBODY", "a\rBcc: b"])
@pytest.mark.parametrize("options", [
    '-s "$t"', '--header "X-A: $t"', '--header "$t: x"', '--cc "$t"',
    '--bcc "$t"', '-t "$t"', '"$t"'])
def test_a_line_end_in_a_value_is_refused_at_once(pair, value, options):
    script = (LOGIN + "let t \"$(!cat %s)\"\ncompose bob@xyz.com "
              "--body x %s\n" % (pair.write("value", value.encode()), options))
    pair.mailsh(script, status=2)
    assert "compose: " in pair.stderr and "line end" in pair.stderr
    assert "kept" not in pair.stderr


def test_a_piece_of_a_draft_is_not_kept_as_a_draft(pair):
    """What finds no room is said with its reason, and leaves no file that
    `send` would take for the whole."""
    script = LOGIN + "compose bob@xyz.com --body @%s\n" % pair.write(
        "long", b"line\n" * 4000)
    full = ["sh", "-c", "ulimit -f 8; exec \"$@\"", "sh",
            harness.program("mailsh"), "-H", "127.0.0.1",
            "--smtp-port", str(pair.submission_port),
            "--pop3-port", str(pair.pop3_port)]
    done = pair.run(full, script)
    said = done.stderr.decode()
    path = re.search("the draft could not be kept in ([^ ]*): .*File too large",
                     said)
    assert path, said
    assert not os.path.exists(path.group(1))
    assert done.returncode == 9
    assert said.endswith("\nmailsh: the draft is lost [local]\n")
    # nor is another sent in its place, or it in place of another
    done = pair.run([*full, "-k"], script + "compose carol@xyz.com --body x\n"
                    "send\n")
    assert done.returncode == 9 and b"sent <" not in done.stdout


@pytest.mark.parametrize("tmp", ["here", "/dev/null/none", ""])
def test_a_draft_that_has_no_place_with_the_others_gets_another(pair, tmp):
    here = os.path.join(pair.directory, "here")
    os.makedirs(here, exist_ok=True)
    shell_there = ["env", "XDG_STATE_HOME=/dev/null",
                   "TMPDIR=" + (here if tmp == "here" else tmp),
                   harness.program("mailsh"), "-H", "127.0.0.1",
                   "--smtp-port", str(pair.submission_port)]
    done = pair.run(shell_there, LOGIN + "compose bob@xyz.com --body There\n")
    assert done.returncode == 0
    pair.stderr = done.stderr.decode()
    (path,) = re.findall("the draft is kept in ([^;]*);", pair.stderr)
    assert os.path.dirname(path) == (here if tmp == "here" else "/tmp")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    # it is known as one there, too
    done = pair.run(shell_there, LOGIN + "send @%s\n" % path)
    assert b"sent <" in done.stdout
    assert (path + " was a kept draft, and is removed\n").encode() in \
        done.stdout and not os.path.exists(path)


def test_the_hint_quotes_the_file_of_a_draft(pair):
    state = os.path.join(pair.directory, "my \"$state\" é")
    there = ["env", "XDG_STATE_HOME=" + state, harness.program("mailsh"), "-H",
             "127.0.0.1", "--smtp-port", str(pair.submission_port)]
    done = pair.run(there, LOGIN + "compose bob@xyz.com --body There\n")
    said = done.stderr.decode()
    assert "the draft is kept in %s/mailsh/draft-" % state in said
    done = pair.run(there, LOGIN + said.split("`")[1] + "\n")
    assert b"sent <" in done.stdout, done.stderr


def test_a_kept_draft_can_be_sent_as_the_hint_says(pair):
    """With its attachments, to whom the contacts were then."""
    with_file = "--attach %s" % pair.write("plan.txt", b"The plan\n")
    pair.mailsh("contact add ed bob@xyz.com\n"
                "contact add flo carol@xyz.com Flo R.\n")

    def keep(script, *options, status=0):
        pair.mailsh(LOGIN + script + "\n", *options, status=status)
        return re.search("the draft is kept in ([^;]*); (.*)",
                         pair.stderr).groups()

    def send(subject, path, more=""):
        out = pair.mailsh(LOGIN + "send @%s%s\n" % (path, more))
        assert path + " was a kept draft, and is removed\n" in out or more
        return pair.wait_message("bob@xyz.com", subject)

    path, hint = keep("compose ed --cc flo --bcc 'flo, ed' -s Whole --body x "
                      + with_file)
    assert hint == "`send @%s` sends it" % path
    got = send("Whole", path)
    assert b"filename=plan.txt" in got and b"VGhlIHBsYW4K" in got
    # what became of the attachments, of the login, of the contacts
    gone = pair.write("gone.txt", b"x\n")
    path, hint = keep("compose ed -s Gone --body x %s -a %s\n!rm %s\nsend" % (
        with_file, gone, gone), status=9)
    assert hint == "`send @%s` sends it" % path
    assert "\nnot in it is the attachment %s\n" % gone in pair.stderr
    assert b"filename=plan.txt" in send("Gone", path)
    path, _ = keep("compose ed -s Left --body x %s\nlogout" % with_file)
    assert "\nnot in it" not in pair.stderr
    got = send("Left", path)
    assert b"filename=plan.txt" in got and b"From: alice@abc.com\n" in got
    path, _ = keep("compose -s Nobody --body x " + with_file)
    assert "`send @%s --to ADDRESS` sends it\n" % path in pair.stderr
    assert b"filename=plan.txt" in send("Nobody", path, " --to bob@xyz.com")
    path, hint = keep("contact add gus gus@xyz.com\n"
                      "compose 'gus, ed' -s Lost --body x %s\n"
                      "contact remove gus" % with_file)
    why = hint.partition("sends it when it is corrected: ")[2]
    pair.mailsh(LOGIN + "send @%s\n" % path, status=2)
    assert why and why in pair.stderr
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert text.startswith("To: gus, bob@xyz.com\n") and \
        "filename=plan.txt" in text
    # and where nothing can be built of it
    path, _ = keep("compose ed -s Odd --body x --header To:x " + with_file)
    assert "\nnot in it is the attachment " in pair.stderr
    assert "plan.txt\n" in pair.stderr


def test_what_could_not_be_sent_does_not_keep_a_script_from_the_next(pair):
    script = ("compose nobody@xyz.com --body First\n%s send\n"
              "compose bob@xyz.com --body Second\nsend\n")
    for prefix, options, status in (("try", [], 0), ("not", [], 0),
                                    ("", ["-k"], 1)):
        out = pair.mailsh(LOGIN + script % prefix, *options, status=status)
        assert " to bob@xyz.com: 250 " in out
        assert kept(pair) == ["First"]


def test_a_kept_draft_goes_when_all_its_recipients_have_it(pair):
    def keep(to):
        pair.mailsh(LOGIN + "compose %s --body 'Kept text'\n" % to)
        return re.search("the draft is kept in ([^;]*);", pair.stderr).group(1)

    def after(script, path, status=0):
        out = pair.mailsh(LOGIN + script.replace("PATH", path), status=status)
        gone = path + " was a kept draft, and is removed\n" in out
        assert os.path.exists(path) == (not gone)
        return gone

    path = keep("bob@xyz.com")
    copy = pair.write("draft-abcdef.eml", b"To: bob@xyz.com\n\nCopy\n")
    assert not after("send @PATH", copy)  # not where they are kept
    assert not after("send @PATH --dry-run", path)
    assert not after("send @PATH --to carol@xyz.com", path)
    assert not after("send @PATH --to nobody@xyz.com", path, 1)
    assert after("send @PATH", path)
    path = keep("bob@xyz.com nobody@xyz.com")
    assert not after("send @PATH", path, 6)
    # its text goes another way
    assert not after("compose nobody@xyz.com --body @PATH\nsend", path, 1)
    assert not after("compose carol@xyz.com --body @PATH\ncancel", path)
    assert after("compose carol@xyz.com --body @PATH\nsend", path)


def test_a_ready_message_from_a_file_and_from_standard_input(pair):
    text = b"To: bob@xyz.com\nSubject: ready file\n\nsigned text\n"
    path = pair.write("ready.eml", text)
    out = pair.mailsh(text.replace(b"file", b"stdin").decode(),
                      "-u", "alice@abc.com",
                      "--password-command", "echo secret",
                      "-c", "send @" + path, "-c", "send @-")
    assert out.count(" to bob@xyz.com: 250 2.0.0 ") == 2
    out = pair.mailsh("login bob@xyz.com --password secret\n"
                      "list --wait 20s 'subject:ready file'\n"
                      "list --wait 20s 'subject:ready stdin'\n"
                      "read last --headers none\n")
    assert out.endswith("signed text\n"), out
    # a carriage return alone, or a NUL, could become two messages on the way
    for bad in (b"To: bob@xyz.com\r\rx\n", b"To: bob@xyz.com\n\na\rb\n",
                b"To: bob@xyz.com\n\na\0b\n", b"From x@y\nTo: bob@xyz.com\n\n"):
        path = pair.write("bad.eml", bad)
        pair.mailsh(LOGIN + "send @%s\n" % path, status=2)
        assert "send: line " in pair.stderr, pair.stderr


def test_every_line_that_is_no_contact_is_named(pair):
    path = os.path.join(pair.environment()["XDG_CONFIG_HOME"], "mailsh",
                        "contacts")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for n in (2, 11):
        with open(path, "w", encoding="ascii") as f:
            f.write("".join("c%d c@abc.com\nbad%d\n" % (i, i) for i in range(n)))
        done = shell(pair, "-c", "contact list --tsv")
        assert done.stdout.count(b"c@abc.com") == n and done.returncode == 0
        said = ["mailsh: %s:%d: no address [local]" % (path, 2 * i + 2)
                for i in range(min(n, 10))]
        if n > 10:
            said.append("mailsh: %s: and 1 more [local]" % path)
        os.remove(path)
        assert done.stderr.decode().splitlines() == said


@pytest.mark.parametrize("command,hint", [
    ("list --jsn", "did you mean `--json`?"),
    ("list -x", "`help list` lists its options"),
    ("read --colour", "`help read` lists its options"),
    ("outbox --wait", "usage: outbox"),
    ("qit", "did you mean `quit`?"),
    ("contcts", "did you mean `contacts`?"),
    ("login alice@abc.com",
     "login USER@DOMAIN --smtp HOST:PORT to send, --pop3 HOST:PORT to read"),
    ("send x.eml", "`send @FILE` sends what is in that file, `send` the draft"),
])
def test_a_hint_can_be_followed(pair, command, hint):
    done = shell(pair, "-c", command)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 2
    assert done.stderr.decode().endswith("\nhint: %s\n" % hint)
    for part in hint.split("`")[1::2]:
        if part.startswith("help"):
            assert shell(pair, "-c", part).returncode == 0


def test_a_message_in_a_file_of_any_name_can_be_sent(pair):
    """What @ names may be quoted, or stand in a variable."""
    path = pair.write("my mail.eml", b"To: bob@xyz.com\nSubject: blank\n\nx\n")
    for script in ("send @'%s'\n" % path, "let f '%s'\nsend @$f\n" % path):
        out = pair.mailsh(LOGIN + script)
        assert " to bob@xyz.com: 250 2.0.0 " in out
    # and never what came out of a variable alone
    pair.mailsh(LOGIN + "let f '@%s'\nsend $f\n" % path, status=2)


@pytest.mark.parametrize("options", ["-n", ""])
@pytest.mark.parametrize("words,said,hint", [
    ("remove", "remove: too few arguments [usage]", "remove NAME..."),
    ("add", "add: too few arguments [usage]", "add NAME ADDRESS [FULL NAME]"),
    ("add bob", "add: too few arguments [usage]",
     "add NAME ADDRESS [FULL NAME]"),
    ("add bob Bob", "no '@' after the local part [usage]",
     "add NAME ADDRESS [FULL NAME]"),
    ("list a b", "list: too many arguments [usage]", "list [TEXT]"),
    ("bob", "bob: it is none of list, add and remove [usage]",
     "[list [TEXT] | add NAME ADDRESS [FULL NAME] | remove NAME...]"),
    ("remove bob", "no contact bob [no-match]", None),
])
def test_contact_says_how_it_is_used(pair, options, words, said, hint):
    done = shell(pair, *options.split(), "-c", "contact " + words)
    assert (done.returncode, done.stdout) == (1 if hint is None else 2, b"")
    want = "mailsh: -c:1: contact: %s\n" % said
    if hint is not None:
        want += "hint: usage: contact %s\n" % hint
    assert done.stderr.decode() == want


@pytest.mark.parametrize("words,to", [
    ("Bob <bob@xyz.com>", "Bob <bob@xyz.com>"),
    ("Bob Builder <bob@xyz.com>", "Bob Builder <bob@xyz.com>"),
    ("'Builder, Bob' <bob@xyz.com>", '"Builder, Bob" <bob@xyz.com>'),
    ('"Bob <bob@xyz.com>"', "Bob <bob@xyz.com>"),
    ("bob@xyz.com Carol <carol@xyz.com>", "bob@xyz.com, Carol <carol@xyz.com>"),
    ("Bob <bob@xyz.com>, Carol <carol@xyz.com>",
     "Bob <bob@xyz.com>, Carol <carol@xyz.com>"),
    ("Bob <bob@xyz.com> carol@xyz.com", "Bob <bob@xyz.com>, carol@xyz.com"),
    ("<bob@xyz.com> <carol@xyz.com>", "bob@xyz.com, carol@xyz.com"),
    ("--to Bob <bob@xyz.com> -c Carol <carol@xyz.com>",
     "Bob <bob@xyz.com>\nCc: Carol <carol@xyz.com>"),
    ("dan", "dan@abc.com"), ("dan, Bob <bob@xyz.com>",
                             "dan@abc.com, Bob <bob@xyz.com>"),
])
def test_compose_takes_names_and_addresses_as_they_are_written(pair, words, to):
    out = pair.mailsh(LOGIN + "contact add dan dan@abc.com\ncompose %s "
                      "--body x\npreview\n" % words)
    assert "\nTo: %s\n" % to in out


def test_a_contact_is_not_taken_for_a_part_of_a_name(pair):
    pair.mailsh(LOGIN + "contact add dan dan@abc.com\n"
                "compose dan Carol <carol@xyz.com> --body x\n", status=2)
    assert "a recipient, or part of a name?" in pair.stderr


def test_home_is_understood_wherever_a_path_is(pair):
    home = pair.environment()["HOME"]
    for name, text in (("s.msh", "echo sourced\n"), ("body", "At home\n"),
                       ("f.msh", "echo from a file $1\n")):
        with open(os.path.join(home, name), "w", encoding="utf-8") as f:
            f.write(text)
    out = pair.mailsh(LOGIN + "source ~/s.msh\ntrace ~/trace\nstatus\n"
                      "trace off\necho said > ~/said\necho more >> ~/said\n"
                      "compose bob@xyz.com --body @~/body --attach ~/body\n"
                      "send --dry-run\npreview\n")
    assert "\nsourced\n" in out and "\nAt home\n" in out
    with open(os.path.join(home, "said"), encoding="utf-8") as f:
        assert f.read() == "said\nmore\n"
    assert os.path.exists(os.path.join(home, "trace"))
    assert shell(pair, "-f", "~/f.msh", "x").stdout == b"from a file x\n"
    out = pair.mailsh(LOGIN + "send <<END\nTo: alice@abc.com\nSubject: home\n"
                      "\nx\nEND\nlist --wait 20s subject:home\n"
                      "save last --to ~\n")
    assert any(name.endswith(".eml") for name in os.listdir(home))
    assert not os.path.exists(os.path.join(pair.directory, "~"))


def test_without_a_home_a_login_works(pair):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    script = ("login alice@abc.com --password secret --smtp localhost:%d "
              "--pop3 localhost:%d\ncompose bob@xyz.com --body x -s Homeless\n"
              "send\ntry save 1 --to ~\ncontact add bob bob@xyz.com\n" % (
                  pair.submission_port, pair.pop3_port))
    done = subprocess.run([harness.program("mailsh")], input=script.encode(),
                          env=env, capture_output=True, timeout=50,
                          cwd=pair.directory, check=False)
    assert b"logged in as" in done.stdout and b"\nsent <" in done.stdout
    assert done.returncode == 9
    assert b"no home directory to keep contacts in" in done.stderr


def test_addresses_of_this_machine_in_all_their_forms(pair):
    for host in ("localhost.", "LOCALHOST", "localhost", "[127.0.0.1]"):
        out = pair.mailsh("status\n", "-u", "alice@abc.com",
                          "--password-command", "echo secret", host=host)
        assert "(not encrypted)" in out, host
    port, held = harness.closed_port()
    with held:
        for option in (["-H", "[::1]"], ["-H", "::1"]):
            done = shell(pair, *option, "--smtp-port", str(port), "-u",
                         "a@b.example", "--password-command", "echo x", "-c",
                         "status")
            assert done.returncode == 3  # nobody is there, but it was tried
            assert b"on ::1 port %d?" % port in done.stderr
