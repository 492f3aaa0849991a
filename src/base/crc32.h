#ifndef PP_BASE_CRC32_H
#define PP_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/*
 * crc32_add - CRC-32 (ISO 3309, as in zip and PNG) of the bytes so far, crc
 * (0 at the start), and n more.  Finds damage, not malice.  Any thread.
 */
uint32_t crc32_add(uint32_t crc, const void *p, size_t n);

#endif
