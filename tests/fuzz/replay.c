/*
 * The main program of a fuzz target in a normal build: runs it once over every
 * file of its corpus ($top_srcdir/tests/fuzz/corpus/<name>, the name taken
 * from "fuzz_<name>") or over the files given as arguments, and prints TAP.  A
 * broken property aborts, which the test driver reports with the file's name.
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024, NAME_SIZE = 1024 };

static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(FILE_MAX);
	int rc = -1;

	if (f == NULL || bytes == NULL)
		goto out;
	size_t n = fread(bytes, 1, FILE_MAX, f);
	if (ferror(f) != 0)
		goto out;
	printf("# %s\n", path);
	if (fflush(stdout) != 0)
		goto out;
	/* an allocation of exactly this size, so that the sanitizer sees a
	 * read past its end */
	uint8_t *exact = realloc(bytes, n > 0 ? n : 1);
	if (exact == NULL)
		goto out;
	bytes = exact;
	(void)LLVMFuzzerTestOneInput(bytes, n);
	rc = 0;
out:
	if (f != NULL)
		(void)fclose(f);
	free(bytes);
	return rc;
}

static int
is_input(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Every file of the directory, in order; the count, or -1. */
static int
replay_dir(const char *dir)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_input, alphasort), good = 0;

	for (int i = 0; i < n; i++) {
		char path[NAME_SIZE];
		int len = snprintf(path, sizeof(path), "%s/%s", dir,
				   entries[i]->d_name);
		if (len > 0 && (size_t)len < sizeof(path) &&
		    replay_file(path) == 0)
			good++;
		free(entries[i]);
	}
	free(entries);
	return n > 0 && good == n ? n : -1;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;
	const char *top = getenv("top_srcdir");
	char dir[NAME_SIZE];
	int n = 0;

	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	if (argc > 1) {
		for (int i = 1; i < argc && n >= 0; i++)
			n = replay_file(argv[i]) == 0 ? n + 1 : -1;
	} else {
		int len = snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s",
				   top == NULL ? "." : top, name);
		n = len > 0 && (size_t)len < sizeof(dir) ? replay_dir(dir) : -1;
	}
	printf("1..1\n%s 1 - %s: %d inputs\n", n > 0 ? "ok" : "not ok", name,
	       n);
	return n > 0 ? 0 : 1;
}
