#include "base/descriptors.h"
#include "receiver/receiver.h"
#include "receiver/receiver_options.h"

int
main(int argc, char **argv)
{
	struct daemon_program program = *receiver_program();

	if (descriptors_hold() != 0)
		return 1;
	program.options = receiver_options_table();
	return daemon_main(&program, argc, argv);
}
