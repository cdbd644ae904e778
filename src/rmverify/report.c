/*
 * report.c
 *		What rmverify tells: findings on standard output, progress and trouble on standard error.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rmverify/rmverify.h"

int findings = 0;

static bool bar_shown = false;
static const char *named_log = NULL;

/* Say what stands in the way of verifying at all, and end. */
void
trouble(const char *format, ...)
{
	va_list arguments;

	progress_end();
	fprintf(stderr, "rmverify: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	exit(EXIT_TROUBLE);
}

/* Say of which log the leaves of the findings to come are; NULL where there is but one. */
void
name_log(const char *origin)
{
	named_log = origin;
}

/* Print a finding; index is negative where no leaf can be named. */
void
finding(const char *what, int64_t index, const char *source, const char *key, const char *detail)
{
	progress_end();
	findings++;
	printf("%s", what);
	if (index >= 0)
		printf(", leaf %" PRId64, index);
	if (index >= 0 && named_log)
		printf(" of %s", named_log);
	if (source)
		printf(", table %s", source);
	if (key)
		printf(", key %s", key);
	if (detail)
		printf(": %s", detail);
	printf("\n");
}

/* Allocate zeroed memory, or end. */
void *
allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (memory == NULL)
		trouble("out of memory");
	return memory;
}

/* Show how far a step is, on a terminal, a few times a second. */
void
progress(const char *what, uint64_t done, uint64_t total)
{
	static struct timespec last;
	struct timespec now;
	int width = total ? (int) (40 * done / total) : 0;

	if (!isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 < 200)
		return;
	last = now;
	bar_shown = true;
	fprintf(stderr, "\r%-8s [%.*s%.*s] %" PRIu64 " of %" PRIu64 "\033[K", what, width > 40 ? 40 : width,
			"########################################", width > 40 ? 0 : 40 - width,
			"                                        ", done, total);
}

/* Clear the bar. */
void
progress_end(void)
{
	if (bar_shown)
		fprintf(stderr, "\r\033[K");
	bar_shown = false;
}

/* Return a file's content, ended by a zero byte, and its length; NULL where there is none. */
char *
read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	size_t room = 65536;
	char *content = allocate(room + 1);
	size_t count;

	*len = 0;
	if (file == NULL && errno == ENOENT)
	{
		free(content);
		return NULL;
	}
	while (file && (count = fread(content + *len, 1, room - *len, file)) > 0)
	{
		*len += count;
		if (*len == room)
			content = realloc(content, (room *= 2) + 1);
		if (content == NULL)
			trouble("out of memory");
	}
	if (file == NULL || ferror(file))
		trouble("could not read %s: %s", path, strerror(errno));
	fclose(file);
	content[*len] = '\0';
	return content;
}

/* Put a file of that content in the place of what is at the path. */
void
write_file(const char *path, const void *content, size_t len)
{
	size_t size = strlen(path) + 5;
	char *new_path = allocate(size);
	FILE *file;

	snprintf(new_path, size, "%s.new", path);
	file = fopen(new_path, "wb");
	if (file == NULL || fwrite(content, 1, len, file) != len || fflush(file) != 0 || fsync(fileno(file)) != 0 ||
		fclose(file) != 0 || rename(new_path, path) != 0)
		trouble("could not write %s: %s", path, strerror(errno));
	free(new_path);
}
