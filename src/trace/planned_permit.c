/*
 * planned_permit.c
 *		The check planned_by_release: does a release plan this change, and may it do it now?
 *
 * The guard asks it about each column that a statement changes on a bound
 * table: about one, where an application changes one item at a time, and about
 * thousands, where a release is installed.  So planned changes are looked up by
 * their index, without a query; what a release may do on a target is asked
 * once for each pair of them, unless the session remembers.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "cmdb/asked.h"
#include "cmdb/permit.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/index_lookup.h"
#include "ledger/ledger.h"
#include "ledger/pending.h"
#include "miscadmin.h"
#include "release/planned_columns.h"
#include "trace/allowance.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"

/* The attribute number in rehearsal. */
#define REHEARSAL_RELEASE_ID 2

/* A release and one of its targets. */
typedef struct PlaceName
{
	pg_uuid_t release;
	const char *target;
} PlaceName;

/* What the release may do there, asked once. */
typedef struct Place
{
	PlaceName name; /* hash key */
	bool is_allowed;
} Place;

/* One call of the check. */
typedef struct Asking
{
	RmAsked asked;
	bool names_release; /* the session says for which release it works */
	bool has_named;     /* and there is one of that name */
	pg_uuid_t named;
	bool is_rehearsal; /* a dry run is under way */
	pg_uuid_t rehearsed;
	RmIndexLookup planned;
	bool has_creations; /* is the next one open? */
	RmIndexLookup creations;
	HTAB *places; /* of Place */
} Asking;

PG_FUNCTION_INFO_V1(rm_planned_by_release);

/* Find the release with that code. */
static bool
find_release(const char *code, pg_uuid_t *id)
{
	static SPIPlanPtr plan = NULL;
	Datum argument = CStringGetTextDatum(code);
	bool isnull;

	if (plan == NULL)
	{
		Oid type = TEXTOID;

		plan =
			rm_keep_plan("SELECT r.id FROM release_mgmt.release AS r WHERE r.code OPERATOR(pg_catalog.=) $1", 1, &type);
	}
	if (SPI_execute_plan(plan, &argument, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a release");
	if (SPI_processed != 1)
		return false;
	*id = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}

/* Find the release that a dry run applies in this transaction. */
static bool
find_rehearsed(pg_uuid_t *id)
{
	RmIndexLookup rehearsals;
	ScanKeyData key;
	bool found;
	bool isnull;

	rm_index_lookup_open(&rehearsals, "rehearsal", "rehearsal_pkey", 1, GetActiveSnapshot());
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(rm_ledger_current_transaction()));
	index_rescan(rehearsals.scan, &key, 1, NULL, 0);
	found = rm_scan_next(rehearsals.scan, rehearsals.slot);
	if (found)
		*id = *DatumGetUUIDP(slot_getattr(rehearsals.slot, REHEARSAL_RELEASE_ID, &isnull));
	rm_index_lookup_close(&rehearsals);
	return found;
}

/* Find out for which release the session works, and which one a dry run applies. */
static void
know_session(Asking *asking)
{
	const char *name = GetConfigOption("release_mgmt.release", true, false);

	asking->names_release = name != NULL && *name != '\0';
	if (asking->names_release)
		asking->has_named = find_release(name, &asking->named);
	asking->is_rehearsal = find_rehearsed(&asking->rehearsed);
}

/* Hash a place's name. */
static uint32
hash_place(const void *key, Size size)
{
	const PlaceName *name = key;

	return hash_combine(hash_bytes((const unsigned char *) &name->release, UUID_LEN),
						hash_bytes((const unsigned char *) name->target, strlen(name->target)));
}

/* Compare two, as dynahash wants it. */
static int
match_place(const void *a, const void *b, Size size)
{
	const PlaceName *one = a;
	const PlaceName *other = b;

	return memcmp(&one->release, &other->release, UUID_LEN) != 0 || strcmp(one->target, other->target) != 0;
}

/* Begin with no place known. */
static void
begin_places(Asking *asking)
{
	HASHCTL control = { .keysize = sizeof(PlaceName),
						.entrysize = sizeof(Place),
						.hash = hash_place,
						.match = match_place,
						.hcxt = CurrentMemoryContext };

	asking->places = hash_create("places", 16, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* May the release change what it plans for the target? A dry run changes all of it at any time. */
static bool
is_allowed(Asking *asking, const pg_uuid_t *release, Datum target)
{
	PlaceName name = { .release = *release, .target = TextDatumGetCString(target) };
	Place *place;
	bool found;

	if (asking->is_rehearsal && memcmp(&asking->rehearsed, release, UUID_LEN) == 0)
		return true;
	place = hash_search(asking->places, &name, HASH_ENTER, &found);
	if (!found)
		place->is_allowed = rm_allowance_is_known(release, name.target) || rm_allowance_ask(release, name.target);
	return place->is_allowed;
}

/* Are two texts, either of which may be NULL, the same? */
static bool
is_same_text(Datum a, bool a_null, Datum b, bool b_null)
{
	if (a_null || b_null)
		return a_null && b_null;
	return DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a, b));
}

/* Is a planned value the one in that column, by its text or as the attribute's type reads it? */
static bool
is_same_value(const RmAsked *asked, int n, RmAskedColumn column, Datum planned, bool planned_null)
{
	static SPIPlanPtr plan = NULL;
	Datum args[4] = { asked->values[RM_ASKED_CI][n], asked->values[RM_ASKED_ATTRIBUTE][n], planned,
					  asked->values[column][n] };
	bool isnull;

	if (is_same_text(planned, planned_null, asked->values[column][n], asked->nulls[column][n]))
		return true;
	if (planned_null || asked->nulls[column][n])
		return false;
	if (plan == NULL)
	{
		Oid types[4] = { TEXTOID, TEXTOID, TEXTOID, TEXTOID };

		plan = rm_keep_plan("SELECT release_mgmt_internal.same_value($1, $2, $3, $4)", 4, types);
	}
	if (SPI_execute_plan(plan, args, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not compare values");
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) && !isnull;
}

/* May an item be created without the attribute being asked about, as one of its key, or one that is exempt? */
static bool
is_never_asked(Datum ci, Datum attribute)
{
	static SPIPlanPtr plan = NULL;
	Datum args[2] = { ci, attribute };
	bool isnull;

	if (plan == NULL)
	{
		Oid types[2] = { TEXTOID, TEXTOID };

		plan = rm_keep_plan("SELECT $2 OPERATOR(pg_catalog.=) ANY (c.key_columns OPERATOR(pg_catalog.||) c.exempt) "
							"FROM release_mgmt.ci_class AS c "
							"WHERE c.name OPERATOR(pg_catalog.=) pg_catalog.split_part($1, '/', 1)",
							2, types);
	}
	if (SPI_execute_plan(plan, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a class");
	return SPI_processed == 1 &&
		   DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) && !isnull;
}

/* Is the planned attribute in the slot what the item gets, which is asked about at n and behind? */
static bool
is_given(const RmAsked *asked, int n, TupleTableSlot *row)
{
	for (int i = n + 1; i < asked->count && !asked->nulls[RM_ASKED_ATTRIBUTE][i] &&
						is_same_text(asked->values[RM_ASKED_CI][i], false, asked->values[RM_ASKED_CI][n], false);
		 i++)
	{
		if (is_same_text(row->tts_values[PLANNED_ATTRIBUTE - 1], false, asked->values[RM_ASKED_ATTRIBUTE][i], false))
			return is_same_value(asked, i, RM_ASKED_NEW_VALUE, row->tts_values[PLANNED_NEW_VALUE - 1],
								 row->tts_isnull[PLANNED_NEW_VALUE - 1]);
	}
	return row->tts_isnull[PLANNED_NEW_VALUE - 1] ||
		   is_never_asked(asked->values[RM_ASKED_CI][n], row->tts_values[PLANNED_ATTRIBUTE - 1]);
}

/* Does the item that is created get every value that the release plans for it? */
static bool
is_created_as_planned(Asking *asking, int n, const pg_uuid_t *release)
{
	RmIndexLookup *creations = &asking->creations;
	ScanKeyData key;
	bool is_as_planned = true;

	if (!asking->has_creations)
		rm_index_lookup_open(creations, "planned_ci_change", "planned_ci_change_ci_idx", 1, GetActiveSnapshot());
	asking->has_creations = true;
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, creations->index->rd_indcollation[0],
						   F_TEXTEQ, asking->asked.values[RM_ASKED_CI][n]);
	index_rescan(creations->scan, &key, 1, NULL, 0);
	while (is_as_planned && rm_scan_next(creations->scan, creations->slot))
	{
		slot_getallattrs(creations->slot);
		if (memcmp(DatumGetUUIDP(creations->slot->tts_values[PLANNED_RELEASE_ID - 1]), release, UUID_LEN) == 0)
			is_as_planned = is_given(&asking->asked, n, creations->slot);
	}
	return is_as_planned;
}

/* Does the planned change in the slot permit what is asked? */
static bool
is_permit(Asking *asking, int n, TupleTableSlot *row)
{
	const RmAsked *asked = &asking->asked;
	bool is_item = asked->nulls[RM_ASKED_ATTRIBUTE][n];
	const pg_uuid_t *release;
	char *operation;

	slot_getallattrs(row);
	release = DatumGetUUIDP(row->tts_values[PLANNED_RELEASE_ID - 1]);
	operation = TextDatumGetCString(row->tts_values[PLANNED_OPERATION - 1]);
	if (!is_same_text(row->tts_values[PLANNED_OPERATION - 1], false, asked->values[RM_ASKED_OPERATION][n], false) ||
		(asking->names_release && (!asking->has_named || memcmp(&asking->named, release, UUID_LEN) != 0)))
		return false;
	if (!is_item &&
		(!is_same_text(row->tts_values[PLANNED_ATTRIBUTE - 1], false, asked->values[RM_ASKED_ATTRIBUTE][n], false) ||
		 !is_same_value(asked, n, RM_ASKED_NEW_VALUE, row->tts_values[PLANNED_NEW_VALUE - 1],
						row->tts_isnull[PLANNED_NEW_VALUE - 1]) ||
		 (strcmp(operation, "change") == 0 &&
		  !is_same_value(asked, n, RM_ASKED_OLD_VALUE, row->tts_values[PLANNED_OLD_VALUE - 1],
						 row->tts_isnull[PLANNED_OLD_VALUE - 1]))))
		return false;
	if (is_item && strcmp(operation, "create") == 0 && !is_created_as_planned(asking, n, release))
		return false;
	/* An item is retired out of the table that the plan found it in. */
	if (is_item && strcmp(operation, "retire") == 0 &&
		!is_same_text(row->tts_values[PLANNED_OLD_VALUE - 1], row->tts_isnull[PLANNED_OLD_VALUE - 1],
					  asked->values[RM_ASKED_OLD_VALUE][n], asked->nulls[RM_ASKED_OLD_VALUE][n]))
		return false;
	return is_allowed(asking, release, row->tts_values[PLANNED_TARGET - 1]);
}

/* Return the planned change that permits what is asked, the first one by its id; NULL where none does. */
static const pg_uuid_t *
find_permit(Asking *asking, int n)
{
	RmIndexLookup *planned = &asking->planned;
	pg_uuid_t *permit = NULL;
	ScanKeyData key;

	/* The index has the one column. */
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, planned->index->rd_indcollation[0], F_TEXTEQ,
						   asking->asked.values[RM_ASKED_CI][n]);
	index_rescan(planned->scan, &key, 1, NULL, 0);
	while (rm_scan_next(planned->scan, planned->slot))
	{
		bool isnull;
		const pg_uuid_t *id = DatumGetUUIDP(slot_getattr(planned->slot, PLANNED_ID, &isnull));

		if ((permit != NULL && memcmp(permit, id, UUID_LEN) < 0) || !is_permit(asking, n, planned->slot))
			continue;
		if (permit == NULL)
			permit = palloc(sizeof(pg_uuid_t));
		*permit = *id;
	}
	return permit;
}

/*
 * planned_by_release(ci text[], operation text[], attribute text[],
 *					  old_value text[], new_value text[]) returns uuid[]
 */
Datum
rm_planned_by_release(PG_FUNCTION_ARGS)
{
	Asking asking = { 0 };
	MemoryContext caller = CurrentMemoryContext;
	const pg_uuid_t **answers;
	Datum result;

	rm_asked_read(fcinfo, 0, &asking.asked);
	answers = palloc0(sizeof(pg_uuid_t *) * Max(asking.asked.count, 1));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	know_session(&asking);
	begin_places(&asking);
	rm_index_lookup_open(&asking.planned, "planned_ci_change", "planned_ci_change_ci_idx", 1, GetActiveSnapshot());
	for (int n = 0; n < asking.asked.count; n++)
	{
		CHECK_FOR_INTERRUPTS();
		answers[n] = find_permit(&asking, n);
	}
	rm_index_lookup_close(&asking.planned);
	if (asking.has_creations)
		rm_index_lookup_close(&asking.creations);
	MemoryContextSwitchTo(caller);
	result = rm_asked_answer(answers, asking.asked.count);
	SPI_finish();
	PG_RETURN_DATUM(result);
}
