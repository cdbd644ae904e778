/*
 * lookup.c
 *		A row of a governed table found by its key's text.
 *
 * Without a query: one would be parsed with the rights of whoever asks, and
 * would check the constraints of a domain, which are its owner's code.
 * Comparing may call an operator of the owner's, so that it is done as owner
 * and in a restricted operation.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "ledger/bad_data.h"
#include "ledger/lookup.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* Split a text key into so many values; false where it holds more or fewer. */
bool
rm_lookup_split_key(const char *key, char **parts, int count)
{
	StringInfoData part;
	int found = 0;

	initStringInfo(&part);
	for (const char *p = key;; p++)
	{
		if (*p == ':' || *p == '\0')
		{
			if (found == count)
				return false;
			parts[found++] = pstrdup(part.data);
			resetStringInfo(&part);
			if (*p == '\0')
				return found == count;
			continue;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
		appendStringInfoCharMacro(&part, *p);
	}
}

/* A value that is made from text. */
typedef struct TextInput
{
	Oid function;
	Oid io_parameter;
	int32 typmod;
	char *text;
	Datum value;
} TextInput;

/* Make the value. */
static void
read_text(void *argument)
{
	TextInput *input = argument;

	input->value = OidInputFunctionCall(input->function, input->text, input->io_parameter, input->typmod);
}

/*
 * Make a value of the attribute's type from text, without a domain's
 * constraints; false where the text is none of the type's, as that of a key
 * from before a migration may be.  In parallel mode the error is the query's.
 */
static bool
value_of_text(Form_pg_attribute attribute, char *text, Datum *value)
{
	TextInput input = { .text = text, .typmod = attribute->atttypmod };
	bool is_value = true;

	getTypeInputInfo(getBaseTypeAndTypmod(attribute->atttypid, &input.typmod), &input.function, &input.io_parameter);
	if (IsInParallelMode())
		read_text(&input);
	else
		is_value = rm_data_is_good(read_text, &input);
	*value = input.value;
	return is_value;
}

/* Return the position of the attribute among the index's key columns; -1 if it is none of them. */
static int
position_in_index(Relation index, AttrNumber attnum)
{
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		if (index->rd_index->indkey.values[i] == attnum)
			return i;
	}
	return -1;
}

/* Return whether the index is the one over the key's columns, all of them and no others. */
static bool
is_index_of_key(Relation index, const RmGoverned *governed)
{
	if (!index->rd_index->indisunique || !index->rd_index->indisvalid || index->rd_rel->relam != BTREE_AM_OID ||
		index->rd_index->indnkeyatts != governed->nkeys || RelationGetIndexPredicate(index) != NIL)
		return false;
	for (int i = 0; i < governed->nkeys; i++)
	{
		if (position_in_index(index, governed->keys[i].attnum) < 0)
			return false;
	}
	return true;
}

/* Open the unique index over the key's columns; NULL if the relation has none, as inheritance children may. */
static Relation
open_key_index(Relation relation, const RmGoverned *governed)
{
	List *indexes = RelationGetIndexList(relation);
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_index_of_key(index, governed))
			return index;
		index_close(index, AccessShareLock);
	}
	return NULL;
}

/* Return the function by which the index, or the type where there is none, compares the attribute. */
static Oid
equality_of(Relation index, Form_pg_attribute attribute)
{
	int position = index ? position_in_index(index, attribute->attnum) : -1;
	Oid operator;

	if (position >= 0)
		operator= get_opfamily_member(index->rd_opfamily[position], index->rd_opcintype[position],
									  index->rd_opcintype[position], BTEqualStrategyNumber);
	else
		operator= lookup_type_cache(getBaseType(attribute->atttypid), TYPECACHE_EQ_OPR)->eq_opr;
	return get_opcode(operator);
}

/* Fill in scan keys for the values of the key's columns, in the order of the index's, which may be another one. */
static void
init_scan_keys(ScanKeyData *keys, Relation relation, Relation index, const RmGoverned *governed, const Datum *values)
{
	for (int i = 0; i < governed->nkeys; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), governed->keys[i].attnum - 1);

		ScanKeyEntryInitialize(&keys[index ? position_in_index(index, attribute->attnum) : i], 0, attribute->attnum,
							   BTEqualStrategyNumber, InvalidOid, attribute->attcollation,
							   equality_of(index, attribute), values[i]);
	}
}

/* Return a copy of the row with that key; NULL if the relation has none. */
static HeapTuple
find_row(Relation relation, const RmGoverned *governed, char **key_values)
{
	Relation index = open_key_index(relation, governed);
	ScanKeyData keys[INDEX_MAX_KEYS];
	Datum values[INDEX_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple tuple;

	for (int i = 0; i < governed->nkeys; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), governed->keys[i].attnum - 1);

		if (!value_of_text(attribute, key_values[i], &values[i]))
		{
			if (index)
				index_close(index, AccessShareLock);
			return NULL;
		}
	}
	init_scan_keys(keys, relation, index, governed, values);
	scan = systable_beginscan(relation, index ? RelationGetRelid(index) : InvalidOid, index != NULL,
							  GetActiveSnapshot(), governed->nkeys, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	if (index)
		index_close(index, AccessShareLock);
	return tuple;
}

/* Return whether the row is another one: not the own, nor where so asked one that this transaction has made. */
static bool
is_other(HeapTuple tuple, ItemPointer own, bool but_made_here)
{
	return !(own && ItemPointerEquals(own, &tuple->t_self)) &&
		   !(but_made_here && TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)));
}

/*
 * Return a transaction that must end before it is known whether another row
 * of the relation has the key; InvalidTransactionId where it is known, in
 * *taken.
 */
static TransactionId
look_for_other(Relation relation, Relation index, const RmGoverned *governed, ScanKeyData *keys, ItemPointer own,
			   bool but_made_here, bool *taken)
{
	TransactionId wait_for = InvalidTransactionId;
	SnapshotData dirty;
	SysScanDesc scan;
	HeapTuple tuple;

	*taken = false;
	InitDirtySnapshot(dirty);
	scan = systable_beginscan(relation, index ? RelationGetRelid(index) : InvalidOid, index != NULL, &dirty,
							  governed->nkeys, keys);
	while (!*taken && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (!is_other(tuple, own, but_made_here))
			continue;
		wait_for = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		*taken = true;
	}
	systable_endscan(scan);
	return wait_for;
}

/* Return whether this transaction has removed the row, or put another version in its place. */
static bool
is_removed_here(HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;

	return !(header->t_infomask & HEAP_XMAX_INVALID) && !HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask) &&
		   TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(header));
}

/*
 * Return a copy of the row as it is now in this transaction, which gave it the
 * version given; NULL where it has removed it since.
 */
HeapTuple
rm_lookup_present_version(Relation relation, HeapTuple version)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	ItemPointerData tid = version->t_self;
	HeapTuple present = NULL;

	while (table_tuple_fetch_row_version(relation, &tid, SnapshotAny, slot))
	{
		HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, NULL);

		if (!is_removed_here(tuple))
		{
			present = heap_copytuple(tuple);
			present->t_self = tid;
			break;
		}
		if (ItemPointerEquals(&tid, &tuple->t_data->t_ctid))
			break;
		tid = tuple->t_data->t_ctid;
	}
	ExecDropSingleTupleTableSlot(slot);
	return present;
}

/* Return whether a committed row of the relation, other than the own one, has the key. */
static bool
has_committed_row(Relation relation, Relation index, const RmGoverned *governed, ScanKeyData *keys, ItemPointer own,
				  bool but_made_here)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(relation, index ? RelationGetRelid(index) : InvalidOid, index != NULL,
										  snapshot, governed->nkeys, keys);
	bool found = false;
	HeapTuple tuple;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = is_other(tuple, own, but_made_here) && !is_removed_here(tuple);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

/*
 * Return whether another row of the relation has the key; waits for whoever
 * has given a row that key, or taken it away, and has not ended.
 *
 * own is the row that is no other one, if it is in this relation.
 *
 * Rows are looked for a second time as of one moment: one that is updated
 * while all are gone through may be met neither as it was nor as it is.
 */
bool
rm_lookup_is_taken(Relation relation, const RmGoverned *governed, const Datum *key, ItemPointer own, bool but_made_here)
{
	Relation index = open_key_index(relation, governed);
	ScanKeyData keys[INDEX_MAX_KEYS];
	TransactionId wait_for;
	bool taken;

	init_scan_keys(keys, relation, index, governed, key);
	while (TransactionIdIsValid(wait_for = look_for_other(relation, index, governed, keys, own, but_made_here, &taken)))
	{
		CHECK_FOR_INTERRUPTS();
		XactLockTableWait(wait_for, relation, own, XLTW_InsertIndex);
	}
	taken = taken || has_committed_row(relation, index, governed, keys, own, but_made_here);
	if (index)
		index_close(index, AccessShareLock);
	return taken;
}

/* Return a copy of the relation's row with those key values, given as text; NULL if there is none. */
HeapTuple
rm_lookup_row(Relation relation, const RmGoverned *governed, char **key_values)
{
	HeapTuple tuple;
	Oid role;
	int context;

	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(relation->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	tuple = find_row(relation, governed, key_values);
	SetUserIdAndSecContext(role, context);
	return tuple;
}
