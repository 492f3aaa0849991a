#include "shell/complete.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/cmd.h"
#include "shell/lex.h"
#include "shell/shell.h"
#include "shell/width.h"

enum { CANDIDATES_MAX = 2000 };

/* What has been typed: the verb, the word before, the word itself. */
struct spot {
	struct shell *sh;
	struct complete_list *list;
	struct span word;
	struct span last; /* the word before it, after the verb */
};

void
complete_free(struct complete_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->word[i]);
	free(list->word);
	*list = (struct complete_list){ 0 };
}

static void
offer(struct spot *s, const char *prefix, const char *text)
{
	struct complete_list *list = s->list;
	size_t n = strlen(prefix) + strlen(text);
	char **more, *copy;

	if (list->n == CANDIDATES_MAX)
		return;
	copy = malloc(n + 1);
	if (copy == NULL)
		return;
	(void)snprintf(copy, n + 1, "%s%s", prefix, text);
	if (!span_starts_nocase(span_of(copy), s->word)) {
		free(copy);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->word[i], copy) == 0) {
			free(copy);
			return;
		}
	}
	more = realloc(list->word, (list->n + 1) * sizeof(*more));
	if (more == NULL) {
		free(copy);
		return;
	}
	list->word = more;
	list->word[list->n++] = copy;
}

static void
offer_commands(struct spot *s)
{
	static const char *const prefixes[] = { "try", "not", "quiet", "time" };

	for (const struct command *c = command_table(); c->name != NULL; c++)
		offer(s, "", c->name);
	if (s->word.n == 0)
		return;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		offer(s, "", prefixes[i]);
}

/* A stranger chose it, and Readline puts it into the line as it is: nothing in
 * it may mean anything there.  "a@b.example;!reboot" is an address to some. */
static bool
is_safe_word(const char *address)
{
	for (const char *p = address; *p != '\0'; p++)
		if (!span_is_digit(*p) &&
		    (span_lower(*p) < 'a' || span_lower(*p) > 'z') &&
		    strchr("@._-+=", *p) == NULL)
			return false;
	return address[0] != '-';
}

/* "Bob <bob@xyz.com>" gives bob@xyz.com. */
static void
offer_address_of(struct spot *s, const char *text)
{
	const char *open = strrchr(text, '<');
	char address[ADDRESS_SIZE];
	struct span a = span_of(open == NULL ? text : open + 1);
	long close = span_find(a, '>', 0);

	if (close >= 0)
		a = span_head(a, (size_t)close);
	if (span_find(a, '@', 0) > 0 && span_find(a, ' ', 0) < 0 &&
	    span_copy(a, address, sizeof(address)) == 0 &&
	    is_safe_word(address))
		offer(s, "", address);
}

static void
offer_addresses(struct spot *s)
{
	struct mailbox *b = &s->sh->box;

	for (size_t i = 0; i < s->sh->contacts.n; i++) {
		const struct contact *c = &s->sh->contacts.v[i];

		/* The name stands for the address: one of them is enough. */
		offer(s, "", c->name);
		if (s->word.n > 0 &&
		    !span_starts_nocase(span_of(c->name), s->word))
			offer(s, "", c->address);
	}
	for (uint32_t n = b->n; n > 0 && s->list->n < 100; n--)
		if (mailbox_at(b, n) != NULL && b->v[n - 1].summarised)
			offer_address_of(s, b->v[n - 1].s.from);
}

static void
offer_messages(struct spot *s)
{
	static const char *const words[] = {
		"all",     "new",
		"unread",  "read",
		"deleted", "last",
		"not",     "or",
		"from:",   "to:",
		"cc:",     "subject:",
		"body:",   "text:",
		"header:", "id:",
		"list:",   "uid:",
		"size>",   "size<",
		"since:",  "before:",
		"on:",     "newer:",
		"older:",  "has:attachment",
	};
	struct mailbox *b = &s->sh->box;
	char number[16];

	if (s->word.n == 0 || span_is_digit(s->word.p[0])) {
		/* The newest are meant most often: at most a screenful. */
		for (uint32_t n = b->n, k = 0; n > 0 && k < 20; n--) {
			if (mailbox_at(b, n) == NULL)
				continue;
			(void)snprintf(number, sizeof(number), "%u", n);
			offer(s, "", number);
			k++;
		}
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		offer(s, "", words[i]);
}

static void
offer_options(struct spot *s, const struct command *c)
{
	for (const struct command_option *o = c->options;
	     o != NULL && o->name != NULL; o++)
		offer(s, "--", o->name);
	if (c->run == cmd_list || c->run == cmd_contact) {
		offer(s, "--", "json");
		offer(s, "--", "tsv");
		offer(s, "--", "table");
	}
}

/* @file: Readline would take the mark for a part of the name. */
static void
offer_at_files(struct spot *s)
{
	char pattern[1024];
	glob_t g = { 0 };

	if (s->word.n < 1 || s->word.n > 1000)
		return;
	(void)snprintf(pattern, sizeof(pattern), "%.*s*", (int)s->word.n - 1,
		       s->word.p + 1);
	if (glob(pattern, GLOB_MARK | GLOB_TILDE, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			offer(s, "@", g.gl_pathv[i]);
	globfree(&g);
}

/* The name of a setting, or what can stand behind it. */
static void
offer_setting(struct spot *s)
{
	struct span last = s->last;
	const char *const *words;
	const char *name;

	for (size_t i = 0; (name = cmd_set_name(i)) != NULL; i++) {
		if (last.n == 0)
			offer(s, "", name);
		if (!span_eq(last, span_of(name)))
			continue;
		words = cmd_set_words(i, &s->list->files);
		for (; words != NULL && *words != NULL; words++)
			offer(s, "", *words);
	}
}

static void
offer_kind(struct spot *s, enum command_complete kind)
{
	switch (kind) {
	case COMPLETE_NONE:
		break;
	case COMPLETE_FILE:
		if (s->word.n > 0 && s->word.p[0] == '@')
			offer_at_files(s);
		else
			s->list->files = true;
		break;
	case COMPLETE_ADDRESS:
		offer_addresses(s);
		break;
	case COMPLETE_MESSAGE:
		offer_messages(s);
		break;
	case COMPLETE_COMMAND:
		offer_commands(s);
		break;
	case COMPLETE_SETTING:
		offer_setting(s);
		break;
	}
}

/* The option whose value comes here, or NULL. */
static const struct command_option *
pending_option(const struct command *c, struct span before)
{
	const struct command_option *o = c->options;

	while (before.n > 0 && (before.p[before.n - 1] == '='))
		before.n--;
	for (; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL)
			continue;
		if (before.n == 2 && before.p[0] == '-' &&
		    before.p[1] == o->letter)
			return o;
		if (before.n > 2 && before.p[0] == '-' &&
		    span_eq(span_skip(before, 2), span_of(o->name)))
			return o;
	}
	return NULL;
}

static bool
is_prefix_word(struct span w)
{
	return span_eq(w, span_of("try")) || span_eq(w, span_of("not")) ||
	       span_eq(w, span_of("quiet")) || span_eq(w, span_of("time"));
}

void
complete_word(struct shell *sh, bool addresses, const char *line, size_t start,
	      size_t end, struct complete_list *list)
{
	struct spot s = { .sh = sh,
			  .list = list,
			  .word = span_make(line + start, end - start) };
	struct span before = span_make(line, start), verb, w, last;
	const struct command_option *o;
	const struct command *c;
	struct failure f;
	long semicolon;

	*list = (struct complete_list){ 0 };
	if (addresses) {
		offer_addresses(&s);
		return;
	}
	/* Only the command the cursor is in. */
	while ((semicolon = span_find(before, ';', 0)) >= 0)
		before = span_skip(before, (size_t)semicolon + 1);
	do {
		verb = span_word(&before);
	} while (is_prefix_word(verb));
	if (verb.n == 0) {
		offer_commands(&s);
		return;
	}
	c = command_find(verb, true, &f);
	if (c == NULL)
		return;
	last = span_make(NULL, 0);
	while ((w = span_word(&before)).n > 0)
		last = w;
	s.last = last;
	/* In a list of addresses the comma separates words, too. */
	long comma = span_find(last, ',', 0);
	o = pending_option(c, last);
	if (o == NULL && comma > 0 && c->complete != COMPLETE_MESSAGE)
		offer_addresses(&s);
	else if (o != NULL)
		offer_kind(&s, o->complete);
	else if (s.word.n > 0 && s.word.p[0] == '-')
		offer_options(&s, c);
	else
		offer_kind(&s, c->complete);
}

bool
complete_describe(struct shell *sh, const char *word, char *text, size_t size)
{
	const struct message *m;
	uint64_t n;

	if (span_u64(span_of(word), &n) != 0 || n > MAILBOX_MAX)
		return false;
	m = mailbox_at(&sh->box, (uint32_t)n);
	if (m == NULL || !m->summarised)
		return false;
	(void)snprintf(text, size, "%.60s  %.100s", m->s.from_name,
		       m->s.subject);
	return true;
}
