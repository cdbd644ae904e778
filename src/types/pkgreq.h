/*
 * pkgreq.h
 *		The type pkgreq, for C code of this module and others.
 */
#ifndef RM_TYPES_PKGREQ_H
#define RM_TYPES_PKGREQ_H

#include "postgres.h"

#include "fmgr.h"
#include "types/pkgver.h"
#include "types/range_set.h"
#include "types/require.h"

typedef struct varlena RmPkgreq;

#define DatumGetPkgreqPP(d) ((RmPkgreq *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_PKGREQ_PP(n) DatumGetPkgreqPP(PG_GETARG_DATUM(n))
#define PG_RETURN_PKGREQ(x) PG_RETURN_POINTER(x)

extern bool rm_pkgreq_satisfied(const RmPkgreq *pkgreq, const RmPkgver *pkgver);
extern void rm_pkgreq_parse(const RmPkgreq *pkgreq, RmRequirement *requirement);
extern RmRangeEnd rm_pkgreq_make_end(const RmRequireBound *bound, RmRangeEnd otherwise);

#endif /* RM_TYPES_PKGREQ_H */
