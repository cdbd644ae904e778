/*
 * impact.c
 *		What hangs on configuration items: a breadth-first walk against their relations.
 *
 * Items are known by their labels.  For each class that was reached on a level,
 * each kind of relation towards it is one query over all of its items, which an
 * index on the related columns serves.  Whoever asks is told of the items that
 * he sees; the others are walked through all the same.
 */
#include "postgres.h"

#include "cmdb/key.h"
#include "cmdb/permit.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define IMPACT_NATTS 4

/* So many rows are fetched at once. */
#define FETCH_ROWS 1000

/* An item that was reached. */
typedef struct Reached
{
	const char *label; /* hash key */
	int depth;
	bool seen;        /* whoever asks sees it */
	const char *kind; /* of the relation through which it was reached, and from where */
	struct Reached *through;
} Reached;

/* A kind of relation towards a class. */
typedef struct Road
{
	char *kind;
	char *from_class;
	char *to_class;
	char *query;     /* of $1, keys of to_class: the place of a key, the parts of the key of an item related to it */
	bool is_indexed; /* the columns by which it is read */
} Road;

typedef struct Walk
{
	MemoryContext context;
	List *roads;
	HTAB *reached;
	bool sees_all;
	Datum organizations; /* that whoever asks sees */
	Reached **level;     /* the items of the level that is left */
	int nlevel;
	Reached **next; /* those of the level that is entered */
	int nnext;
	int room;
} Walk;

/* Hash a label. */
static uint32
hash_label(const void *key, Size size)
{
	const char *label = *(const char *const *) key;

	return hash_bytes((const unsigned char *) label, strlen(label));
}

/* Compare two labels. */
static int
match_label(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Add an item to the level that is entered, or a better way to one of it. */
static void
reach(Walk *walk, const char *label, int depth, const char *kind, Reached *through)
{
	bool found;
	Reached *item = hash_search(walk->reached, &label, HASH_ENTER, &found);
	int order;

	if (!found)
	{
		item->label = MemoryContextStrdup(walk->context, label);
		item->depth = depth;
		item->seen = true;
		item->kind = kind;
		item->through = through;
		if (walk->nnext == walk->room)
		{
			walk->room = Max(walk->room * 2, 1024);
			walk->next = walk->next == NULL ? MemoryContextAlloc(walk->context, sizeof(Reached *) * walk->room)
											: repalloc_huge(walk->next, sizeof(Reached *) * walk->room);
		}
		walk->next[walk->nnext++] = item;
		return;
	}
	if (item->depth != depth || depth == 0)
		return;
	order = strcmp(kind, item->kind);
	if (order < 0 || (order == 0 && strcmp(through->label, item->through->label) < 0))
	{
		item->kind = kind;
		item->through = through;
	}
}

/* Read the roads and what whoever asks sees; enter the items to begin with. */
static void
begin(Walk *walk, Datum items)
{
	HASHCTL control = { 0 };
	Oid type = UUIDARRAYOID;
	Datum organizations;
	bool isnull;
	MemoryContext old_context;

	control.keysize = sizeof(const char *);
	control.entrysize = sizeof(Reached);
	control.hash = hash_label;
	control.match = match_label;
	control.hcxt = walk->context;
	walk->reached =
		hash_create("items reached", 1024, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	if (SPI_execute("SELECT kind, from_class, to_class, query, is_indexed FROM release_mgmt_internal.relation_road",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the relations");
	old_context = MemoryContextSwitchTo(walk->context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		Road *road = palloc(sizeof(Road));

		road->kind = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
		road->from_class = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
		road->to_class = SPI_getvalue(row, SPI_tuptable->tupdesc, 3);
		road->query = SPI_getvalue(row, SPI_tuptable->tupdesc, 4);
		road->is_indexed = DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 5, &isnull));
		walk->roads = lappend(walk->roads, road);
	}
	MemoryContextSwitchTo(old_context);
	if (SPI_execute("SELECT release_mgmt_internal.seen('organization', false)", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read what is seen");
	organizations = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &walk->sees_all);
	if (!walk->sees_all)
	{
		old_context = MemoryContextSwitchTo(walk->context);
		walk->organizations = datumCopy(organizations, false, -1);
		MemoryContextSwitchTo(old_context);
	}
	if (SPI_execute_with_args("SELECT i.label FROM release_mgmt.ci AS i WHERE i.id OPERATOR(pg_catalog.=) ANY ($1)", 1,
							  &type, &items, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the items");
	for (uint64 i = 0; i < SPI_processed; i++)
		reach(walk, TextDatumGetCString(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)), 0,
			  NULL, NULL);
}

/*
 * Begin to read what is related to the keys.
 *
 * By the index where there is one, as what hangs on a part of the items is
 * mostly a part of the table: the planner, which knows nothing of the keys,
 * would rather hash all of it.
 */
static Portal
open_road(const Road *road, Datum keys)
{
	Oid type = TEXTARRAYOID;
	int nest = NewGUCNestLevel();
	Portal portal;

	if (road->is_indexed)
	{
		(void) set_config_option("enable_hashjoin", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		(void) set_config_option("enable_mergejoin", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	}
	portal = SPI_cursor_open_with_args(NULL, road->query, 1, &type, &keys, NULL, true, 0);
	AtEOXact_GUC(true, nest);
	return portal;
}

/* Take one road from those items of the level that it leads to. */
static void
take_road(Walk *walk, const Road *road, int depth)
{
	int class_len = strlen(road->to_class);
	char **keys = palloc(sizeof(char *) * walk->nlevel);
	Reached **items = palloc(sizeof(Reached *) * walk->nlevel);
	Portal portal;
	StringInfoData label;
	int count = 0;

	for (int i = 0; i < walk->nlevel; i++)
	{
		const char *of = walk->level[i]->label;

		if (strncmp(of, road->to_class, class_len) == 0 && of[class_len] == '/')
		{
			items[count] = walk->level[i];
			keys[count++] = (char *) of + class_len + 1;
		}
	}
	if (count == 0)
		return;
	portal = open_road(road, rm_text_array(keys, count));
	initStringInfo(&label);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple row = SPI_tuptable->vals[i];
			TupleDesc desc = SPI_tuptable->tupdesc;
			bool isnull;
			int64 n = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));

			resetStringInfo(&label);
			appendStringInfo(&label, "%s/", road->from_class);
			for (int part = 2; part <= desc->natts && !isnull; part++)
			{
				Datum value = SPI_getbinval(row, desc, part, &isnull);
				char *string = isnull ? NULL : TextDatumGetCString(value);

				if (isnull)
					break;
				rm_append_key_part(&label, string, part == 2);
				pfree(string);
			}
			if (!isnull)
				reach(walk, label.data, depth, road->kind, items[n - 1]);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
}

/* Find out which items of the level that was entered whoever asks sees. */
static void
look(Walk *walk)
{
	Oid types[2] = { TEXTARRAYOID, UUIDARRAYOID };
	char **labels;
	Datum args[2];

	if (walk->sees_all || walk->nnext == 0)
		return;
	labels = palloc(sizeof(char *) * walk->nnext);
	for (int i = 0; i < walk->nnext; i++)
	{
		labels[i] = (char *) walk->next[i]->label;
		walk->next[i]->seen = false;
	}
	args[0] = rm_text_array(labels, walk->nnext);
	args[1] = walk->organizations;
	if (SPI_execute_with_args("SELECT u.n FROM pg_catalog.unnest($1) WITH ORDINALITY AS u (label, n) "
							  "JOIN release_mgmt.ci AS i ON i.label OPERATOR(pg_catalog.=) u.label "
							  "WHERE i.organization_id IS NULL OR i.organization_id OPERATOR(pg_catalog.=) ANY ($2)",
							  2, types, args, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read whose the items are");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		walk->next[DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)) - 1]->seen =
			true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Put out the items of the level that was entered. */
static void
put_level(const Walk *walk, ReturnSetInfo *result)
{
	for (int i = 0; i < walk->nnext; i++)
	{
		Reached *item = walk->next[i];
		Datum values[IMPACT_NATTS];
		bool nulls[IMPACT_NATTS] = { false };

		if (!item->seen)
			continue;
		values[0] = Int32GetDatum(item->depth);
		values[1] = CStringGetTextDatum(item->label);
		values[2] = CStringGetTextDatum(item->kind);
		nulls[3] = !item->through->seen;
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(item->through->label);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(DatumGetPointer(values[1]));
		pfree(DatumGetPointer(values[2]));
		if (!nulls[3])
			pfree(DatumGetPointer(values[3]));
	}
}

PG_FUNCTION_INFO_V1(rm_items_above);

/*
 * items_above(items uuid[], max_depth integer) returns table (depth integer,
 *			   affected text, kind text, through text)
 */
Datum
rm_items_above(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Walk walk = { .context = CurrentMemoryContext };
	int max_depth = PG_ARGISNULL(1) ? PG_INT32_MAX : PG_GETARG_INT32(1);

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	begin(&walk, PG_GETARG_DATUM(0));
	for (int depth = 1; walk.nnext > 0 && depth <= max_depth; depth++)
	{
		ListCell *cell;

		CHECK_FOR_INTERRUPTS();
		walk.level = walk.next;
		walk.nlevel = walk.nnext;
		walk.next = NULL;
		walk.nnext = walk.room = 0;
		foreach (cell, walk.roads)
			take_road(&walk, lfirst(cell), depth);
		look(&walk);
		put_level(&walk, result);
	}
	SPI_finish();
	return (Datum) 0;
}
