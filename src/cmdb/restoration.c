/*
 * restoration.c
 *		What a back-out that is running restores: the guard permits exactly that.
 *
 * It stands in memory and nowhere else while rows are restored; what is kept is
 * the permit that the guard records of each.  It goes with the subtransaction
 * that rolls back, and belongs to the level below when that commits.  A trigger
 * of the customer's may back out another release meanwhile: the last one to
 * begin is the first to end.
 */
#include "postgres.h"

#include "cmdb/restoration.h"

#include "cmdb/asked.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "errcodes.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* What is restored, by name. */
typedef struct ChangeName
{
	const char *label;
	const char *operation;
	const char *attribute; /* "": the item as such */
} ChangeName;

typedef struct Entry
{
	ChangeName name; /* hash key */
	RmRestoration restoration;
} Entry;

/* A back-out. */
typedef struct BackOut
{
	struct BackOut *below;
	HTAB *entries;
	MemoryContext context;
} BackOut;

static BackOut *top = NULL;

PG_FUNCTION_INFO_V1(rm_begin_restoration);
PG_FUNCTION_INFO_V1(rm_end_restoration);
PG_FUNCTION_INFO_V1(rm_restored_by_back_out);

/* Hash a name. */
static uint32
hash_name(const void *key, Size size)
{
	const ChangeName *name = key;

	return hash_combine(hash_bytes((const unsigned char *) name->label, strlen(name->label)),
						hash_bytes((const unsigned char *) name->attribute, strlen(name->attribute)));
}

/* Compare two names, as dynahash wants it. */
static int
match_name(const void *a, const void *b, Size size)
{
	const ChangeName *one = a;
	const ChangeName *other = b;

	return strcmp(one->label, other->label) != 0 || strcmp(one->attribute, other->attribute) != 0 ||
		   strcmp(one->operation, other->operation) != 0;
}

/* Forget a back-out, whose memory goes. */
static void
forget(void *argument)
{
	top = ((BackOut *) argument)->below;
}

/* Begin a back-out that restores so many things. */
static BackOut *
begin(int count)
{
	MemoryContext context =
		AllocSetContextCreate(CurTransactionContext, "release_mgmt restorations", ALLOCSET_DEFAULT_SIZES);
	HASHCTL control = { .keysize = sizeof(ChangeName),
						.entrysize = sizeof(Entry),
						.hash = hash_name,
						.match = match_name,
						.hcxt = context };
	BackOut *back_out = MemoryContextAllocZero(context, sizeof(BackOut));
	MemoryContextCallback *callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	back_out->context = context;
	back_out->entries =
		hash_create("restorations", Max(count, 16), &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	back_out->below = top;
	callback->func = forget;
	callback->arg = back_out;
	MemoryContextRegisterResetCallback(context, callback);
	top = back_out;
	return back_out;
}

/* Return the name that the columns give at a place. */
static ChangeName
name_at(const RmAsked *asked, int n)
{
	bool is_item = asked->nulls[RM_ASKED_ATTRIBUTE][n];

	return (ChangeName) { .label = TextDatumGetCString(asked->values[RM_ASKED_CI][n]),
						  .operation = TextDatumGetCString(asked->values[RM_ASKED_OPERATION][n]),
						  .attribute = is_item ? "" : TextDatumGetCString(asked->values[RM_ASKED_ATTRIBUTE][n]) };
}

/*
 * begin_restoration(back_out uuid, item_ids uuid[], ci text[],
 *					 operation text[], attribute text[], old_value text[],
 *					 new_value text[]) returns void
 */
Datum
rm_begin_restoration(PG_FUNCTION_ARGS)
{
	RmAsked asked;
	BackOut *back_out;
	MemoryContext old_context;
	Datum *ids;
	int count;

	rm_asked_read(fcinfo, 2, &asked);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, NULL, &count);
	if (count != asked.count)
		elog(ERROR, "%d restorations of %d items", asked.count, count);
	back_out = begin(count);
	old_context = MemoryContextSwitchTo(back_out->context);
	for (int n = 0; n < count; n++)
	{
		ChangeName name = name_at(&asked, n);
		Entry *entry = hash_search(back_out->entries, &name, HASH_ENTER, NULL);
		RmRestoration *restoration = &entry->restoration;

		restoration->back_out = *PG_GETARG_UUID_P(0);
		restoration->ci_id = *DatumGetUUIDP(ids[n]);
		restoration->old_null = asked.nulls[RM_ASKED_OLD_VALUE][n];
		restoration->new_null = asked.nulls[RM_ASKED_NEW_VALUE][n];
		restoration->old_value =
			restoration->old_null ? (Datum) 0 : datumCopy(asked.values[RM_ASKED_OLD_VALUE][n], false, -1);
		restoration->new_value =
			restoration->new_null ? (Datum) 0 : datumCopy(asked.values[RM_ASKED_NEW_VALUE][n], false, -1);
	}
	MemoryContextSwitchTo(old_context);
	PG_RETURN_VOID();
}

/* end_restoration() returns void. */
Datum
rm_end_restoration(PG_FUNCTION_ARGS)
{
	if (top == NULL)
		elog(ERROR, "no back-out is running");
	MemoryContextDelete(top->context);
	PG_RETURN_VOID();
}

/* Return what a running back-out restores by that name, NULL if it is none of it; attribute NULL: the item as such. */
const RmRestoration *
rm_restoration_find(const char *label, const char *operation, const char *attribute)
{
	ChangeName name = { label, operation, attribute == NULL ? "" : attribute };

	for (BackOut *back_out = top; back_out != NULL; back_out = back_out->below)
	{
		Entry *entry = hash_search(back_out->entries, &name, HASH_FIND, NULL);

		if (entry != NULL)
			return &entry->restoration;
	}
	return NULL;
}

/* Return whether a value is the one stated. */
static bool
is_stated(Datum value, bool is_null, Datum stated, bool stated_null)
{
	if (is_null || stated_null)
		return is_null == stated_null;
	return DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, value, stated));
}

/* Refuse: somebody changed what is restored between the plan of the back-out and now. */
static void
refuse_overtaken(const ChangeName *name, const RmAsked *asked, int n, const RmRestoration *stated)
{
	const char *present = asked->nulls[RM_ASKED_OLD_VALUE][n]
							  ? "NULL"
							  : quote_literal_cstr(TextDatumGetCString(asked->values[RM_ASKED_OLD_VALUE][n]));
	const char *planned = stated->old_null ? "NULL" : quote_literal_cstr(TextDatumGetCString(stated->old_value));

	ereport(ERROR,
			(errcode(ERRCODE_RM_BACK_OUT_CONFLICT),
			 errmsg("configuration item \"%s\" was changed while the back-out was under way", name->label),
			 errdetail("%s %s: is %s, the release left it as %s.", name->label, name->attribute, present, planned),
			 errhint("Nothing was restored. Ask for the back-out again: it tells every conflict.")));
}

/*
 * restored_by_back_out(ci text[], operation text[], attribute text[],
 *						old_value text[], new_value text[]) returns uuid[]
 */
Datum
rm_restored_by_back_out(PG_FUNCTION_ARGS)
{
	RmAsked asked;
	const pg_uuid_t **answers;

	if (top == NULL)
		PG_RETURN_NULL();
	rm_asked_read(fcinfo, 0, &asked);
	answers = palloc0(sizeof(pg_uuid_t *) * Max(asked.count, 1));
	for (int n = 0; n < asked.count; n++)
	{
		ChangeName name = name_at(&asked, n);
		const RmRestoration *found = rm_restoration_find(name.label, name.operation, name.attribute);

		if (found == NULL || !is_stated(asked.values[RM_ASKED_NEW_VALUE][n], asked.nulls[RM_ASKED_NEW_VALUE][n],
										found->new_value, found->new_null))
			continue;
		if (!is_stated(asked.values[RM_ASKED_OLD_VALUE][n], asked.nulls[RM_ASKED_OLD_VALUE][n], found->old_value,
					   found->old_null))
			refuse_overtaken(&name, &asked, n, found);
		answers[n] = &found->back_out;
	}
	PG_RETURN_DATUM(rm_asked_answer(answers, asked.count));
}
