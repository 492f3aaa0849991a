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
#include "shell/user_file.h"

enum { FILE_MAX = 256 * 1024, KEY_SIZE = NET_HOST_SIZE + 16 };

/* "localhost." is localhost. */
static void
make_key(const char *host, unsigned port, char key[KEY_SIZE])
{
	size_t n = strlen(host);

	if (n > 1 && host[n - 1] == '.')
		n--;
	(void)snprintf(key, KEY_SIZE, "%.*s:%u", (int)n, host, port);
}

int
pins_find(const char *host, unsigned port, char pin[TLS_PIN_TEXT_SIZE],
	  struct err *e)
{
	char path[PATHS_SIZE], key[KEY_SIZE], *text;
	struct span rest, line;
	uint8_t bytes[TLS_PIN_BYTES];
	size_t n;
	int rc = 0;

	pin[0] = '\0';
	make_key(host, port, key);
	/* Without a home there are no pins; the certificate must do. */
	if (paths_data(path, "pins") != 0)
		return 0;
	if (durable_read_file(AT_FDCWD, path, FILE_MAX, &text, &n, e) != 0)
		return e->sys == ENOENT && e->class == ERR_TEMP ? 0 : -1;
	rest = span_make(text, n);
	for (int at = 1; rc == 0 && user_file_line(&rest, &line, 0); at++) {
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
	char path[PATHS_SIZE], key[KEY_SIZE];
	struct user_file f;
	struct span rest, line;
	struct buf out;
	int rc = 0;

	make_key(host, port, key);
	if (paths_data(path, "pins") != 0)
		return pin == NULL ? 0
				   : err_set(e, ERR_PERM, 0,
					     "there is no home directory for "
					     "pins");
	buf_init(&out, FILE_MAX);
	if (user_file_open(&f, path, FILE_MAX, e) != 0) {
		user_file_close(&f);
		return -1;
	}
	rest = span_make(f.text, f.n);
	while (rc == 0 && user_file_line(&rest, &line, 1)) {
		struct span words = line, name = span_word(&words);
		if (!span_eq_nocase(span_trim(name), span_of(key)))
			rc = buf_add_span(&out, line);
	}
	if (rc == 0 && out.n > 0 && out.p[out.n - 1] != '\n')
		rc = buf_add_char(&out, '\n');
	if (rc == 0 && pin != NULL)
		rc = buf_addf(&out, "%s %s\n", key, pin);
	rc = rc != 0 ? err_set(e, ERR_LIMIT, errno, "%s", path)
		     : user_file_replace(&f, buf_span(&out), e);
	buf_free(&out);
	user_file_close(&f);
	return rc;
}
