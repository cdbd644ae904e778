/*
 * pkgver.h
 *		The type pkgver, for C code of other modules.
 *
 * A value is a varlena that holds
 *
 *		1 byte		version of the key's format (RM_PKGVER_KEY_VERSION)
 *		1-2 bytes	length of the key: below 0x80 in one byte, otherwise in
 *					two, highest first, with bit 0x8000 set
 *		key			see key.h; its first byte is the scheme
 *		text		the version as written, without its scheme
 *
 * The order of values is the order of their keys (memcmp, shorter first).
 */
#ifndef RM_TYPES_PKGVER_H
#define RM_TYPES_PKGVER_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodes.h"
#include "types/version.h"

#define RM_PKGVER_KEY_VERSION 1

typedef struct varlena RmPkgver;

/* A detoasted value taken apart; points into it. */
typedef struct RmPkgverView
{
	RmScheme scheme;
	const unsigned char *key;
	size_t key_len;
	const char *text;
	size_t text_len;
} RmPkgverView;

#define DatumGetPkgverPP(d) ((RmPkgver *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_PKGVER_PP(n) DatumGetPkgverPP(PG_GETARG_DATUM(n))
#define PG_RETURN_PKGVER(x) PG_RETURN_POINTER(x)

extern RmPkgver *rm_pkgver_make(const RmVersion *version, const char *text, size_t len);
extern RmPkgver *rm_pkgver_construct(RmScheme scheme, const char *text, size_t len);
extern RmPkgverView rm_pkgver_view(const RmPkgver *pkgver);
extern int rm_pkgver_compare(const RmPkgver *a, const RmPkgver *b);
extern RmScheme rm_pkgver_require_scheme(const text *name);

#endif /* RM_TYPES_PKGVER_H */
