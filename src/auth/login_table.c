#include "auth/login_table.h"

#include <stdlib.h>

int
login_table_init(struct login_table *t, size_t sets)
{
	t->v = calloc(sets * LOGIN_TABLE_WAYS, sizeof(*t->v));
	t->sets = t->v == NULL ? 0 : sets;
	return t->v == NULL ? -1 : 0;
}

void
login_table_clear(struct login_table *t)
{
	free(t->v);
	*t = (struct login_table){ 0 };
}

static struct login_entry *
set_of(const struct login_table *t, uint64_t key)
{
	return &t->v[(key >> 8) % t->sets * LOGIN_TABLE_WAYS];
}

struct login_entry *
login_table_find(const struct login_table *t, uint64_t key, int64_t now_ms)
{
	struct login_entry *set = set_of(t, key);

	for (int i = 0; i < LOGIN_TABLE_WAYS; i++) {
		if (set[i].key == key)
			return set[i].until_ms > now_ms ? &set[i] : NULL;
	}
	return NULL;
}

struct login_entry *
login_table_place(struct login_table *t, uint64_t key, int64_t now_ms)
{
	struct login_entry *set = set_of(t, key), *least = &set[0];

	for (int i = 0; i < LOGIN_TABLE_WAYS; i++) {
		if (set[i].key == key) {
			if (set[i].until_ms > now_ms)
				return &set[i];
			least = &set[i];
			break;
		}
		if (set[i].key == 0 ||
		    (least->key != 0 && set[i].until_ms < least->until_ms))
			least = &set[i];
	}
	*least = (struct login_entry){ .key = key, .until_ms = now_ms };
	return least;
}
