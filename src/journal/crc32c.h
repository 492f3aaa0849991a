#ifndef PP_JOURNAL_CRC32C_H
#define PP_JOURNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * crc32c - CRC-32C (Castagnoli, RFC 3720 12.1) of n bytes, continuing from
 * `crc` (0 to begin).  Uses the processor's instruction where there is one.
 * Thread: any.  Cost: about n/8 cycles with the instruction, n*4 without.
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* crc32c_portable - the same without the instruction; for the tests. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n);

#endif
