/*
 * pkgver_op.c
 *		The type pkgver: order, equality, hashing, minimum and maximum.
 *
 * Two orders: by precedence (=, <), where texts that mean the same version
 * are equal; and by precedence, then text (===, ~<~), where only the same
 * text is.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "types/pkgver.h"

PG_FUNCTION_INFO_V1(rm_pkgver_lt);
PG_FUNCTION_INFO_V1(rm_pkgver_le);
PG_FUNCTION_INFO_V1(rm_pkgver_eq);
PG_FUNCTION_INFO_V1(rm_pkgver_ne);
PG_FUNCTION_INFO_V1(rm_pkgver_ge);
PG_FUNCTION_INFO_V1(rm_pkgver_gt);
PG_FUNCTION_INFO_V1(rm_pkgver_cmp);
PG_FUNCTION_INFO_V1(rm_pkgver_hash);
PG_FUNCTION_INFO_V1(rm_pkgver_hash_extended);
PG_FUNCTION_INFO_V1(rm_pkgver_smaller);
PG_FUNCTION_INFO_V1(rm_pkgver_larger);
PG_FUNCTION_INFO_V1(rm_pkgver_text_lt);
PG_FUNCTION_INFO_V1(rm_pkgver_text_le);
PG_FUNCTION_INFO_V1(rm_pkgver_text_eq);
PG_FUNCTION_INFO_V1(rm_pkgver_text_ne);
PG_FUNCTION_INFO_V1(rm_pkgver_text_ge);
PG_FUNCTION_INFO_V1(rm_pkgver_text_gt);
PG_FUNCTION_INFO_V1(rm_pkgver_text_cmp);
PG_FUNCTION_INFO_V1(rm_pkgver_text_hash);
PG_FUNCTION_INFO_V1(rm_pkgver_text_hash_extended);

/* Compare the two arguments by precedence; frees what it detoasted. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	RmPkgver *a = PG_GETARG_PKGVER_PP(0);
	RmPkgver *b = PG_GETARG_PKGVER_PP(1);
	int order = rm_pkgver_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

/* Compare the two arguments by precedence, then text; frees what it detoasted. */
static int
compare_texts(FunctionCallInfo fcinfo)
{
	RmPkgver *a = PG_GETARG_PKGVER_PP(0);
	RmPkgver *b = PG_GETARG_PKGVER_PP(1);
	int order = rm_pkgver_compare(a, b);

	if (order == 0)
	{
		RmPkgverView x = rm_pkgver_view(a);
		RmPkgverView y = rm_pkgver_view(b);

		order = memcmp(x.text, y.text, Min(x.text_len, y.text_len));
		if (order == 0)
			order = x.text_len < y.text_len ? -1 : x.text_len > y.text_len;
	}
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

Datum
rm_pkgver_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
rm_pkgver_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
rm_pkgver_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
rm_pkgver_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
rm_pkgver_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
rm_pkgver_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
rm_pkgver_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* Hash support of pkgver_ops: over the key, so that equal versions hash alike. */
Datum
rm_pkgver_hash(PG_FUNCTION_ARGS)
{
	RmPkgver *pkgver = PG_GETARG_PKGVER_PP(0);
	RmPkgverView view = rm_pkgver_view(pkgver);
	Datum hash = hash_any(view.key, view.key_len);

	PG_FREE_IF_COPY(pkgver, 0);
	return hash;
}

/* Seeded hash support of pkgver_ops. */
Datum
rm_pkgver_hash_extended(PG_FUNCTION_ARGS)
{
	RmPkgver *pkgver = PG_GETARG_PKGVER_PP(0);
	RmPkgverView view = rm_pkgver_view(pkgver);
	Datum hash = hash_any_extended(view.key, view.key_len, PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(pkgver, 0);
	return hash;
}

/* Transition function of min(pkgver); the first of equals stays. */
Datum
rm_pkgver_smaller(PG_FUNCTION_ARGS)
{
	RmPkgver *a = PG_GETARG_PKGVER_PP(0);
	RmPkgver *b = PG_GETARG_PKGVER_PP(1);

	PG_RETURN_PKGVER(rm_pkgver_compare(a, b) <= 0 ? a : b);
}

/* Transition function of max(pkgver); the first of equals stays. */
Datum
rm_pkgver_larger(PG_FUNCTION_ARGS)
{
	RmPkgver *a = PG_GETARG_PKGVER_PP(0);
	RmPkgver *b = PG_GETARG_PKGVER_PP(1);

	PG_RETURN_PKGVER(rm_pkgver_compare(a, b) >= 0 ? a : b);
}

Datum
rm_pkgver_text_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_texts(fcinfo) < 0);
}

Datum
rm_pkgver_text_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_texts(fcinfo) <= 0);
}

Datum
rm_pkgver_text_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_texts(fcinfo) == 0);
}

Datum
rm_pkgver_text_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_texts(fcinfo) != 0);
}

Datum
rm_pkgver_text_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_texts(fcinfo) >= 0);
}

Datum
rm_pkgver_text_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_texts(fcinfo) > 0);
}

Datum
rm_pkgver_text_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_texts(fcinfo));
}

/* Hash support of pkgver_text_ops: over the stored bytes, key and text. */
Datum
rm_pkgver_text_hash(PG_FUNCTION_ARGS)
{
	RmPkgver *pkgver = PG_GETARG_PKGVER_PP(0);
	Datum hash = hash_any((unsigned char *) VARDATA_ANY(pkgver), VARSIZE_ANY_EXHDR(pkgver));

	PG_FREE_IF_COPY(pkgver, 0);
	return hash;
}

/* Seeded hash support of pkgver_text_ops. */
Datum
rm_pkgver_text_hash_extended(PG_FUNCTION_ARGS)
{
	RmPkgver *pkgver = PG_GETARG_PKGVER_PP(0);
	Datum hash =
		hash_any_extended((unsigned char *) VARDATA_ANY(pkgver), VARSIZE_ANY_EXHDR(pkgver), PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(pkgver, 0);
	return hash;
}
