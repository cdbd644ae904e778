/*
 * pkgreq_op.c
 *		The type pkgreq: order, equality and hashing, by scheme and text as written.
 *
 * Two texts that admit the same versions are two requirements.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "types/pkgreq.h"

PG_FUNCTION_INFO_V1(rm_pkgreq_lt);
PG_FUNCTION_INFO_V1(rm_pkgreq_le);
PG_FUNCTION_INFO_V1(rm_pkgreq_eq);
PG_FUNCTION_INFO_V1(rm_pkgreq_ne);
PG_FUNCTION_INFO_V1(rm_pkgreq_ge);
PG_FUNCTION_INFO_V1(rm_pkgreq_gt);
PG_FUNCTION_INFO_V1(rm_pkgreq_cmp);
PG_FUNCTION_INFO_V1(rm_pkgreq_hash);
PG_FUNCTION_INFO_V1(rm_pkgreq_hash_extended);

/* Compare the two arguments; frees what it detoasted. */
static int
compare_pkgreqs(FunctionCallInfo fcinfo)
{
	RmPkgreq *a = PG_GETARG_PKGREQ_PP(0);
	RmPkgreq *b = PG_GETARG_PKGREQ_PP(1);
	size_t x = VARSIZE_ANY_EXHDR(a);
	size_t y = VARSIZE_ANY_EXHDR(b);
	int order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(x, y));

	if (order == 0)
		order = x < y ? -1 : x > y;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

Datum
rm_pkgreq_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_pkgreqs(fcinfo) < 0);
}

Datum
rm_pkgreq_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_pkgreqs(fcinfo) <= 0);
}

Datum
rm_pkgreq_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_pkgreqs(fcinfo) == 0);
}

Datum
rm_pkgreq_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_pkgreqs(fcinfo) != 0);
}

Datum
rm_pkgreq_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_pkgreqs(fcinfo) >= 0);
}

Datum
rm_pkgreq_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_pkgreqs(fcinfo) > 0);
}

Datum
rm_pkgreq_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_pkgreqs(fcinfo));
}

/* Hash support of the operator class. */
Datum
rm_pkgreq_hash(PG_FUNCTION_ARGS)
{
	RmPkgreq *pkgreq = PG_GETARG_PKGREQ_PP(0);
	Datum hash = hash_any((unsigned char *) VARDATA_ANY(pkgreq), VARSIZE_ANY_EXHDR(pkgreq));

	PG_FREE_IF_COPY(pkgreq, 0);
	return hash;
}

/* Seeded hash support of the operator class. */
Datum
rm_pkgreq_hash_extended(PG_FUNCTION_ARGS)
{
	RmPkgreq *pkgreq = PG_GETARG_PKGREQ_PP(0);
	Datum hash =
		hash_any_extended((unsigned char *) VARDATA_ANY(pkgreq), VARSIZE_ANY_EXHDR(pkgreq), PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(pkgreq, 0);
	return hash;
}
