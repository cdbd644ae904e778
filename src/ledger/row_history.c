/*
 * row_history.c
 *		The history of one row: each change with what it led to.
 *
 * The ledger holds what was there before each change.  What a change led to is
 * what was there before the next one, or what is there now; so the changes are
 * gone through from the last one back.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/change.h"
#include "ledger/governed.h"
#include "ledger/image.h"
#include "ledger/lookup.h"
#include "ledger/rows.h"
#include "ledger/settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(rm_row_history);

#define ROW_HISTORY_NATTS 10

/* What was in a row's columns at some time, as far as that is known. */
typedef struct RowState
{
	List *pairs; /* RmOldPair */
} RowState;

/* Return what was in a column; NULL where that is not known. */
static const RmOldPair *
pair_of(const RowState *state, const RmOldPair *like)
{
	ListCell *cell;

	foreach (cell, state->pairs)
	{
		const RmOldPair *pair = lfirst(cell);

		if (pair->key_len == like->key_len && memcmp(pair->key, like->key, like->key_len) == 0)
			return pair;
	}
	return NULL;
}

/* Return the pairs of an image. */
static List *
pairs_of(const char *image, int len)
{
	List *pairs = NIL;
	RmOldReader reader;
	RmOldPair pair;

	rm_old_reader_init(&reader, image, len);
	while (rm_old_read(&reader, &pair))
	{
		RmOldPair *copy = palloc(sizeof(RmOldPair));

		*copy = pair;
		pairs = lappend(pairs, copy);
	}
	return pairs;
}

/* Put what was in some columns in the place of what was there after. */
static void
put_back(RowState *state, List *pairs)
{
	ListCell *cell;

	foreach (cell, state->pairs)
	{
		const RmOldPair *pair = lfirst(cell);
		RowState before = { .pairs = pairs };

		if (pair_of(&before, pair) != NULL)
			state->pairs = foreach_delete_current(state->pairs, cell);
	}
	state->pairs = list_concat(state->pairs, pairs);
}

/* Return an image of the row as it is in one relation; NULL if it is not there. */
static char *
image_in(Oid relid, const char *table_id, const char *key, int *len)
{
	Relation relation = table_open(relid, AccessShareLock);
	char *image = NULL;

	if (relation->rd_rel->relkind == RELKIND_RELATION)
	{
		RmGoverned *governed = rm_governed_of(relation, table_id);
		char **parts = palloc(sizeof(char *) * governed->nkeys);
		int nest_level = rm_settings_begin();
		HeapTuple tuple =
			rm_lookup_split_key(key, parts, governed->nkeys) ? rm_lookup_row(relation, governed, parts) : NULL;

		if (tuple != NULL)
			image = rm_image_of_row(governed, tuple, RelationGetDescr(relation), len);
		rm_settings_end(nest_level);
	}
	table_close(relation, AccessShareLock);
	return image;
}

/* Return what is in the row now, wherever in the tree of the table it is. */
static RowState
present_state(Oid source, const char *table_id, const char *key)
{
	List *relids = list_make1_oid(source);
	RowState state = { .pairs = NIL };

	for (int i = 0; i < list_length(relids); i++)
	{
		int len;
		char *image = image_in(list_nth_oid(relids, i), table_id, key, &len);

		if (image != NULL)
		{
			state.pairs = pairs_of(image, len);
			break;
		}
		relids = list_concat(
			relids, find_inheritance_children_extended(list_nth_oid(relids, i), false, AccessShareLock, NULL, NULL));
	}
	return state;
}

/* Push a key. */
static void
push_key(JsonbParseState **json, const char *name)
{
	JsonbValue key = { .type = jbvString };

	key.val.string.val = (char *) name;
	key.val.string.len = strlen(name);
	(void) pushJsonbValue(json, WJB_KEY, &key);
}

/* Push what a change did to a column. */
static void
push_change(JsonbParseState **json, const pg_uuid_t *table_id, const RmOldPair *old, const RmOldPair *new)
{
	const RmOldPair *any = old != NULL ? old : new;

	rm_image_push_name(json, table_id, any);
	(void) pushJsonbValue(json, WJB_BEGIN_OBJECT, NULL);
	push_key(json, "old");
	rm_image_push_value(json, old);
	push_key(json, "new");
	rm_image_push_value(json, new);
	(void) pushJsonbValue(json, WJB_END_OBJECT, NULL);
}

/* Return what the change did: {column: {old, new}}; the state is that after it, and then the one before it. */
static Datum
change_to_jsonb(const RmFoundChange *found, RowState *state)
{
	const pg_uuid_t *table_id = &found->row->name.table_id;
	bool is_deleted = found->operation == RM_DELETE;
	JsonbParseState *json = NULL;
	ListCell *cell;

	(void) pushJsonbValue(&json, WJB_BEGIN_OBJECT, NULL);
	if (found->is_redacted)
		state->pairs = NIL; /* what was there before is not known any more */
	else if (found->old != NULL)
	{
		List *pairs = pairs_of(found->old, found->old_len);

		foreach (cell, pairs)
			push_change(&json, table_id, lfirst(cell), is_deleted ? NULL : pair_of(state, lfirst(cell)));
		if (is_deleted)
			state->pairs = NIL;
		put_back(state, pairs);
	}
	else if (found->operation == RM_INSERT || found->operation == RM_BASELINE)
	{
		foreach (cell, state->pairs)
		{
			const RmOldPair *pair = lfirst(cell);

			if (pair->tag != RM_TAG_NULL)
				push_change(&json, table_id, NULL, pair);
		}
	}
	/* Whatever bore this key before was another row, and what became of it is not known unless its deletion is. */
	if (found->operation == RM_INSERT || (found->is_other && (found->to != NULL || found->from != NULL)))
		state->pairs = NIL;
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&json, WJB_END_OBJECT, NULL)));
}

/* Return whether the row was found altered when a log was opened between these times: what it was before is not known
 * then. */
static bool
is_found_altered(Oid source, const char *key, TimestampTz after, TimestampTz until)
{
	Oid types[] = { REGCLASSOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID };
	Datum args[] = { ObjectIdGetDatum(source), CStringGetTextDatum(key), TimestampTzGetDatum(after),
					 TimestampTzGetDatum(until) };
	bool found;

	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute_with_args("SELECT FROM release_mgmt.activation_finding AS f "
							  "JOIN release_mgmt.ledger_log AS g ON g.id OPERATOR(pg_catalog.=) f.log_id "
							  "WHERE g.opened_at OPERATOR(pg_catalog.>) $3 AND g.opened_at OPERATOR(pg_catalog.<=) $4 "
							  "AND f.key OPERATOR(pg_catalog.=) $2 AND f.source OPERATOR(pg_catalog.=) "
							  "(SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c "
							  "JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
							  "WHERE c.oid OPERATOR(pg_catalog.=) $1)",
							  4, types, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read what was found altered");
	found = SPI_processed > 0;
	SPI_finish();
	return found;
}

/* Put the history out. */
static void
put_history(ReturnSetInfo *result, const RmRowSearch *search, Oid source, RowState present)
{
	RowState others = { .pairs = NIL };
	TimestampTz opened_at = DT_NOEND;

	for (Size i = 0; i < search->nfound; i++)
	{
		const RmFoundChange *found = &search->found[i];
		const RmRowTransaction *transaction = found->transaction;
		const RmWantedRow *made_as = found->to != NULL ? found->to : found->under;
		TimestampTz log_opened_at = transaction->place == RM_LEAF_IN_TREE ? transaction->log_opened_at : DT_NOEND;
		Datum values[ROW_HISTORY_NATTS];
		bool nulls[ROW_HISTORY_NATTS] = { false };

		if (log_opened_at < opened_at && search->nlogs > 1 &&
			is_found_altered(source, rm_row_key_text(&found->under->name), log_opened_at, opened_at))
			present.pairs = others.pairs = NIL;
		opened_at = log_opened_at;
		nulls[0] = transaction->place != RM_LEAF_IN_TREE;
		values[0] = Int64GetDatum(transaction->log_index);
		values[1] = UUIDPGetDatum(&transaction->id);
		values[2] = Int64GetDatum(found->seq);
		values[3] = TimestampTzGetDatum(transaction->at);
		values[4] = transaction->who;
		values[5] = transaction->application;
		nulls[5] = transaction->application == (Datum) 0;
		values[6] = CStringGetTextDatum(rm_operation_name(found->operation));
		values[7] = change_to_jsonb(found, found->is_other ? &others : &present);
		nulls[8] = found->old == NULL;
		values[8] = nulls[8] ? (Datum) 0 : rm_image_to_jsonb(&found->row->name.table_id, found->old, found->old_len);
		nulls[9] = made_as == found->row;
		values[9] = CStringGetTextDatum(rm_row_key_text(&made_as->name));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * row_history(source regclass, table_id uuid, key text)
 * returns table (log_index bigint, transaction_id uuid, seq bigint,
 * at timestamptz, role text, application text, operation text, changed jsonb,
 * old jsonb, made_as text)
 */
Datum
rm_row_history(PG_FUNCTION_ARGS)
{
	Oid source = PG_GETARG_OID(0);
	Datum table_id = PG_GETARG_DATUM(1);
	Datum key = PG_GETARG_DATUM(2);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt history", ALLOCSET_DEFAULT_SIZES);
	RmRowSearch search = { .context = context };
	MemoryContext old_context;
	RowState present;
	int nest_level;

	InitMaterializedSRF(fcinfo, 0);
	old_context = MemoryContextSwitchTo(context);
	rm_row_search(&search, construct_array(&table_id, 1, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR),
				  construct_array(&key, 1, TEXTOID, -1, false, TYPALIGN_INT), NULL);
	present = present_state(source, DatumGetCString(DirectFunctionCall1(uuid_out, table_id)), TextDatumGetCString(key));
	nest_level = rm_settings_begin();
	put_history((ReturnSetInfo *) fcinfo->resultinfo, &search, source, present);
	rm_settings_end(nest_level);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return (Datum) 0;
}
