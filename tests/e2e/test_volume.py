"""The marker of the Maildirs, and what is not made where something is missing."""

import os
import shutil
import smtplib
import subprocess

import harness
import pytest

BOB, CAROL = "bob@xyz.com", "carol@xyz.com"
MARKER = "postpair.volume"


def new_pair(**server):
    return harness.Pair(sender=False, start=False, receiver={"server": server})


def send(pair, *to, text="Subject: x\n\ntext\n"):
    """The replies that refused it: {} when it was taken; or the one to the
    text."""
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        try:
            return s.sendmail("a@abc.com", to, text)
        except smtplib.SMTPDataError as e:
            return e.smtp_code
        except smtplib.SMTPRecipientsRefused as e:
            return e.recipients


def maildirs(pair, *below):
    return os.path.join(pair.directory, "maildirs", *below)


def refused_start(pair):
    with pytest.raises(AssertionError, match="ended with status"):
        pair.receiver.start()
    pair.receiver.process = None
    return pair.receiver.log()


def admin(*args):
    return subprocess.run(
        [harness.program("postpair-admin"), "store", "init", *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
        check=False)


def test_the_first_start_marks_an_empty_tree():
    with new_pair() as pair:
        os.makedirs(maildirs(pair, "lost+found"), 0o700)
        pair.receiver.start()
        with open(maildirs(pair, MARKER), encoding="ascii") as f:
            first = f.read()
        assert "\nformat = 1\nuuid = " in first
        assert send(pair, BOB) == {}
        pair.receiver.restart()
        with open(maildirs(pair, MARKER), encoding="ascii") as f:
            assert f.read() == first


def test_without_its_marker_a_tree_is_not_served():
    with new_pair() as pair:
        pair.receiver.start()
        assert send(pair, BOB) == {}
        pair.receiver.stop()
        os.unlink(maildirs(pair, MARKER))
        assert "postpair-admin store init " + maildirs(pair) in \
            refused_start(pair)
        done = admin("--config", pair.receiver.config)
        assert (done.returncode, done.stderr) == (0, "")
        # its journal is that of the volume before
        assert "another one mounted" in refused_start(pair)
        os.unlink(maildirs(pair, ".postpair", "volume"))
        pair.receiver.start()
        assert len(pair.maildir(BOB).files()) == 1


def test_mailboxes_of_an_earlier_version_need_one_command():
    with new_pair() as pair:
        for part in ("tmp", "new", "cur"):
            os.makedirs(maildirs(pair, "xyz.com", "bob", part), 0o700)
        os.makedirs(maildirs(pair, ".postpair", "journal"), 0o700)
        refused_start(pair)
        assert not os.path.exists(maildirs(pair, MARKER))
        done = admin(maildirs(pair))
        assert (done.returncode, done.stderr) == (0, "")
        again = admin("-c", pair.receiver.config)
        assert again.stdout == done.stdout
        pair.receiver.start()
        assert send(pair, BOB) == {}


def test_a_newer_or_damaged_marker_is_refused():
    with new_pair() as pair:
        os.makedirs(maildirs(pair), 0o700)
        for text in ("format = 2\nuuid = x\n", "", "format = 1\n"):
            with open(maildirs(pair, MARKER), "w", encoding="ascii") as f:
                f.write(text)
            refused_start(pair)
            assert admin(maildirs(pair)).returncode == 65
            assert os.listdir(maildirs(pair)) == [MARKER]


def damage(path, content):
    """Content None: a directory in its place."""
    os.unlink(path)
    if content is None:
        os.mkdir(path)
        return
    with open(path, "wb") as f:
        f.write(content)


@pytest.mark.parametrize("content", [b"", bytes(100), b"x" * 5000, None],
                         ids=["empty", "garbage", "long", "directory"])
def test_what_is_said_of_a_damaged_marker_helps(content):
    with new_pair() as pair:
        pair.receiver.start()
        assert send(pair, BOB) == {}
        pair.receiver.stop()
        marker = maildirs(pair, MARKER)
        damage(marker, content)
        advice = ("%s is damaged.  If the mailboxes are there, move it away, "
                  "then: postpair-admin store init %s\n" %
                  (marker, maildirs(pair)))
        assert advice in refused_start(pair)
        for args in ((maildirs(pair),), ("-c", pair.receiver.config)):
            done = admin(*args)
            assert done.returncode == 65 and advice in done.stderr, done
        os.rename(marker, marker + ".old")
        assert admin(maildirs(pair)).returncode == 0
        # the data directory is that of the one before, and that is said
        claim = maildirs(pair, ".postpair", "volume")
        assert "move the file %s away and start again\n" % claim in \
            refused_start(pair)
        os.rename(claim, claim + ".old")
        pair.receiver.start()
        assert len(pair.maildir(BOB).files()) == 1
        assert send(pair, BOB) == {}


@pytest.mark.parametrize("content", [b"", bytes(100), b"x" * 5000, None],
                         ids=["empty", "garbage", "long", "directory"])
@pytest.mark.parametrize("apart", [False, True])
def test_what_is_said_of_a_data_directory_helps(content, apart):
    with new_pair() as pair:
        data = maildirs(pair, ".postpair")
        if apart:
            data = pair._path("data-r")
            pair.receiver.sections["server"]["data-dir"] = data
        pair.receiver.start()
        assert send(pair, BOB) == {}
        pair.receiver.stop()
        claim = os.path.join(data, "volume")
        damage(claim, content)
        assert ("%s is damaged.  If the volume with the mailboxes is mounted, "
                "move that file away and start again\n" % claim) in \
            refused_start(pair)
        os.rename(claim, claim + ".old")
        pair.receiver.start()
        assert len(pair.maildir(BOB).files()) == 1
        assert os.path.exists(claim)


def test_an_unmounted_volume_is_no_empty_tree():
    """The data directory is elsewhere, and knows better."""
    with new_pair() as pair:
        pair.receiver.sections["server"]["data-dir"] = pair._path("data-r")
        pair.receiver.start()
        assert send(pair, BOB) == {}
        pair.receiver.stop()
        os.rename(maildirs(pair), maildirs(pair) + ".away")
        refused_start(pair)
        assert not os.path.exists(maildirs(pair))
        os.mkdir(maildirs(pair), 0o700)
        refused_start(pair)
        assert os.listdir(maildirs(pair)) == []
        # another volume in its place
        assert admin(maildirs(pair)).returncode == 0
        assert "another one mounted" in refused_start(pair)
        shutil.rmtree(maildirs(pair))
        os.rename(maildirs(pair) + ".away", maildirs(pair))
        pair.receiver.start()
        assert len(pair.maildir(BOB).files()) == 1


@pytest.mark.parametrize("durability", ["journal", "strict"])
def test_nothing_is_made_under_a_vanished_root(durability):
    with new_pair() as pair:
        pair.receiver.sections["store"] = {"durability": durability}
        pair.receiver.start()
        assert send(pair, BOB) == {}
        os.rename(maildirs(pair), maildirs(pair) + ".away")
        os.mkdir(maildirs(pair), 0o700)
        refused = send(pair, CAROL)
        assert refused != {} and 400 <= (refused if isinstance(
            refused, int) else refused[CAROL][0]) < 500
        assert os.listdir(maildirs(pair)) == []
        os.rmdir(maildirs(pair))
        os.rename(maildirs(pair) + ".away", maildirs(pair))
        assert send(pair, CAROL) == {}
        os.unlink(maildirs(pair, MARKER))
        shutil.rmtree(maildirs(pair, "xyz.com"))
        assert send(pair, BOB) != {}
        assert not os.path.exists(maildirs(pair, "xyz.com"))


def test_recovery_makes_a_mailbox_for_a_user_only():
    """Killed with three messages in its journal; then the mailboxes are gone,
    and one of the users."""
    with new_pair() as pair:
        pair.receiver.sections["store"] = {"durability": "journal",
                                           "checkpoint-interval": "1h"}
        pair.receiver.start()
        assert send(pair, BOB, CAROL, text="Subject: both\n\ntext\n") == {}
        pair.receiver.kill()
        [path] = pair.maildir(CAROL).files()
        name = os.path.basename(path)
        shutil.rmtree(maildirs(pair, "xyz.com"))
        aside = maildirs(pair, ".postpair", "undelivered")
        os.mkdir(aside, 0o700)
        pair.write(os.path.join(aside, name), b"earlier\n")
        del pair.users[CAROL]
        pair.write_users()
        pair.receiver.start()
        assert len(pair.maildir(BOB).files()) == 1
        assert os.listdir(maildirs(pair, "xyz.com")) == ["bob"]
        assert sorted(os.listdir(aside)) == [name, name + ".2"]
        with open(os.path.join(aside, name), encoding="ascii") as f:
            assert f.read() == "earlier\n"
        with open(os.path.join(aside, name + ".2"), encoding="ascii") as f:
            assert "Subject: both" in f.read()
        assert "message-set-aside mailbox=carol@xyz.com" in \
            pair.receiver.log()
        pair.receiver.restart()  # and that was that
        assert pair.receiver.log().count("message-set-aside") == 1


def test_a_domain_that_is_not_mounted_gets_no_mail():
    with new_pair() as pair:
        where = maildirs(pair, "xyz.com")
        pair.receiver.start()
        with harness.small_disk(where):
            assert send(pair, BOB) == {}
            assert len(pair.maildir(BOB).files()) == 1
        for _ in range(2):
            assert send(pair, BOB, CAROL) != {}
            assert os.listdir(where) == []
            assert send(pair, "alice@abc.com") == {}
            pair.receiver.restart()
        os.rmdir(where)
        assert send(pair, BOB) != {}
        assert not os.path.exists(where)


def test_damaged_mounts_make_no_mailbox():
    """What stood in the file is unknown: nothing is made under what may be a
    mount point; what is there gets its mail."""
    with new_pair() as pair:
        where = maildirs(pair, "xyz.com")
        pair.receiver.start()
        assert send(pair, "alice@abc.com") == {}
        with harness.small_disk(where):
            assert send(pair, BOB) == {}
        pair.receiver.stop()
        pair.write(maildirs(pair, ".postpair", "mounts"), b"")
        pair.receiver.start()
        pair.receiver.wait_log("mounts-damaged")
        assert send(pair, BOB) != {}
        assert os.listdir(where) == []
        assert send(pair, "alice@abc.com") == {}
        os.unlink(maildirs(pair, ".postpair", "mounts"))
        pair.receiver.restart()
        assert send(pair, BOB) == {}
