/*
 * unique.c
 *		A key names one row of a governed table, the rows of its inheritance children included.
 *
 * No index spans an inheritance tree, but the ledger knows a row by its key
 * alone.  So whoever gives a row a key looks for another row that has it, in
 * every table of the tree, after its own row is in: of two who do so at the
 * same time at least one sees the other, and waits for it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "ledger/encoding.h"
#include "ledger/governed.h"
#include "ledger/lookup.h"
#include "ledger/unique.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* Take the values of the row's key; whether one differs from the one before, if there was one. */
static bool
take_key(const RmGoverned *governed, Relation relation, HeapTuple tuple, HeapTuple before, Datum *key)
{
	TupleDesc desc = RelationGetDescr(relation);
	bool differs = before == NULL;

	for (int i = 0; i < governed->nkeys; i++)
	{
		RmColumn *column = &governed->keys[i];
		bool isnull;
		bool before_isnull;

		key[i] = heap_getattr(tuple, column->attnum, desc, &isnull);
		if (before && !differs)
		{
			Datum former = heap_getattr(before, column->attnum, desc, &before_isnull);

			differs = !rm_canonical_same_value(column, former, before_isnull, key[i], isnull);
		}
	}
	return differs;
}

/* Refuse a key that another row has. */
static void
refuse_key(const RmGoverned *governed, Relation relation, HeapTuple tuple, Oid other)
{
	TupleDesc desc = RelationGetDescr(relation);
	Datum *values = palloc(sizeof(Datum) * desc->natts);
	bool *nulls = palloc(sizeof(bool) * desc->natts);
	StringInfoData key;

	heap_deform_tuple(tuple, desc, values, nulls);
	initStringInfo(&key);
	rm_governed_append_key((RmGoverned *) governed, &key, values, nulls);
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("a governed table has a row of key \"%s\" already", rm_from_utf8(key.data, key.len)),
			 errdetail("It is in table %s; the ledger names the rows of a table and of those that inherit from it "
					   "by their keys together.",
					   quote_identifier(get_rel_name(other))),
			 errhint("Give the row another key, or remove the other one before."), errtable(relation)));
}

/*
 * Refuse the key of the row that the trigger was fired for, if it is new and
 * another row of the tree has it.
 *
 * Another trigger of the statement may have given the row another key since,
 * or removed it.  The ledger will hold that the key came and went; so no other
 * row may have it but one that got it in this transaction, which came later.
 */
void
rm_unique_check(const RmGoverned *governed, TriggerData *trigger)
{
	Relation relation = trigger->tg_relation;
	bool is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	HeapTuple tuple = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&governed->table_id)));
	Datum key[INDEX_MAX_KEYS];
	Datum present_key[INDEX_MAX_KEYS];
	HeapTuple present;
	bool is_former;
	ListCell *cell;

	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		!take_key(governed, relation, tuple, is_update ? trigger->tg_trigtuple : NULL, key))
		return;
	present = rm_lookup_present_version(relation, tuple);
	is_former = present == NULL || take_key(governed, relation, present, tuple, present_key);
	foreach (cell, find_all_inheritors(governed->source, AccessShareLock, NULL))
	{
		bool is_own = lfirst_oid(cell) == RelationGetRelid(relation);
		Relation member = table_open(lfirst_oid(cell), NoLock);
		const char *unknown;
		RmGoverned *known = rm_governed_find(member, table_id, &unknown);

		if (known && rm_lookup_is_taken(member, known, key, is_own && present ? &present->t_self : NULL, is_former))
			refuse_key(governed, relation, tuple, lfirst_oid(cell));
		table_close(member, NoLock);
	}
}
