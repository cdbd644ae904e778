/*
 * range_set.c
 *		Collect ranges of versions into a pkgver_multirange.
 */
#include "postgres.h"

#include "compat.h"
#include "types/range_set.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"

/* Begin an empty set, for a function that returns pkgver_multirange. */
void
rm_range_set_begin(RmRangeSet *set, FunctionCallInfo fcinfo)
{
	set->multirange = multirange_get_typcache(fcinfo, get_func_rettype(fcinfo->flinfo->fn_oid));
	set->count = 0;
	set->capacity = 8;
	set->ranges = palloc(set->capacity * sizeof(RangeType *));
}

/* Return an end of the scheme, by its mark. */
static RmRangeEnd
make_scheme_end(RmScheme scheme, const char *mark)
{
	RmVersion version;
	RmParseError error;

	if (!rm_version_parse_bound(scheme, mark, 1, &version, &error))
		elog(ERROR, "scheme %d has no end", (int) scheme);
	return (RmRangeEnd) { rm_pkgver_make(&version, mark, 1), true };
}

/* Return the end below every version of the scheme. */
RmRangeEnd
rm_range_set_least(RmScheme scheme)
{
	return make_scheme_end(scheme, "<");
}

/* Return the end above every version of the scheme. */
RmRangeEnd
rm_range_set_greatest(RmScheme scheme)
{
	return make_scheme_end(scheme, ">");
}

/* Append a range that is there already. */
static void
append_range(RmRangeSet *set, RangeType *range)
{
	if (set->count == set->capacity)
	{
		set->capacity *= 2;
		set->ranges = repalloc(set->ranges, set->capacity * sizeof(RangeType *));
	}
	set->ranges[set->count++] = range;
}

/* Add a range; one whose ends are in the wrong order is empty. */
void
rm_range_set_add(RmRangeSet *set, RmRangeEnd lower, RmRangeEnd upper)
{
	RangeBound lower_bound = { PointerGetDatum(lower.version), false, lower.inclusive, true };
	RangeBound upper_bound = { PointerGetDatum(upper.version), false, upper.inclusive, false };

	if (rm_pkgver_compare(lower.version, upper.version) > 0)
		return;
	append_range(set, rm_compat_range_serialize(set->multirange->rngtype, &lower_bound, &upper_bound));
}

/* Add the ranges of another set. */
void
rm_range_set_add_set(RmRangeSet *set, const RmRangeSet *other)
{
	for (int i = 0; i < other->count; i++)
		append_range(set, other->ranges[i]);
}

/* Keep of the set only what the versions hold, or, negated, what they do not. */
void
rm_range_set_narrow(RmRangeSet *set, const MultirangeType *versions, bool negated)
{
	Oid oid = set->multirange->type_id;
	TypeCacheEntry *range = set->multirange->rngtype;
	RangeType **ranges;
	int count;
	MultirangeType *rest;

	multirange_deserialize(range, versions, &count, &ranges);
	if (negated && (count == 0 || set->count == 0))
		return;
	rest = negated ? multirange_minus_internal(oid, range, set->count, set->ranges, count, ranges)
				   : multirange_intersect_internal(oid, range, set->count, set->ranges, count, ranges);
	multirange_deserialize(range, rest, &set->count, &set->ranges);
	set->capacity = Max(set->count, 1);
	if (set->count == 0)
		set->ranges = palloc(sizeof(RangeType *));
}

/* Return the ranges of the set as one value. */
MultirangeType *
rm_range_set_unite(const RmRangeSet *set)
{
	return make_multirange(set->multirange->type_id, set->multirange->rngtype, set->count, set->ranges);
}

/* Return what the ranges of set hold and those of other do not. */
MultirangeType *
rm_range_set_subtract(const RmRangeSet *set, const RmRangeSet *other)
{
	TypeCacheEntry *range = set->multirange->rngtype;
	MultirangeType *minuend = rm_range_set_unite(set);
	MultirangeType *subtrahend = rm_range_set_unite(other);
	RangeType **minuend_ranges;
	RangeType **subtrahend_ranges;
	int minuend_count;
	int subtrahend_count;

	multirange_deserialize(range, minuend, &minuend_count, &minuend_ranges);
	multirange_deserialize(range, subtrahend, &subtrahend_count, &subtrahend_ranges);
	if (minuend_count == 0 || subtrahend_count == 0)
		return minuend;
	return multirange_minus_internal(set->multirange->type_id, range, minuend_count, minuend_ranges, subtrahend_count,
									 subtrahend_ranges);
}
