#include "shell/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/durable.h"
#include "net/dial.h"
#include "shell/paths.h"

enum { FILE_MAX = 256 * 1024, KEY_SIZE = NET_HOST_SIZE + 16 };

static int
read_file(char path[PATHS_SIZE], char **text, size_t *n, struct err *e)
{
	*text = NULL;
	*n = 0;
	if (paths_data(path, "pins") != 0)
		return err_set(e, ERR_PERM, 0,
			       "there is no home directory for pins");
	if (durable_read_file(AT_FDCWD, path, FILE_MAX, text, n, e) == 0 ||
	    (e->sys == ENOENT && e->class == ERR_TEMP))
		return 0;
	return -1;
}

/* The next line without its end; false when none is left. */
static bool
next_line(struct span *rest, struct span *line)
{
	if (rest->n == 0)
		return false;
	long lf = span_find(*rest, '\n', 0);
	size_t n = lf < 0 ? rest->n : (size_t)lf;
	*line = span_head(*rest, n);
	*rest = span_skip(*rest, n + 1);
	return true;
}

int
pins_find(const char *host, unsigned port, char pin[TLS_PIN_TEXT_SIZE],
	  struct err *e)
{
	char path[PATHS_SIZE], key[KEY_SIZE], *text;
	struct span rest, line;
	uint8_t bytes[TLS_PIN_BYTES];
	int rc = 0;

	pin[0] = '\0';
	(void)snprintf(key, sizeof(key), "%s:%u", host, port);
	if (read_file(path, &text, &rest.n, e) != 0)
		return -1;
	rest.p = text;
	for (int at = 1; rc == 0 && next_line(&rest, &line); at++) {
		struct span name = span_word(&line), value = span_word(&line);
		if (!span_eq_nocase(name, span_of(key)))
			continue;
		/* To pass a wrong line over would be to forget the pin. */
		if (tls_pin_parse(value, bytes) != 0 ||
		    span_copy(value, pin, TLS_PIN_TEXT_SIZE) != 0)
			rc = err_set(e, ERR_PERM, 0, "%s:%d: %s: not a pin",
				     path, at, key);
	}
	free(text);
	return rc;
}

int
pins_set(const char *host, unsigned port, const char *pin, struct err *e)
{
	char path[PATHS_SIZE], key[KEY_SIZE], *text;
	struct span rest, line;
	struct buf out;
	int rc;

	(void)snprintf(key, sizeof(key), "%s:%u", host, port);
	if (read_file(path, &text, &rest.n, e) != 0)
		return -1;
	rest.p = text;
	buf_init(&out, FILE_MAX);
	rc = 0;
	while (rc == 0 && next_line(&rest, &line)) {
		struct span words = line, name = span_word(&words);
		if (!span_eq_nocase(name, span_of(key)))
			rc = buf_addf(&out, "%.*s\n", SPAN_ARG(line));
	}
	if (rc == 0 && pin != NULL)
		rc = buf_addf(&out, "%s %s\n", key, pin);
	if (rc != 0)
		rc = err_set(e, ERR_LIMIT, errno, "%s", path);
	else
		rc = durable_replace_path(path, buf_span(&out), 0600, e);
	buf_free(&out);
	free(text);
	return rc;
}
