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
#include "utils/memutils.h"

/* What was found out in this command. */
typedef struct Known
{
	bool valid;
	CommandId command;
	bool has_release;
	pg_uuid_t release; /* its package is not sealed */
	bool has_organization;
	pg_uuid_t organization; /* the acting person sees its items */
	RmPlannedClass class;   /* its name is "" where none is known */
	MemoryContext context;  /* of what is known of the class */
} Known;

static Known known = { 0 };

/* Transaction callback: what was found out is forgotten. */
static void
forget_known(XactEvent event, void *arg)
{
	known.valid = false;
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
	known.has_organization = false;
	known.class.name[0] = '\0';
	MemoryContextReset(known.context);
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

/* Return the elements of a text[], kept as long as what is known of the class. */
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

/* Find out which relations lead from the class's items to what they are installed on. */
static void
know_roads(const char *class)
{
	static SPIPlanPtr plan = NULL;
	bool isnull;

	ask(&plan,
		"SELECT r.to_class, r.columns, r.via IS NOT NULL FROM release_mgmt.ci_relation_class AS r "
		"WHERE r.kind OPERATOR(pg_catalog.=) 'installed on' AND r.from_class OPERATOR(pg_catalog.=) $1",
		TEXTOID, CStringGetTextDatum(class));
	known.class.has_links = false;
	known.class.nroads = 0;
	known.class.roads = MemoryContextAlloc(known.context, sizeof(RmPlannedRoad) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		RmPlannedRoad *road = &known.class.roads[known.class.nroads];

		if (DatumGetBool(SPI_getbinval(row, desc, 3, &isnull)))
		{
			known.class.has_links = true;
			continue;
		}
		road->to_class = MemoryContextStrdup(known.context, TextDatumGetCString(SPI_getbinval(row, desc, 1, &isnull)));
		road->columns = keep_strings(SPI_getbinval(row, desc, 2, &isnull), &road->ncolumns);
		known.class.nroads++;
	}
}

/* Return what is known of a class; NULL where it is bound to no table. */
const RmPlannedClass *
rm_planned_class(const char *name)
{
	static SPIPlanPtr plan = NULL;
	bool isnull;

	if (known.class.name[0] != '\0' && strcmp(known.class.name, name) == 0)
		return &known.class;
	if (strlen(name) >= sizeof(known.class.name))
		return NULL;
	known.class.name[0] = '\0';
	MemoryContextReset(known.context);
	ask(&plan,
		"SELECT c.source, c.key_columns FROM release_mgmt.ci_class AS c "
		"WHERE c.name OPERATOR(pg_catalog.=) $1 AND c.source IS NOT NULL",
		TEXTOID, CStringGetTextDatum(name));
	if (SPI_processed != 1)
		return NULL;
	known.class.source = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	known.class.key_columns =
		keep_strings(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull), &known.class.nkeys);
	know_roads(name);
	strlcpy(known.class.name, name, sizeof(known.class.name));
	return &known.class;
}

/* Does the acting person see the organization's items? */
bool
rm_planned_organization_is_seen(const pg_uuid_t *organization)
{
	static SPIPlanPtr plan = NULL;
	bool isnull;

	if (known.has_organization && memcmp(&known.organization, organization, UUID_LEN) == 0)
		return true;
	ask(&plan, "SELECT release_mgmt_internal.sees($1, 'organization')", UUIDOID, UUIDPGetDatum(organization));
	if (!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)))
		return false;
	known.has_organization = true;
	known.organization = *organization;
	return true;
}
