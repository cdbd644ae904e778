/*
 * digest.h
 *		The type digest, for C code of other modules.
 *
 * A value is a varlena: one byte RmHashAlgorithm, then the bytes of the hash.
 * Its order is memcmp of that.
 */
#ifndef RM_TYPES_DIGEST_H
#define RM_TYPES_DIGEST_H

#include "postgres.h"

#include "fmgr.h"
#include "types/hash.h"

typedef struct varlena RmDigest;

#define DatumGetDigestPP(d) ((RmDigest *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_DIGEST_PP(n) DatumGetDigestPP(PG_GETARG_DATUM(n))
#define PG_RETURN_DIGEST(x) PG_RETURN_POINTER(x)

extern RmDigest *rm_digest_make(RmHashAlgorithm algorithm, const unsigned char *bytes);
extern RmHashAlgorithm rm_digest_algorithm(const RmDigest *digest);
extern const unsigned char *rm_digest_bytes(const RmDigest *digest);
extern RmHashAlgorithm rm_digest_require_algorithm(const text *name);
extern void rm_require_hash(bool success);

#endif /* RM_TYPES_DIGEST_H */
