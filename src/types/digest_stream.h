/*
 * digest_stream.h
 *		Digests of content that comes piece by piece.
 */
#ifndef RM_TYPES_DIGEST_STREAM_H
#define RM_TYPES_DIGEST_STREAM_H

#include "types/digest.h"

/* Give the next piece of a source, of which the caller reads until it asks again; false at the end. */
typedef bool (*RmNextPiece)(void *source, const char **bytes, size_t *len);

extern RmDigest *rm_digest_compute_stream(RmHashAlgorithm algorithm, RmNextPiece next, void *source);

#endif /* RM_TYPES_DIGEST_STREAM_H */
