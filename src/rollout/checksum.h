/*
 * checksum.h
 *		Reading of what sha256sum prints, without the server.
 */
#ifndef RM_ROLLOUT_CHECKSUM_H
#define RM_ROLLOUT_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "types/digest_parse.h"

typedef enum RmChecksumKind
{
	RM_CHECKSUM_DIGEST,     /* "<hex>  path", "SHA256 (path) = <hex>": digest is set */
	RM_CHECKSUM_OK,         /* "path: OK" */
	RM_CHECKSUM_FAILED,     /* "path: FAILED" */
	RM_CHECKSUM_UNREADABLE, /* "path: FAILED open or read", "sha256sum: path: ..." */
	RM_CHECKSUM_OTHER       /* any other line; path is not set */
} RmChecksumKind;

typedef struct RmChecksumLine
{
	RmChecksumKind kind;
	RmDigestValue digest;
	char *path; /* in the caller's room, NUL-terminated, without leading "/" and "./" */
} RmChecksumLine;

extern RmChecksumKind rm_checksum_parse(const char *line, size_t len, char *room, RmChecksumLine *result);

#endif /* RM_ROLLOUT_CHECKSUM_H */
