/*
 * digest_parse.h
 *		The text forms of a digest, without the server.
 */
#ifndef RM_TYPES_DIGEST_PARSE_H
#define RM_TYPES_DIGEST_PARSE_H

#include <stdbool.h>

#include "types/hash.h"
#include "types/parse.h"

typedef struct RmDigestValue
{
	RmHashAlgorithm algorithm;
	unsigned char bytes[RM_HASH_MAX_SIZE]; /* rm_hash_size(algorithm) of them */
} RmDigestValue;

/* Room for any text form with its terminator: sha512: and 128 digits. */
#define RM_DIGEST_TEXT_SIZE 136

extern bool rm_digest_parse_oci(const char *text, size_t len, RmDigestValue *value, RmParseError *error);
extern bool rm_digest_parse_hex(const char *text, size_t len, RmDigestValue *value, RmParseError *error);
extern bool rm_digest_parse_sri(const char *text, size_t len, RmDigestValue *value, RmParseError *error);
extern void rm_digest_print_oci(RmHashAlgorithm algorithm, const unsigned char *bytes, char *out);
extern void rm_digest_print_sri(RmHashAlgorithm algorithm, const unsigned char *bytes, char *out);
extern RmHashAlgorithm rm_digest_algorithm_of_size(size_t size);

#endif /* RM_TYPES_DIGEST_PARSE_H */
