/*
 * planned_known.c
 *		What holds for all planned changes of a statement: asked once for each command.
 *
 * That the package is not sealed: the trigger that touches the release holds
 * its row by then, so that nobody seals meanwhile.  To which table a class is
 * bound, how its items' targets are found, and that the acting person sees the
 * items of an organization.  Inside SPI as the extension's owner.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "cmdb/permit.h"
#include "executor/spi.h"
#include "release/planned.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* What was found out in this command. */
typedef struct Known
{
	bool valid;
	CommandId command;
	bool has_release;
	pg_uuid_t release;       /* its package is not sealed */
	HTAB *organizations;     /* pg_uuid_t: the acting person sees their items; NULL: none is known */
	RmPlannedClass *classes; /* the list of those that are known */
	MemoryContext context;   /* of these */
} Known;

static Known known = { 0 };

/* Transaction callback: what was found out is forgotten. */
static void
forget_known(XactEvent event, void *arg)
{
	known.valid = false;
}

/* Forget what is known of classes and organizations. */
static void
forget_classes(void)
{
	for (RmPlannedClass *class = known.classes; class != NULL; class = class->next)
	{
		if (class->row != NULL)
			SPI_freeplan(class->row);
		for (int i = 0; i < class->nroads; i++)
		{
			if (class->roads[i].rows != NULL)
				SPI_freeplan(class->roads[i].rows);
		}
	}
	known.classes = NULL;
	known.organizations = NULL;
	MemoryContextReset(known.context);
}

/* Begin with a row: forget what another command found out. */
void
rm_planned_begin(void)
{
	static bool is_told = false;

	if (!is_told)
	{
		RegisterXactCallback(forget_known, NULL);
		known.context = AllocSetContextCreate(TopMemoryContext, "release_mgmt planned", ALLOCSET_SMALL_SIZES);
		is_told = true;
	}
	if (known.valid && known.command == GetCurrentCommandId(false))
		return;
	known.valid = true;
	known.command = GetCurrentCommandId(false);
	known.has_release = false;
	forget_classes();
}

/* A query that sees what this statement did began a command of its own: what is known holds in it as well. */
void
rm_planned_new_command(void)
{
	known.command = GetCurrentCommandId(false);
}

/* Run a query with one argument, as of now; leave its rows in SPI_tuptable. */
static void
ask(SPIPlanPtr *plan, const char *query, Oid type, Datum argument)
{
	if (*plan == NULL)
		*plan = rm_keep_plan(query, 1, &type);
	if (SPI_execute_plan(*plan, &argument, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", query);
	rm_planned_new_command();
}

/* Refuse where the release's package is sealed. */
void
rm_planned_require_unsealed(const pg_uuid_t *release)
{
	static SPIPlanPtr plan = NULL;

	if (known.has_release && memcmp(&known.release, release, UUID_LEN) == 0)
		return;
	ask(&plan, "SELECT release_mgmt_internal.require_unsealed($1)", UUIDOID, UUIDPGetDatum(release));
	known.has_release = true;
	known.release = *release;
}

/* Return the elements of a text[], kept as long as what is known of classes. */
static char **
keep_strings(Datum array, int *count)
{
	MemoryContext old_context;
	Datum *elements;
	char **strings;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, count);
	old_context = MemoryContextSwitchTo(known.context);
	strings = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		strings[i] = TextDatumGetCString(elements[i]);
	MemoryContextSwitchTo(old_context);
	return strings;
}

/* Return a text, kept as long as what is known of classes; NULL for NULL. */
static char *
keep_text(Datum value, bool isnull)
{
	return isnull ? NULL : MemoryContextStrdup(known.context, TextDatumGetCString(value));
}

/* Find out which relations lead from the class's items to what they are installed on. */
static void
know_roads(RmPlannedClass *class)
{
	static SPIPlanPtr plan = NULL;
	bool isnull;

	ask(&plan,
		"SELECT r.to_class, CASE WHEN r.via IS NULL THEN r.columns ELSE r.to_columns END, r.via, r.columns, "
		"r.condition "
		"FROM release_mgmt.ci_relation_class AS r "
		"WHERE r.kind OPERATOR(pg_catalog.=) 'installed on' AND r.from_class OPERATOR(pg_catalog.=) "
		"$1",
		TEXTOID, CStringGetTextDatum(class->name));
	class->roads = MemoryContextAllocZero(known.context, sizeof(RmPlannedRoad) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		RmPlannedRoad *road = &class->roads[class->nroads++];
		Datum value;

		road->to_class = keep_text(SPI_getbinval(row, desc, 1, &isnull), false);
		road->columns = keep_strings(SPI_getbinval(row, desc, 2, &isnull), &road->ncolumns);
		value = SPI_getbinval(row, desc, 3, &isnull);
		road->via = isnull ? InvalidOid : DatumGetObjectId(value);
		road->key_columns = keep_strings(SPI_getbinval(row, desc, 4, &isnull), &road->nkeys);
		value = SPI_getbinval(row, desc, 5, &isnull);
		road->condition = keep_text(value, isnull);
	}
}

/* Return what is known of a class; NULL where it is bound to no table. */
RmPlannedClass *
rm_planned_class(const char *name)
{
	static SPIPlanPtr plan = NULL;
	RmPlannedClass *class = known.classes;
	Datum condition;
	bool isnull;

	while (class != NULL && strcmp(class->name, name) != 0)
		class = class->next;
	if (class != NULL)
		return class;
	ask(&plan,
		"SELECT c.source, c.key_columns, c.condition, c.exempt FROM release_mgmt.ci_class AS c "
		"WHERE c.name OPERATOR(pg_catalog.=) $1 AND c.source IS NOT NULL",
		TEXTOID, CStringGetTextDatum(name));
	if (SPI_processed != 1)
		return NULL;
	class = MemoryContextAllocZero(known.context, sizeof(RmPlannedClass));
	class->name = MemoryContextStrdup(known.context, name);
	class->source = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	class->key_columns =
		keep_strings(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull), &class->nkeys);
	condition = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull);
	class->condition = keep_text(condition, isnull);
	class->exempt =
		keep_strings(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4, &isnull), &class->nexempt);
	know_roads(class);
	class->next = known.classes;
	known.classes = class;
	return class;
}

/* Does the acting person see the organization's items? */
bool
rm_planned_organization_is_seen(const pg_uuid_t *organization)
{
	static SPIPlanPtr plan = NULL;
	HASHCTL control = { .keysize = sizeof(pg_uuid_t), .entrysize = sizeof(pg_uuid_t), .hcxt = known.context };
	bool isnull;

	if (known.organizations != NULL && hash_search(known.organizations, organization, HASH_FIND, NULL) != NULL)
		return true;
	ask(&plan, "SELECT release_mgmt_internal.sees($1, 'organization')", UUIDOID, UUIDPGetDatum(organization));
	if (!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)))
		return false;
	if (known.organizations == NULL)
		known.organizations =
			hash_create("release_mgmt seen organizations", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	(void) hash_search(known.organizations, organization, HASH_ENTER, NULL);
	return true;
}
