/*
 * purl.h
 *		The type purl, for C code of other modules.
 *
 * A value is a varlena that holds the canonical text; its order is memcmp of
 * that, shorter first.
 */
#ifndef RM_TYPES_PURL_H
#define RM_TYPES_PURL_H

#include "postgres.h"

#include "fmgr.h"
#include "types/purl_parse.h"

typedef struct varlena RmPurl;

#define DatumGetPurlPP(d) ((RmPurl *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_PURL_PP(n) DatumGetPurlPP(PG_GETARG_DATUM(n))
#define PG_RETURN_PURL(x) PG_RETURN_POINTER(x)

extern void rm_purl_take_apart(const RmPurl *purl, RmPurlParts *parts);

#endif /* RM_TYPES_PURL_H */
