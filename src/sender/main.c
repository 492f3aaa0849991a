#include "base/descriptors.h"
#include "sender/sender.h"
#include "sender/sender_options.h"

int
main(int argc, char **argv)
{
	struct daemon_program program = *sender_program();

	if (descriptors_hold() != 0)
		return 1;
	program.options = sender_options_table();
	return daemon_main(&program, argc, argv);
}
