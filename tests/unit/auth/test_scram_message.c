#include "../test.h"

#include <string.h>

#include "auth/scram_message.h"

static void
the_binding_of_a_first_message_is_read(void **state)
{
	static const struct {
		const char *text;
		enum scram_binding want;
	} rows[] = {
		{ "n,,n=user,r=abc", SCRAM_BINDING_NONE },
		{ "y,,n=user,r=abc", SCRAM_BINDING_MISSED },
		{ "p=tls-exporter,,n=user,r=abc", SCRAM_BINDING_EXPORTER },
		{ "p=tls-unique,,n=user,r=abc", SCRAM_BINDING_OTHER },
		{ "p=,,n=user,r=abc", SCRAM_BINDING_OTHER },
		{ "n,a=bob,n=user,r=abc", SCRAM_BINDING_NONE },
		{ "n,,n=a=2Cb=3Dc,r=abc", SCRAM_BINDING_NONE },
		{ "n,,n=,r=abc", SCRAM_BINDING_NONE }, /* refused later */
		{ "", SCRAM_BINDING_MALFORMED },
		{ "n", SCRAM_BINDING_MALFORMED },
		{ "n,,", SCRAM_BINDING_MALFORMED },
		{ "N,,n=user,r=abc", SCRAM_BINDING_MALFORMED },
		{ "nn,,n=user,r=abc", SCRAM_BINDING_MALFORMED },
		{ "p,,n=user,r=abc", SCRAM_BINDING_MALFORMED },
		{ "n,bob,n=user,r=abc", SCRAM_BINDING_MALFORMED },
		{ "n,,m=1,n=user,r=abc", SCRAM_BINDING_MALFORMED },
		{ "n,,r=abc,n=user", SCRAM_BINDING_MALFORMED },
		/* RFC 5802 5.1: '=' is followed by 2C or 3D */
		{ "n,,n=a=b,r=abc", SCRAM_BINDING_MALFORMED },
		{ "n,,n=a=2c,r=abc", SCRAM_BINDING_MALFORMED },
		{ "n,,n=a=,r=abc", SCRAM_BINDING_MALFORMED },
		{ "n,a=b=,n=a,r=abc", SCRAM_BINDING_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (scram_message_binding(span_of(rows[i].text)) !=
		    rows[i].want)
			fail_msg("%s", rows[i].text);
	assert_int_equal(
	    scram_message_binding(span_make("n,,n=us\0r,r=abc", 15)),
	    SCRAM_BINDING_MALFORMED);
}

static void
the_count_of_a_server_is_read(void **state)
{
	static const struct {
		const char *text;
		unsigned long want;
	} rows[] = {
		{ "r=abc,s=QUFB,i=4096", 4096 },
		{ "r=abc,s=QUFB,i=4096,x=1", 4096 },
		{ "r=abc,s=QUFB,i=0", 0 },
		{ "r=abc,s=QUFB,i=-1", 0 },
		{ "r=abc,s=QUFB,i=", 0 },
		{ "r=abc,s=QUFB,i=4096 ", 0 },
		{ "r=abc,s=QUFB,i=99999999999999999999", 0 },
		{ "s=QUFB,r=abc,i=4096", 0 },
		{ "m=1,r=abc,s=QUFB,i=4096", 0 },
		{ "r=abc,s=QUFB", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (scram_message_iterations(span_of(rows[i].text)) !=
		    rows[i].want)
			fail_msg("%s", rows[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_binding_of_a_first_message_is_read),
		cmocka_unit_test(the_count_of_a_server_is_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
