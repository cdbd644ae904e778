/*
 * checksum.c
 *		Reading of what sha256sum prints, without the server.
 *
 * Forms, as GNU coreutils writes them (sha2 utilities, sections "Output modes"
 * and "--check"), in the C locale:
 *
 *		<hex>  path				digest, text mode; " *path" in binary mode
 *		SHA256 (path) = <hex>	digest, --tag
 *		path: OK				--check
 *		path: FAILED			--check, another content
 *		path: FAILED open or read
 *		sha256sum: path: No such file or directory
 *
 * A line whose path holds a backslash, newline or carriage return begins with
 * a backslash and writes them as \\, \n and \r.  sha384sum and sha512sum
 * print alike; the number of hex digits tells the algorithm.
 *
 * Pure C: nothing of the server is needed, so that it can be fuzzed.
 */
#include <string.h>

#include "rollout/checksum.h"

/* Does text of len bytes end with suffix? */
static bool
ends_with(const char *text, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);

	return len >= suffix_len && memcmp(text + len - suffix_len, suffix, suffix_len) == 0;
}

/*
 * Copy a path into room, undoing the escapes where escaped is set; drop
 * leading "/" and "./".  Return false for an empty path or a bad escape.
 */
static bool
copy_path(const char *path, size_t len, bool escaped, char *room)
{
	size_t used = 0;
	size_t skip = 0;

	for (size_t i = 0; i < len; i++)
	{
		char c = path[i];

		if (escaped && c == '\\')
		{
			if (++i == len)
				return false;
			switch (path[i])
			{
				case '\\':
					c = '\\';
					break;
				case 'n':
					c = '\n';
					break;
				case 'r':
					c = '\r';
					break;
				default:
					return false;
			}
		}
		if (c == '\0')
			return false;
		room[used++] = c;
	}
	room[used] = '\0';

	for (;;)
	{
		if (room[skip] == '/')
			skip++;
		else if (room[skip] == '.' && room[skip + 1] == '/')
			skip += 2;
		else
			break;
	}
	memmove(room, room + skip, used - skip + 1);
	return used > skip;
}

/* "<hex> *path" or "<hex>  path" */
static bool
parse_digest_line(const char *line, size_t len, bool escaped, char *room, RmChecksumLine *result)
{
	const char *blank = memchr(line, ' ', len);
	RmParseError error;
	size_t hex_len;

	if (blank == NULL)
		return false;
	hex_len = blank - line;
	if (len < hex_len + 3 || (blank[1] != ' ' && blank[1] != '*'))
		return false;
	return rm_digest_parse_hex(line, hex_len, &result->digest, &error) &&
		   copy_path(blank + 2, len - hex_len - 2, escaped, room);
}

/* "SHA256 (path) = <hex>" */
static bool
parse_tagged_line(const char *line, size_t len, bool escaped, char *room, RmChecksumLine *result)
{
	static const char *const tags[] = { "SHA256 (", "SHA384 (", "SHA512 (" };
	RmParseError error;
	size_t begin = strlen(tags[0]);
	size_t end;

	for (int i = 0;; i++)
	{
		if (i == sizeof(tags) / sizeof(tags[0]))
			return false;
		if (len > begin && memcmp(line, tags[i], begin) == 0)
			break;
	}
	/* The hex digits hold no parenthesis, so the last ") = " ends the path. */
	for (end = len; end > begin; end--)
	{
		if (ends_with(line, end, ") = "))
			break;
	}
	if (end < begin + 4)
		return false;
	return rm_digest_parse_hex(line + end, len - end, &result->digest, &error) &&
		   copy_path(line + begin, end - 4 - begin, escaped, room);
}

/* "path: OK" and its kin */
static bool
parse_check_line(const char *line, size_t len, bool escaped, char *room, RmChecksumLine *result)
{
	static const struct
	{
		const char *suffix;
		RmChecksumKind kind;
	} endings[] = {
		{ ": OK", RM_CHECKSUM_OK },
		{ ": FAILED", RM_CHECKSUM_FAILED },
		{ ": FAILED open or read", RM_CHECKSUM_UNREADABLE },
		{ ": No such file or directory", RM_CHECKSUM_UNREADABLE },
		{ ": Permission denied", RM_CHECKSUM_UNREADABLE },
		{ ": Is a directory", RM_CHECKSUM_UNREADABLE },
	};
	static const char *const programs[] = { "sha256sum: ", "sha384sum: ", "sha512sum: " };
	size_t begin = 0;

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		size_t end;

		if (!ends_with(line, len, endings[i].suffix))
			continue;
		end = len - strlen(endings[i].suffix);
		for (size_t p = 0; p < sizeof(programs) / sizeof(programs[0]); p++)
		{
			if (end > strlen(programs[p]) && memcmp(line, programs[p], strlen(programs[p])) == 0)
				begin = strlen(programs[p]);
		}
		/* A diagnostic quotes a path that a shell would not take as it is. */
		if (begin > 0 && end - begin > 2 && line[begin] == '\'' && line[end - 1] == '\'')
		{
			begin++;
			end--;
		}
		result->kind = endings[i].kind;
		return copy_path(line + begin, end - begin, escaped, room);
	}
	return false;
}

/*
 * Read one line of len bytes, without its newline.
 *
 * room must hold len + 1 bytes and receives the path.  What the line is not
 * recognized as is RM_CHECKSUM_OTHER, without a path.
 */
RmChecksumKind
rm_checksum_parse(const char *line, size_t len, char *room, RmChecksumLine *result)
{
	bool escaped;

	memset(result, 0, sizeof(*result));
	if (len > 0 && line[len - 1] == '\r')
		len--;
	escaped = len > 0 && line[0] == '\\';
	if (escaped)
	{
		line++;
		len--;
	}

	result->path = room;
	if (parse_digest_line(line, len, escaped, room, result) || parse_tagged_line(line, len, escaped, room, result))
		result->kind = RM_CHECKSUM_DIGEST;
	else if (!parse_check_line(line, len, escaped, room, result))
	{
		result->kind = RM_CHECKSUM_OTHER;
		result->path = NULL;
	}
	return result->kind;
}
