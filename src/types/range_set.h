/*
 * range_set.h
 *		Collect ranges of versions into a pkgver_multirange.
 */
#ifndef RM_TYPES_RANGE_SET_H
#define RM_TYPES_RANGE_SET_H

#include "postgres.h"

#include "fmgr.h"
#include "types/pkgver.h"
#include "utils/multirangetypes.h"
#include "utils/typcache.h"

/* One end of a range. */
typedef struct RmRangeEnd
{
	RmPkgver *version;
	bool inclusive;
} RmRangeEnd;

typedef struct RmRangeSet
{
	TypeCacheEntry *multirange; /* the type pkgver_multirange */
	int count;
	int capacity;
	RangeType **ranges;
} RmRangeSet;

extern void rm_range_set_begin(RmRangeSet *set, FunctionCallInfo fcinfo);
extern RmRangeEnd rm_range_set_least(RmScheme scheme);
extern RmRangeEnd rm_range_set_greatest(RmScheme scheme);
extern void rm_range_set_add(RmRangeSet *set, RmRangeEnd lower, RmRangeEnd upper);
extern void rm_range_set_add_set(RmRangeSet *set, const RmRangeSet *other);
extern void rm_range_set_narrow(RmRangeSet *set, const MultirangeType *versions, bool negated);
extern MultirangeType *rm_range_set_unite(const RmRangeSet *set);
extern MultirangeType *rm_range_set_subtract(const RmRangeSet *set, const RmRangeSet *other);

#endif /* RM_TYPES_RANGE_SET_H */
