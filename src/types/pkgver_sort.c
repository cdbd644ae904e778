/*
 * pkgver_sort.c
 *		The type pkgver: sort support with abbreviated keys.
 *
 * The abbreviated key is a Datum that compares as an unsigned integer: the
 * scheme in 3 bits, then as many bits of the key behind the scheme as there is
 * room for.  Where two are equal, the whole keys decide.  As for text,
 * abbreviation is given up when too few distinct abbreviated keys come out of
 * the distinct values seen; a sample of the first ones tells.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "lib/hyperloglog.h"
#include "port/pg_bswap.h"
#include "types/pkgver.h"
#include "utils/sortsupport.h"

PG_FUNCTION_INFO_V1(rm_pkgver_sortsupport);

#define SCHEME_BITS 3

/* How many values the decision to give up is based on. */
#define SAMPLE 20000

/* What the conversion knows about the values it has seen. */
typedef struct AbbreviationState
{
	int64 values;
	hyperLogLogState abbreviated;
	hyperLogLogState full;
} AbbreviationState;

/* A key within a value; copy is what detoasting allocated, most often nothing. */
typedef struct SortKey
{
	const unsigned char *bytes;
	size_t len;
	RmPkgver *copy;
} SortKey;

/* Find the key of a value without taking all of it apart: this is what a sort spends its time on. */
static inline SortKey
get_key(Datum value)
{
	RmPkgver *pkgver = (RmPkgver *) DatumGetPointer(value);
	SortKey key = { NULL, 0, NULL };
	const unsigned char *at;

	if (VARATT_IS_EXTERNAL(pkgver) || VARATT_IS_COMPRESSED(pkgver))
		key.copy = pkgver = DatumGetPkgverPP(value);
	at = (const unsigned char *) VARDATA_ANY(pkgver);
	if (unlikely(at[0] != RM_PKGVER_KEY_VERSION || at[1] >= 0x80))
	{
		RmPkgverView view = rm_pkgver_view(pkgver);

		key.bytes = view.key;
		key.len = view.key_len;
		return key;
	}
	key.bytes = at + 2;
	key.len = at[1];
	return key;
}

/* Compare two values in full. */
static int
compare_full(Datum a, Datum b, SortSupport ssup)
{
	SortKey x = get_key(a);
	SortKey y = get_key(b);
	int order = memcmp(x.bytes, y.bytes, Min(x.len, y.len));

	if (order == 0)
		order = x.len < y.len ? -1 : x.len > y.len;
	if (unlikely(x.copy != NULL))
		pfree(x.copy);
	if (unlikely(y.copy != NULL))
		pfree(y.copy);
	return order;
}

/* Return the abbreviated key of a value. */
static Datum
abbreviate(Datum original, SortSupport ssup)
{
	AbbreviationState *state = ssup->ssup_extra;
	SortKey key = get_key(original);
	Datum result = 0;

	StaticAssertStmt(RM_SCHEME_LAST < 1 << SCHEME_BITS, "no room for the scheme in an abbreviated key");
	memcpy(&result, key.bytes + 1, Min(key.len - 1, sizeof(Datum)));
	result = DatumBigEndianToNative(result) >> SCHEME_BITS;
	result |= (Datum) key.bytes[0] << (8 * sizeof(Datum) - SCHEME_BITS);

	if (state->values < SAMPLE)
	{
		state->values++;
		addHyperLogLog(&state->abbreviated,
					   DatumGetUInt32(hash_uint32((uint32) ((uint64) result >> 32) ^ (uint32) result)));
		addHyperLogLog(&state->full, DatumGetUInt32(hash_any(key.bytes, key.len)));
	}
	if (unlikely(key.copy != NULL))
		pfree(key.copy);
	return result;
}

/* Tell whether abbreviation has stopped paying. */
static bool
abort_abbreviation(int memtupcount, SortSupport ssup)
{
	AbbreviationState *state = ssup->ssup_extra;

	if (memtupcount < 100 || state->values < 1000)
		return false;
	return estimateHyperLogLog(&state->abbreviated) < estimateHyperLogLog(&state->full) / 20;
}

/* pkgver_sortsupport(internal) returns void. */
Datum
rm_pkgver_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_full;
	if (ssup->abbreviate)
	{
		MemoryContext old = MemoryContextSwitchTo(ssup->ssup_cxt);
		AbbreviationState *state = palloc(sizeof(AbbreviationState));

		state->values = 0;
		initHyperLogLog(&state->abbreviated, 10);
		initHyperLogLog(&state->full, 10);
		ssup->ssup_extra = state;
		ssup->comparator = ssup_datum_unsigned_cmp;
		ssup->abbrev_converter = abbreviate;
		ssup->abbrev_abort = abort_abbreviation;
		ssup->abbrev_full_comparator = compare_full;
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_VOID();
}
