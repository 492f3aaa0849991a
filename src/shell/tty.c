#include "shell/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Readline's headers want stdio first. */
#include <readline/history.h>
#include <readline/readline.h>

#include "shell/complete.h"
#include "shell/paths.h"
#include "shell/redact.h"
#include "shell/session.h"
#include "shell/user_file.h"

enum { HISTORY_LINES = 5000, SECRET_MAX = 1024, IDLE_MS = 3000 };

struct tty {
	struct shell *sh;
	enum tty_mode mode;
	char *line; /* what Readline handed over; NULL at ^D */
	bool done;
	bool gone;  /* the terminal: its end is no ^D */
	char *left; /* what stood in the line then */
	int resize_fd;
	char history[PATHS_SIZE]; /* "" = none */
	struct complete_list list;
	size_t next;
};

/*
 * The one writable file-scope object of the shell: Readline's callbacks carry
 * no context, and its own state is the program's anyway.
 */
static struct tty *active;

void
tty_size(int fd, unsigned *columns, unsigned *rows)
{
	struct winsize w;

	*columns = *rows = 0;
	if (ioctl(fd, TIOCGWINSZ, &w) == 0) {
		*columns = w.ws_col;
		*rows = w.ws_row;
	}
}

/* ---- completion -----------------------------------------------------------
 */

static char *
next_candidate(const char *text, int state)
{
	struct complete_list *list = &active->list;

	(void)text;
	if (state == 0)
		active->next = 0;
	if (active->next >= list->n)
		return NULL;
	return strdup(list->word[active->next++]);
}

static char **
complete(const char *text, int start, int end)
{
	struct tty *t = active;
	char **matches;

	rl_attempted_completion_over = 1;
	complete_free(&t->list);
	if (t->mode == TTY_TEXT)
		return NULL;
	complete_word(t->sh, t->mode == TTY_ADDRESS, rl_line_buffer,
		      (size_t)start, (size_t)end, &t->list);
	if (t->list.files) {
		rl_attempted_completion_over = 0;
		return NULL;
	}
	matches = rl_completion_matches(text, next_candidate);
	if (t->list.n == 1) {
		size_t n = strlen(t->list.word[0]);

		/* "from:" and "size>" wait for their value. */
		rl_completion_suppress_append =
		    n > 0 && strchr(":<>=", t->list.word[0][n - 1]) != NULL;
	}
	return matches;
}

/* Beside a message number, who it is from and what about. */
static void
show_matches(char **matches, int n, int longest)
{
	char text[200];
	bool described = false;

	for (int i = 1; i <= n; i++)
		described |= complete_describe(active->sh, matches[i], text,
					       sizeof(text));
	if (!described) {
		(void)rl_crlf();
		rl_display_match_list(matches, n, longest);
		rl_forced_update_display();
		return;
	}
	(void)rl_crlf();
	for (int i = 1; i <= n; i++) {
		text[0] = '\0';
		(void)complete_describe(active->sh, matches[i], text,
					sizeof(text));
		(void)fprintf(rl_outstream, "%*s  %s\n", longest, matches[i],
			      text);
	}
	rl_forced_update_display();
}

/* ---- history --------------------------------------------------------------
 */

static void
history_open(struct tty *t)
{
	int fd;

	using_history();
	stifle_history(HISTORY_LINES);
	if (paths_state(t->history, "history") != 0) {
		t->history[0] = '\0';
		return;
	}
	fd = open(t->history, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		t->history[0] = '\0';
		return;
	}
	(void)fchmod(fd, 0600);
	(void)close(fd);
	(void)read_history(t->history);
}

/* Another shell may be putting its own lines there, or a shorter file. */
static void
history_keep(struct tty *t, bool shorten)
{
	struct user_file f;
	struct err e;

	if (t->history[0] == '\0')
		return;
	bool locked = user_file_lock(&f, t->history, &e) == 0;
	if (!shorten)
		(void)append_history(1, t->history);
	else if (locked)
		(void)history_truncate_file(t->history, HISTORY_LINES);
	user_file_close(&f);
}

/* A line that begins with a blank is not kept; a password never is. */
static void
history_add(struct tty *t, const char *line)
{
	struct buf b;
	HIST_ENTRY *last;

	if (line[0] == '\0' || span_is_blank(line[0]))
		return;
	buf_init(&b, 1024 * 1024);
	if (redact_line(span_of(line), &b) == 0 &&
	    buf_add_char(&b, '\0') == 0) {
		last = history_length > 0
			   ? history_get(history_base + history_length - 1)
			   : NULL;
		if (last == NULL || strcmp(last->line, b.p) != 0) {
			add_history(b.p);
			history_keep(t, false);
		}
	}
	buf_free(&b);
}

void
tty_history(const char *text, FILE *out)
{
	for (int i = 0; i < history_length; i++) {
		const HIST_ENTRY *h = history_get(history_base + i);

		if (h != NULL &&
		    (text == NULL || strstr(h->line, text) != NULL))
			(void)fprintf(out, "%s\n", h->line);
	}
}

/* ---- lines ----------------------------------------------------------------
 */

/* A terminal that hangs up ends like one where ^D is typed, and often before
 * SIGHUP comes, which a session's leader may never pass on. */
static void
lose_terminal(struct tty *t)
{
	if (t->gone)
		return;
	t->gone = true;
	t->left = strdup(rl_line_buffer);
	shell_hang_up(t->sh);
}

/* A typed ^D is a character; the end of the input is the terminal's. */
static int
take_char(FILE *in)
{
	int c = rl_getc(in);

	if (c < 0)
		lose_terminal(active);
	return c;
}

static void
take_line(char *line)
{
	active->line = line;
	active->done = true;
	rl_callback_handler_remove();
}

static void
redraw_after_resize(struct tty *t)
{
	struct signalfd_siginfo info;

	while (read(t->resize_fd, &info, sizeof(info)) > 0)
		;
	/* rl_resize_terminal() alone leaves a copy of the line in tmux. */
	(void)rl_clear_visible_line();
	rl_reset_screen_size();
	(void)rl_on_new_line();
	(*rl_redisplay_function)();
}

/* A POP3 session locks the maildrop for everybody else: while its user thinks,
 * it is given back; the next command opens a new one. */
static void
release_when_idle(struct tty *t)
{
	(void)rl_clear_visible_line();
	session_close_pop3(t->sh);
	(void)rl_on_new_line();
	(*rl_redisplay_function)();
}

/* Half a line of a text is text: whoever writes it must not lose it. */
static int
interrupt_line(struct tty *t, struct buf *out, struct err *e)
{
	if (t->mode == TTY_TEXT)
		(void)buf_add_str(out,
				  t->left != NULL ? t->left : rl_line_buffer);
	free(t->left);
	free(t->line);
	t->left = t->line = NULL;
	(void)fputs("^C\n", rl_outstream);
	(void)fflush(rl_outstream);
	rl_free_line_state();
	rl_callback_sigcleanup();
	rl_replace_line("", 0);
	rl_callback_handler_remove();
	shell_interrupt_done(t->sh);
	return err_set(e, ERR_STOP, 0, "interrupted");
}

int
tty_line(struct tty *t, const char *prompt, enum tty_mode mode, struct buf *out,
	 struct err *e)
{
	int rc;

	t->mode = mode;
	t->done = false;
	t->line = NULL;
	(void)fflush(stdout);
	rl_callback_handler_install(prompt, take_line);
	while (!t->done && !t->gone) {
		struct pollfd p[3] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = wake_fd(&t->sh->stop), .events = POLLIN },
			{ .fd = t->resize_fd, .events = POLLIN },
		};

		int n = poll(p, 3, t->sh->session.pop3 == NULL ? -1 : IDLE_MS);

		if (n < 0) {
			if (errno != EINTR)
				lose_terminal(t);
			continue;
		}
		if (n == 0)
			release_when_idle(t);
		/* What was typed ahead of a text is text, too. */
		bool ahead = mode == TTY_TEXT && p[0].revents == POLLIN;
		if ((p[1].revents & POLLIN) != 0 && !ahead)
			return interrupt_line(t, out, e);
		if ((p[2].revents & POLLIN) != 0)
			redraw_after_resize(t);
		if ((p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			lose_terminal(t);
		else if ((p[0].revents & POLLIN) != 0)
			rl_callback_read_char();
	}
	if (t->gone)
		return interrupt_line(t, out, e);
	if (t->line == NULL) {
		(void)fputc('\n', stdout);
		return 0;
	}
	if (mode == TTY_COMMAND)
		history_add(t, t->line);
	rc = buf_add_str(out, t->line) == 0
		 ? 1
		 : err_set(e, ERR_LIMIT, 0, "the line is too long");
	free(t->line);
	t->line = NULL;
	return rc;
}

void
tty_resized(struct tty *t)
{
	(void)t;
	rl_reset_screen_size();
}

int
tty_open(struct tty **out, struct shell *sh, struct err *e)
{
	struct tty *t = calloc(1, sizeof(*t));
	sigset_t set;

	if (t == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	t->sh = sh;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	t->resize_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	rl_readline_name = "mailsh";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_getc_function = take_char;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show_matches;
	rl_completer_word_break_characters = " \t\n;,=";
	rl_completer_quote_characters = "\"'";
	rl_filename_quote_characters = " \t;\"'$";
	active = t;
	history_open(t);
	*out = t;
	return 0;
}

void
tty_close(struct tty **t)
{
	if (*t == NULL)
		return;
	history_keep(*t, true);
	if ((*t)->resize_fd >= 0)
		(void)close((*t)->resize_fd);
	complete_free(&(*t)->list);
	clear_history();
	active = NULL;
	free(*t);
	*t = NULL;
}

/* ---- secrets --------------------------------------------------------------
 */

static int
read_secret(const struct wake *stop, char *text, size_t size, size_t *n,
	    struct err *e)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
			       { .fd = wake_fd(stop), .events = POLLIN } };

	*n = 0;
	while (*n < size) {
		ssize_t got;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "poll");
		if ((p[1].revents & POLLIN) != 0)
			return err_set(e, ERR_STOP, 0, "interrupted");
		if ((p[0].revents & (POLLIN | POLLHUP)) == 0)
			continue;
		got = read(STDIN_FILENO, text + *n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (got == 0 && isatty(STDIN_FILENO) != 1))
			return err_set(e, ERR_STOP, 0, "the terminal is gone");
		if (got == 0 || text[*n] == '\n')
			return 0;
		++*n;
	}
	return err_set(e, ERR_LIMIT, 0, "the password is too long");
}

int
tty_secret(const char *prompt, const struct wake *stop, char **secret,
	   struct err *e)
{
	struct termios before, quiet;
	char text[SECRET_MAX];
	size_t n = 0;
	int rc;

	if (isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0)
		return 0;
	(void)fflush(stdout);
	quiet = before;
	quiet.c_lflag &= (tcflag_t) ~(tcflag_t)ECHO;
	quiet.c_lflag |= ICANON | ISIG;
	quiet.c_iflag |= ICRNL;
	/* Echo goes off before anybody is asked: a quick answer is neither
	 * shown nor thrown away. */
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
	(void)fputs(prompt, stderr);
	(void)fflush(stderr);
	rc = read_secret(stop, text, sizeof(text), &n, e);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	(void)fputc('\n', stderr);
	if (rc == 0 && n == 0)
		rc = err_set(e, ERR_PERM, 0, "no password was typed");
	if (rc == 0) {
		*secret = strndup(text, n);
		rc = *secret == NULL ? err_set(e, ERR_TEMP, 0, "out of memory")
				     : 1;
	}
	explicit_bzero(text, sizeof(text));
	return rc;
}
