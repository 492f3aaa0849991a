#ifndef PP_TESTS_FUZZ_FUZZ_H
#define PP_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What a target defines.  Any bytes, any length; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define FUZZ_CHECK(property)                                                   \
	do {                                                                   \
		if (!(property)) {                                             \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				      __LINE__, #property);                    \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
