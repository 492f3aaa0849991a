#ifndef PP_BASE_HASH_H
#define PP_BASE_HASH_H

#include <stdint.h>

#include "base/span.h"

/*
 * hash - FNV-1a, for tables whose names nobody chooses to harm us, and for
 * short ids that must stay the same in every run.  Where strangers choose the
 * names they could make many fall together: that takes base/siphash and a key.
 * Pure; any thread.
 */
uint32_t hash_text(const char *s);
uint32_t hash_span(struct span s);

/* hash_wide - 64 bits, beginning with `basis`: another one makes another hash.
 */
#define HASH_WIDE_BASIS UINT64_C(14695981039346656037)
uint64_t hash_wide(struct span s, uint64_t basis);

#endif
