/*
 * pkgver_range.c
 *		Ranges of versions: PostgreSQL's own range type over pkgver.
 *
 * A range belongs to one scheme: an open end reaches the end of its scheme,
 * not the versions of another that happen to sort beyond.
 */
#include "postgres.h"

#include "compat.h"
#include "types/pkgver.h"
#include "utils/fmgrprotos.h"
#include "utils/rangetypes.h"

PG_FUNCTION_INFO_V1(rm_pkgver_range_canonical);
PG_FUNCTION_INFO_V1(rm_pkgver_diff);
PG_FUNCTION_INFO_V1(rm_pkgver_range_construct2);
PG_FUNCTION_INFO_V1(rm_pkgver_range_construct3);

/* Make the bound the least ("<") or greatest (">") point of the other bound's scheme. */
static void
close_bound(RangeBound *bound, const RangeBound *other, const char *mark)
{
	RmScheme scheme = rm_pkgver_view(DatumGetPkgverPP(other->val)).scheme;
	RmVersion version;
	RmParseError error;

	if (!rm_version_parse_bound(scheme, mark, 1, &version, &error))
		elog(ERROR, "scheme %d has no end", (int) scheme);
	bound->val = PointerGetDatum(rm_pkgver_make(&version, mark, 1));
	bound->infinite = false;
	bound->inclusive = true;
}

/*
 * pkgver_range_canonical(pkgver_range) returns pkgver_range.
 *
 * Replaces one open end by the end of the other's scheme.  Never raises:
 * GiST calls it with bounds of any two rows.
 */
Datum
rm_pkgver_range_canonical(PG_FUNCTION_ARGS)
{
	RangeType *range = PG_GETARG_RANGE_P(0);
	TypeCacheEntry *typcache = range_get_typcache(fcinfo, RangeTypeGetOid(range));
	RangeBound lower;
	RangeBound upper;
	bool empty;

	range_deserialize(typcache, range, &lower, &upper, &empty);
	if (empty || lower.infinite == upper.infinite)
		PG_RETURN_RANGE_P(range);

	if (lower.infinite)
		close_bound(&lower, &upper, "<");
	else
		close_bound(&upper, &lower, ">");
	PG_RETURN_RANGE_P(rm_compat_range_serialize(typcache, &lower, &upper));
}

/* Return a number that grows with the key: its first eight bytes. */
static float8
weigh_key(const RmPkgver *pkgver)
{
	RmPkgverView view = rm_pkgver_view(pkgver);
	uint64 weight = 0;

	for (size_t i = 0; i < 8; i++)
		weight = weight << 8 | (i < view.key_len ? view.key[i] : 0);
	return (float8) weight;
}

/* pkgver_diff(pkgver, pkgver) returns float8: a distance for GiST, of no unit. */
Datum
rm_pkgver_diff(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(weigh_key(PG_GETARG_PKGVER_PP(0)) - weigh_key(PG_GETARG_PKGVER_PP(1)));
}

/* Refuse two bounds of different schemes. */
static void
require_one_scheme(FunctionCallInfo fcinfo)
{
	RmScheme lower;
	RmScheme upper;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return;
	lower = rm_pkgver_view(PG_GETARG_PKGVER_PP(0)).scheme;
	upper = rm_pkgver_view(PG_GETARG_PKGVER_PP(1)).scheme;
	if (lower != upper)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("a range can not reach from scheme %s to scheme %s", rm_scheme_name(lower),
							   rm_scheme_name(upper)),
						errhint("Give both bounds in one scheme, or collect ranges in a pkgver_multirange.")));
}

/* pkgver_range(lower pkgver, upper pkgver) returns pkgver_range. */
Datum
rm_pkgver_range_construct2(PG_FUNCTION_ARGS)
{
	require_one_scheme(fcinfo);
	return range_constructor2(fcinfo);
}

/* pkgver_range(lower pkgver, upper pkgver, bounds text) returns pkgver_range. */
Datum
rm_pkgver_range_construct3(PG_FUNCTION_ARGS)
{
	require_one_scheme(fcinfo);
	return range_constructor3(fcinfo);
}
