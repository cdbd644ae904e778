/*
 * hash.h
 *		SHA-2 through OpenSSL's EVP, fetched once per process.
 *
 * Pure C: nothing of the server is needed, so that client programs link it
 * too.  Not thread-safe: one context per process is reused.
 */
#ifndef RM_TYPES_HASH_H
#define RM_TYPES_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers are stored in digest values: append only. */
typedef enum RmHashAlgorithm
{
	RM_HASH_INVALID = 0,
	RM_HASH_SHA256 = 1,
	RM_HASH_SHA384 = 2,
	RM_HASH_SHA512 = 3
} RmHashAlgorithm;

#define RM_HASH_MAX_SIZE 64
#define RM_SHA256_SIZE 32

/* A piece of input; rm_hash_pieces concatenates several. */
typedef struct RmHashPiece
{
	const void *data;
	size_t len;
} RmHashPiece;

/* An incremental computation; several may be under way at once. */
typedef struct RmHashStream RmHashStream;

extern RmHashAlgorithm rm_hash_algorithm(const char *name, size_t len);
extern const char *rm_hash_name(RmHashAlgorithm algorithm);
extern size_t rm_hash_size(RmHashAlgorithm algorithm);
extern bool rm_hash_pieces(RmHashAlgorithm algorithm, const RmHashPiece *pieces, int npieces, unsigned char *out);
extern bool rm_hash(RmHashAlgorithm algorithm, const void *data, size_t len, unsigned char *out);
extern RmHashStream *rm_hash_stream_begin(RmHashAlgorithm algorithm);
extern bool rm_hash_stream_add(RmHashStream *stream, const void *data, size_t len);
extern bool rm_hash_stream_end(RmHashStream *stream, unsigned char *out);
extern void rm_hash_stream_free(RmHashStream *stream);

#endif /* RM_TYPES_HASH_H */
