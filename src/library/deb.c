/*
 * deb.c
 *		Reading of Debian binary packages (deb(5)) as a stream.
 *
 * A .deb is an ar archive of debian-binary, control.tar[.xz|.zst|.gz] and
 * data.tar[...], in this order.  libarchive reads the ar; for each of the two
 * members a second libarchive reader takes its bytes from the first.  Memory
 * does not grow with the size of the package.  The filters are listed one by
 * one: support_filter_all would start external programs on hostile input.
 *
 * Every function that can fail leaves one sentence in the reader; a reader
 * that failed stays failed.
 */
#include "library/deb.h"

#include "types/hash.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum DebStage
{
	STAGE_START,   /* nothing read */
	STAGE_CONTROL, /* debian-binary seen */
	STAGE_DATA,    /* control read */
	STAGE_ENTRIES, /* inside data.tar */
	STAGE_END      /* all read */
} DebStage;

struct RmDeb
{
	RmDebSource source;
	struct archive *outer;
	struct archive *inner;
	DebStage stage;
	char member[64]; /* ar member at hand */
	char *control;
	size_t control_length;
	RmHashStream *hash; /* of the file at hand */
	char path[RM_DEB_PATH_MAX];
	char link[RM_DEB_PATH_MAX];
	char error[RM_DEB_ERROR_MAX];
};

static void fail(RmDeb *deb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Note what is wrong; the first word stands. */
static void
fail(RmDeb *deb, const char *format, ...)
{
	va_list args;

	if (deb->error[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(deb->error, sizeof(deb->error), format, args);
	va_end(args);
}

static bool
failed(const RmDeb *deb)
{
	return deb->error[0] != '\0';
}

/* Note libarchive's own word, with the member and the position in the file. */
static void
fail_archive(RmDeb *deb, struct archive *which)
{
	const char *what = archive_error_string(which);

	fail(deb, "%s, near byte %lld: %s", deb->member[0] ? deb->member : "ar archive",
		 (long long) archive_filter_bytes(deb->outer, -1), what ? what : "unreadable");
}

/* Hand the package's own bytes to the ar reader. */
static la_ssize_t
read_outer(struct archive *a, void *client, const void **buffer)
{
	RmDeb *deb = client;
	ssize_t got = deb->source.read(deb->source.state, buffer);

	if (got < 0)
		archive_set_error(a, EIO, "the content could not be read");
	return got;
}

/* Hand the bytes of the ar member at hand to the tar reader. */
static la_ssize_t
read_inner(struct archive *a, void *client, const void **buffer)
{
	RmDeb *deb = client;
	size_t size;
	la_int64_t offset;
	int status = archive_read_data_block(deb->outer, buffer, &size, &offset);

	if (status == ARCHIVE_EOF)
		return 0;
	if (status != ARCHIVE_OK)
	{
		const char *what = archive_error_string(deb->outer);

		archive_set_error(a, EIO, "%s", what ? what : "unreadable");
		return -1;
	}
	return size;
}

/* Move to the next ar member that counts; false at the end or on failure. */
static bool
next_member(RmDeb *deb)
{
	struct archive_entry *entry;

	for (;;)
	{
		int status = archive_read_next_header(deb->outer, &entry);
		const char *name;

		if (status == ARCHIVE_EOF)
			return false;
		if (status != ARCHIVE_OK)
		{
			fail_archive(deb, deb->outer);
			return false;
		}
		name = archive_entry_pathname(entry);
		snprintf(deb->member, sizeof(deb->member), "%s", name ? name : "(no name)");

		/* deb(5): a member whose name begins with an underscore is skipped. */
		if (deb->member[0] != '_')
			return true;
	}
}

/* Whether name is stem, or stem with one of the compressions that deb(5) knows. */
static bool
is_tar(const char *name, const char *stem)
{
	static const char *const suffixes[] = { "", ".gz", ".xz", ".zst", ".bz2", ".lzma" };
	size_t length = strlen(stem);

	if (strncmp(name, stem, length) != 0)
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
	{
		if (strcmp(name + length, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* Open the tar within the ar member at hand. */
static bool
open_inner(RmDeb *deb)
{
	deb->inner = archive_read_new();
	if (deb->inner == NULL)
	{
		fail(deb, "out of memory");
		return false;
	}
	archive_read_support_format_tar(deb->inner);
	archive_read_support_filter_gzip(deb->inner);
	archive_read_support_filter_xz(deb->inner);
	archive_read_support_filter_lzma(deb->inner);
	archive_read_support_filter_bzip2(deb->inner);
	archive_read_support_filter_zstd(deb->inner);
	if (archive_read_open(deb->inner, deb, NULL, read_inner, NULL) != ARCHIVE_OK)
	{
		fail_archive(deb, deb->inner);
		return false;
	}
	return true;
}

/*
 * Bring a path of a tar entry into the form that sha256sum -c reads in the
 * target directory: no leading "./", no empty or "." component.
 *
 * An absolute path and one with ".." are refused: unpacking would leave the
 * target.  Returns the length, 0 for the root directory itself, -1 on failure.
 */
static int
normalize_path(RmDeb *deb, const char *path, char *result)
{
	size_t used = 0;
	const char *at = path;

	if (path == NULL)
	{
		fail(deb, "%s: an entry has no readable name", deb->member);
		return -1;
	}
	if (*path == '/')
	{
		fail(deb, "%s: path \"%.200s\" is absolute", deb->member, path);
		return -1;
	}
	while (*at != '\0')
	{
		size_t length = strcspn(at, "/");

		if (length == 2 && at[0] == '.' && at[1] == '.')
		{
			fail(deb, "%s: path \"%.200s\" leads outside of the target", deb->member, path);
			return -1;
		}
		if (length > 0 && !(length == 1 && at[0] == '.'))
		{
			if (used + length + 2 > RM_DEB_PATH_MAX)
			{
				fail(deb, "%s: path \"%.200s...\" is longer than %d bytes", deb->member, path, RM_DEB_PATH_MAX);
				return -1;
			}
			if (used > 0)
				result[used++] = '/';
			memcpy(result + used, at, length);
			used += length;
		}
		at += length;
		if (*at == '/')
			at++;
	}
	result[used] = '\0';
	return used;
}

/* Read the whole of the entry at hand into deb->control. */
static void
read_control_file(RmDeb *deb)
{
	const void *block;
	size_t size;
	la_int64_t offset;
	int status;

	while ((status = archive_read_data_block(deb->inner, &block, &size, &offset)) == ARCHIVE_OK)
	{
		char *grown;

		if (deb->control_length + size > RM_DEB_CONTROL_MAX)
		{
			fail(deb, "%s: control is longer than %d bytes", deb->member, RM_DEB_CONTROL_MAX);
			return;
		}
		grown = realloc(deb->control, deb->control_length + size + 1);
		if (grown == NULL)
		{
			fail(deb, "out of memory");
			return;
		}
		deb->control = grown;
		memcpy(deb->control + deb->control_length, block, size);
		deb->control_length += size;
		deb->control[deb->control_length] = '\0';
	}
	if (status != ARCHIVE_EOF)
		fail_archive(deb, deb->inner);
}

/* Check debian-binary: the format's major number is 2. */
static void
read_format(RmDeb *deb)
{
	char version[16] = { 0 };

	if (!next_member(deb))
	{
		fail(deb, "the ar archive is empty");
		return;
	}
	if (strcmp(deb->member, "debian-binary") != 0)
	{
		fail(deb, "the first member is \"%s\", not \"debian-binary\"", deb->member);
		return;
	}
	if (archive_read_data(deb->outer, version, sizeof(version) - 1) < 0)
		fail_archive(deb, deb->outer);
	else if (strncmp(version, "2.", 2) != 0)
		fail(deb, "debian-binary names another format than 2.x");
	deb->stage = STAGE_CONTROL;
}

/* Find control.tar, and in it the file control. */
static void
read_control(RmDeb *deb)
{
	struct archive_entry *entry;
	int status;

	if (!next_member(deb) || !is_tar(deb->member, "control.tar"))
	{
		fail(deb, "the second member is not \"control.tar\" with a known compression");
		return;
	}
	if (!open_inner(deb))
		return;
	while (!failed(deb) && (status = archive_read_next_header(deb->inner, &entry)) != ARCHIVE_EOF)
	{
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			fail_archive(deb, deb->inner);
		else if (normalize_path(deb, archive_entry_pathname(entry), deb->path) > 0 &&
				 strcmp(deb->path, "control") == 0 && archive_entry_filetype(entry) == AE_IFREG)
		{
			if (deb->control != NULL)
				fail(deb, "%s: holds two files named control", deb->member);
			else
				read_control_file(deb);
		}
	}
	if (!failed(deb) && deb->control == NULL)
		fail(deb, "%s: holds no file named control", deb->member);
	if (!failed(deb) && strlen(deb->control) != deb->control_length)
		fail(deb, "%s: control holds a zero byte", deb->member);
	archive_read_free(deb->inner);
	deb->inner = NULL;
	deb->stage = STAGE_DATA;
}

/* Move to data.tar. */
static void
open_data(RmDeb *deb)
{
	if (!next_member(deb) || !is_tar(deb->member, "data.tar"))
	{
		fail(deb, "the third member is not \"data.tar\" with a known compression");
		return;
	}
	if (open_inner(deb))
		deb->stage = STAGE_ENTRIES;
}

/* Compute SHA-256 and size of the file at hand, block by block. */
static void
hash_file(RmDeb *deb, RmDebEntry *entry)
{
	const void *block;
	size_t size;
	la_int64_t offset;
	int status;
	static const unsigned char zeros[4096];

	rm_hash_stream_free(deb->hash);
	deb->hash = rm_hash_stream_begin(RM_HASH_SHA256);
	if (deb->hash == NULL)
	{
		fail(deb, "SHA-256 is not available");
		return;
	}
	entry->size = 0;
	while ((status = archive_read_data_block(deb->inner, &block, &size, &offset)) == ARCHIVE_OK)
	{
		/* A sparse file's holes are zeros. */
		while (entry->size < offset)
		{
			size_t hole = offset - entry->size < (int64_t) sizeof(zeros) ? offset - entry->size : sizeof(zeros);

			rm_hash_stream_add(deb->hash, zeros, hole);
			entry->size += hole;
			if (deb->source.cancelled(deb->source.state))
			{
				fail(deb, "cancelled");
				return;
			}
		}
		rm_hash_stream_add(deb->hash, block, size);
		entry->size += size;
		if (deb->source.cancelled(deb->source.state))
		{
			fail(deb, "cancelled");
			return;
		}
	}
	if (status != ARCHIVE_EOF)
		fail_archive(deb, deb->inner);
	else if (!rm_hash_stream_end(deb->hash, entry->sha256))
		fail(deb, "SHA-256 failed");
}

/*
 * Start to read a package.
 *
 * Returns NULL when memory is short; otherwise a reader, to be closed in any
 * case, whose error tells whether the source looks like a package at all.
 */
RmDeb *
rm_deb_open(const RmDebSource *source)
{
	RmDeb *deb = calloc(1, sizeof(RmDeb));

	if (deb == NULL)
		return NULL;
	deb->source = *source;
	deb->outer = archive_read_new();
	if (deb->outer == NULL)
	{
		fail(deb, "out of memory");
		return deb;
	}
	archive_read_support_format_ar(deb->outer);
	if (archive_read_open(deb->outer, deb, NULL, read_outer, NULL) != ARCHIVE_OK)
		fail_archive(deb, deb->outer);
	else
		read_format(deb);
	return deb;
}

/*
 * Return the text of the file control, ended by a zero byte; NULL on failure.
 *
 * It belongs to the reader.
 */
const char *
rm_deb_control(RmDeb *deb, size_t *length)
{
	if (!failed(deb) && deb->stage == STAGE_CONTROL)
		read_control(deb);
	if (failed(deb))
		return NULL;
	*length = deb->control_length;
	return deb->control;
}

/*
 * Read the next file or link that the package installs.
 *
 * Returns false at the end and on failure; rm_deb_error tells which.  Paths
 * are valid until the next call.
 */
bool
rm_deb_next_entry(RmDeb *deb, RmDebEntry *entry)
{
	size_t length;
	struct archive_entry *header;

	if (rm_deb_control(deb, &length) == NULL)
		return false;
	if (deb->stage == STAGE_DATA)
		open_data(deb);

	while (!failed(deb) && deb->stage == STAGE_ENTRIES)
	{
		int status = archive_read_next_header(deb->inner, &header);
		int path_length;

		if (status == ARCHIVE_EOF)
		{
			deb->stage = STAGE_END;
			if (next_member(deb))
				fail(deb, "member \"%s\" follows data.tar", deb->member);
			break;
		}
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
		{
			fail_archive(deb, deb->inner);
			break;
		}
		if (deb->source.cancelled(deb->source.state))
		{
			fail(deb, "cancelled");
			break;
		}
		path_length = normalize_path(deb, archive_entry_pathname(header), deb->path);
		if (path_length < 0)
			break;

		memset(entry, 0, sizeof(*entry));
		entry->path = deb->path;
		entry->mode = archive_entry_perm(header);
		if (archive_entry_hardlink(header) != NULL)
		{
			if (normalize_path(deb, archive_entry_hardlink(header), deb->link) < 0)
				break;
			entry->type = RM_DEB_HARDLINK;
			entry->link = deb->link;
			return true;
		}
		switch (archive_entry_filetype(header))
		{
			case AE_IFDIR:
				continue;
			case AE_IFLNK:
				entry->type = RM_DEB_SYMLINK;
				entry->link = archive_entry_symlink(header);
				if (entry->link == NULL || path_length == 0)
				{
					fail(deb, "%s: the symbolic link \"%.200s\" leads nowhere readable", deb->member, deb->path);
					return false;
				}
				return true;
			case AE_IFREG:
				if (path_length == 0)
				{
					fail(deb, "%s: a file has no name", deb->member);
					return false;
				}
				entry->type = RM_DEB_FILE;
				hash_file(deb, entry);
				return !failed(deb);
			default:
				fail(deb, "%s: \"%.200s\" is neither file, directory nor link", deb->member, deb->path);
				return false;
		}
	}
	return false;
}

/* Return what went wrong, or NULL. */
const char *
rm_deb_error(const RmDeb *deb)
{
	return failed(deb) ? deb->error : NULL;
}

/* Give everything back; NULL is fine. */
void
rm_deb_close(RmDeb *deb)
{
	if (deb == NULL)
		return;
	if (deb->inner != NULL)
		archive_read_free(deb->inner);
	if (deb->outer != NULL)
		archive_read_free(deb->outer);
	rm_hash_stream_free(deb->hash);
	free(deb->control);
	free(deb);
}
