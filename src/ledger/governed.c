/*
 * governed.c
 *		What capturing the changes of a relation needs to know, kept per backend.
 *
 * Columns are found by name, since a partition's attribute numbers differ from
 * its parent's; governed_table gives each name its stable key.  An entry is
 * forgotten when the relation's definition changes or governed_table does.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/governed.h"
#include "ledger/ledger_private.h"
#include "ledger/settings.h"
#include "ledger/store.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/uuid.h"

static HTAB *cache = NULL;
static Oid governed_table_relid = InvalidOid;

/* Relation cache callback: forget the relation, or all when governed_table changed. */
static void
forget_on_invalidation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	RmGoverned *entry;

	if (OidIsValid(relid) && relid != governed_table_relid)
	{
		entry = hash_search(cache, &relid, HASH_FIND, NULL);
		if (entry)
			entry->valid = false;
		return;
	}
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		entry->valid = false;
}

/* Create the cache. */
static void
create_cache(void)
{
	HASHCTL control = { .keysize = sizeof(Oid), .entrysize = sizeof(RmGoverned), .hcxt = CacheMemoryContext };

	cache = hash_create("release_mgmt governed relations", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_on_invalidation, (Datum) 0);
}

/* Take a text[] apart; returns the number of its elements. */
static int
text_array_elements(Datum array, char ***strings)
{
	Datum *elements;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	*strings = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*strings)[i] = TextDatumGetCString(elements[i]);
	return count;
}

/* Return the row of governed_table with that id, copied. */
static HeapTuple
find_governed_row(Relation governed_table, const pg_uuid_t *id)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, RM_GOVERNED_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(id));
	scan = systable_beginscan(governed_table, InvalidOid, false, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* Order columns by the bytes of their keys. */
static int
compare_columns(const void *a, const void *b)
{
	const RmColumn *x = a;
	const RmColumn *y = b;
	int order = memcmp(x->pair_head + 2, y->pair_head + 2, Min(x->pair_head_len, y->pair_head_len) - 2);

	return order != 0 ? order : x->pair_head_len - y->pair_head_len;
}

/* Columns that governed_table names: of the table itself, or of one of its inheritance children. */
typedef struct NamedColumns
{
	int count;
	char **names;
	char **keys;
} NamedColumns;

/* Read the columns from two fields of a row of governed_table. */
static NamedColumns
read_columns(const Datum *values, const bool *nulls, int names, int keys)
{
	NamedColumns columns = { 0 };

	if (nulls[names - 1])
		return columns;
	columns.count = text_array_elements(values[names - 1], &columns.names);
	if (text_array_elements(values[keys - 1], &columns.keys) != columns.count)
		elog(ERROR, "governed_table has column names without keys");
	return columns;
}

/* Leave of the columns that inheritance children have of their own those of one. */
static void
keep_columns_of(NamedColumns *columns, Datum sources, Oid child)
{
	const Oid *oids = (const Oid *) ARR_DATA_PTR(DatumGetArrayTypeP(sources));
	int count = 0;

	for (int i = 0; i < columns->count; i++)
	{
		if (oids[i] != child)
			continue;
		columns->names[count] = columns->names[i];
		columns->keys[count++] = columns->keys[i];
	}
	columns->count = count;
}

/* Return the stable key of the column of that name; NULL if it has none. */
static const char *
key_of_name(const char *name, const NamedColumns *columns)
{
	for (int i = 0; i < columns->count; i++)
	{
		if (strcmp(columns->names[i], name) == 0)
			return columns->keys[i];
	}
	return NULL;
}

/* Refuse a column that the ledger has no key for. */
static void
refuse_unknown_column(Relation relation, const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_PROTECTED),
					errmsg("column \"%s\" of governed table \"%s\" is not known to the ledger", name,
						   RelationGetRelationName(relation)),
					errdetail("The table was altered while event triggers were off."),
					errhint("A DBA calls release_mgmt.record_schema(%s), which records the schema as it is.",
							quote_literal_cstr(RelationGetRelationName(relation)))));
}

/*
 * Fill in the columns of the relation that have values of their own.
 *
 * Returns the name of one without a key, or NULL.  What is written with the
 * names of other objects is not in the ledger, nor is what an inheritance child
 * has beyond the columns of the governed table and those that are noted as its
 * own: verification names it.
 */
static const char *
fill_columns(RmGoverned *entry, Relation relation, bool is_child, const NamedColumns *columns, const NamedColumns *own)
{
	TupleDesc desc = RelationGetDescr(relation);

	entry->columns = MemoryContextAlloc(entry->context, sizeof(RmColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		RmColumn *column = &entry->columns[entry->ncolumns];
		const char *key;

		if (attribute->attisdropped || attribute->attgenerated)
			continue;
		key = key_of_name(NameStr(attribute->attname), columns);
		if (key == NULL)
			key = key_of_name(NameStr(attribute->attname), own);
		if (key == NULL && (is_child || rm_type_follows_names(attribute->atttypid)))
			continue;
		if (key == NULL)
			return NameStr(attribute->attname);
		rm_column_init(column, attribute->attnum, attribute->atttypid, key, entry->context);
		entry->sensitive |= column->output_sensitive && column->tag == RM_TAG_OUTPUT;
		entry->ncolumns++;
	}
	qsort(entry->columns, entry->ncolumns, sizeof(RmColumn), compare_columns);
	return NULL;
}

/* Fill in the key columns; returns the name of one that the relation lacks, or NULL. */
static const char *
fill_keys(RmGoverned *entry, Relation relation, char **key_columns, int nkeys)
{
	entry->keys = MemoryContextAlloc(entry->context, sizeof(RmColumn) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		AttrNumber attnum = get_attnum(RelationGetRelid(relation), key_columns[i]);

		if (attnum == InvalidAttrNumber)
			return key_columns[i];
		rm_column_init(&entry->keys[i], attnum, TupleDescAttr(RelationGetDescr(relation), attnum - 1)->atttypid,
					   key_columns[i], entry->context);
		entry->sensitive |= entry->keys[i].output_sensitive;
	}
	entry->nkeys = nkeys;
	return NULL;
}

/* Fill the entry from governed_table and the relation's definition; returns the name of a column not known, or NULL. */
static const char *
fill_entry(RmGoverned *entry, Relation relation)
{
	Relation governed_table = table_open(rm_ledger_relid("governed_table"), AccessShareLock);
	HeapTuple tuple = find_governed_row(governed_table, &entry->table_id);
	Datum values[RM_GOVERNED_NATTS];
	bool nulls[RM_GOVERNED_NATTS];
	NamedColumns columns;
	NamedColumns own = { 0 };
	char **key_columns;
	int nkeys;
	bool is_child;
	const char *unknown;

	governed_table_relid = RelationGetRelid(governed_table);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT),
						errmsg("table \"%s\" is captured, but governed_table does not hold it",
							   RelationGetRelationName(relation)),
						errhint("Call release_mgmt.verify_ledger().")));

	heap_deform_tuple(tuple, RelationGetDescr(governed_table), values, nulls);
	columns = read_columns(values, nulls, RM_GOVERNED_COLUMN_NAMES, RM_GOVERNED_COLUMN_KEYS);
	nkeys = text_array_elements(values[RM_GOVERNED_KEY_COLUMNS - 1], &key_columns);
	entry->source = DatumGetObjectId(values[RM_GOVERNED_SOURCE - 1]);
	is_child = entry->source != RelationGetRelid(relation);
	if (is_child)
		own = read_columns(values, nulls, RM_GOVERNED_CHILD_NAMES, RM_GOVERNED_CHILD_KEYS);
	if (own.count > 0)
		keep_columns_of(&own, values[RM_GOVERNED_CHILD_SOURCES - 1], RelationGetRelid(relation));
	entry->inherited = is_child ? !relation->rd_rel->relispartition
								: relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rel->relhassubclass;
	unknown = fill_columns(entry, relation, is_child, &columns, &own);
	if (unknown == NULL)
		unknown = fill_keys(entry, relation, key_columns, nkeys);
	table_close(governed_table, AccessShareLock);
	return unknown;
}

/*
 * Return what is known of the relation, which is the governed table of that id
 * or a partition of it; NULL where a column is not known to the ledger, whose
 * name *unknown then is.
 */
RmGoverned *
rm_governed_find(Relation relation, const char *table_id, const char **unknown)
{
	Oid relid = RelationGetRelid(relation);
	RmGoverned *entry;
	bool found;

	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, &relid, HASH_ENTER, &found);
	if (found && entry->valid)
		return entry;

	if (found && entry->context)
		MemoryContextDelete(entry->context);
	memset(entry, 0, sizeof(*entry));
	entry->relid = relid;
	entry->context = AllocSetContextCreate(CacheMemoryContext, "release_mgmt governed relation", ALLOCSET_SMALL_SIZES);
	entry->table_id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(table_id)));
	*unknown = fill_entry(entry, relation);
	entry->valid = *unknown == NULL;
	return entry->valid ? entry : NULL;
}

/* The same; raises ERRCODE_RM_LEDGER_PROTECTED where a column is not known to the ledger. */
RmGoverned *
rm_governed_of(Relation relation, const char *table_id)
{
	const char *unknown;
	RmGoverned *governed = rm_governed_find(relation, table_id, &unknown);

	if (governed == NULL)
		refuse_unknown_column(relation, unknown);
	return governed;
}

/* Return the name that the column of that key has now; the key itself where the column is gone. */
const char *
rm_governed_name_of_key(const pg_uuid_t *table_id, const char *key)
{
	Relation governed_table = table_open(rm_ledger_relid("governed_table"), AccessShareLock);
	HeapTuple tuple = find_governed_row(governed_table, table_id);
	const char *name = key;

	if (HeapTupleIsValid(tuple))
	{
		Datum values[RM_GOVERNED_NATTS];
		bool nulls[RM_GOVERNED_NATTS];
		NamedColumns columns[2];

		heap_deform_tuple(tuple, RelationGetDescr(governed_table), values, nulls);
		columns[0] = read_columns(values, nulls, RM_GOVERNED_COLUMN_NAMES, RM_GOVERNED_COLUMN_KEYS);
		columns[1] = read_columns(values, nulls, RM_GOVERNED_CHILD_NAMES, RM_GOVERNED_CHILD_KEYS);
		for (int i = 0; i < lengthof(columns); i++)
		{
			for (int j = 0; j < columns[i].count; j++)
			{
				if (strcmp(columns[i].keys[j], key) == 0)
					name = columns[i].names[j];
			}
		}
	}
	table_close(governed_table, AccessShareLock);
	return name;
}
