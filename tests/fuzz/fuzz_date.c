/* The input is the text of a Date field.  A date that is taken is a time that,
 * written down by us, is read as the same time. */
#include "fuzz.h"

#include "mail/date.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	int64_t wall_s, again;
	char buf[DATE_SIZE];
	struct err e;
	int zone;

	if (date_parse(text, &wall_s, &zone, &e) != 0) {
		FUZZ_CHECK(e.class == ERR_PERM && e.msg[0] != '\0');
		return 0;
	}
	FUZZ_CHECK(zone > -100 * 60 && zone < 100 * 60);
	/* date_format keeps within years of four digits in every zone */
	if (wall_s < -2208902400 || wall_s > 253402214399)
		return 0;
	date_format(wall_s, buf);
	FUZZ_CHECK(date_parse(span_of(buf), &again, NULL, &e) == 0);
	FUZZ_CHECK(again == wall_s);
	return 0;
}
