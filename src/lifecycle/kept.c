/*
 * kept.c
 *		The plans of checks that are SQL functions, kept for the session.
 *
 * PostgreSQL reads, rewrites and plans the body of an SQL function anew in
 * every statement that calls it (before 18: then it keeps plans itself), and a
 * gate asks thirty such functions.  Here a body is prepared once in a session,
 * from its own text, and kept by the plan cache.  The function's row in pg_proc
 * tells whether the body is still the one that was prepared.  After DDL on what
 * it reads, or new statistics, the text is taken from the function again: the
 * body follows a column that is renamed, its former text does not.
 *
 * Only answers that a function gives with its owner's rights and no settings
 * of its own can be had this way; for the others the caller calls the function.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/functions.h"
#include "nodes/params.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#define BODY_BEGIN "BEGIN ATOMIC\n"
#define BODY_END "END"

typedef struct KeptCheck
{
	Oid function; /* hash key */
	bool known;
	TransactionId xmin; /* of the function's row, with where it lies */
	ItemPointerData tid;
	SPIPlanPtr plan;       /* NULL: to be called */
	int running;           /* how often it is being asked: a check may have another one asked */
	MemoryContext context; /* what parsing it again needs */
} KeptCheck;

static HTAB *kept = NULL;

/* What is known of the function, made at the first call. */
static KeptCheck *
entry_of(Oid function)
{
	KeptCheck *entry;
	bool found;

	if (kept == NULL)
	{
		HASHCTL ctl = { .keysize = sizeof(Oid), .entrysize = sizeof(KeptCheck), .hcxt = CacheMemoryContext };

		kept = hash_create("release_mgmt kept checks", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = (KeptCheck *) hash_search(kept, &function, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + sizeof(Oid), 0, sizeof(KeptCheck) - sizeof(Oid));
	return entry;
}

/* Does the call of the function come to no more than its one statement, with $1 the release? */
static bool
is_plain(Form_pg_proc form, HeapTuple tuple, Oid expected)
{
	return form->prolang == SQLlanguageId && form->prokind == PROKIND_FUNCTION && !form->prosecdef &&
		   !form->proretset && form->prorettype == expected && form->pronargs == 1 &&
		   form->proargtypes.values[0] == UUIDOID && heap_attisnull(tuple, Anum_pg_proc_proconfig, NULL) &&
		   !heap_attisnull(tuple, Anum_pg_proc_prosqlbody, NULL);
}

/* The statement that is the function's body; NULL where it is written otherwise. */
static char *
statement_of(Oid function)
{
	char *body = TextDatumGetCString(OidFunctionCall1(F_PG_GET_FUNCTION_SQLBODY, ObjectIdGetDatum(function)));
	size_t length = strlen(body);

	if (strncmp(body, BODY_BEGIN, strlen(BODY_BEGIN)) != 0 || length < strlen(BODY_BEGIN) + strlen(BODY_END) ||
		strcmp(body + length - strlen(BODY_END), BODY_END) != 0)
		return NULL;
	body[length - strlen(BODY_END)] = '\0';
	return body + strlen(BODY_BEGIN);
}

/* Prepare the body; NULL where it is not one statement that returns one value of the type. */
static SPIPlanPtr
prepare(HeapTuple tuple, Oid function, Oid expected, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	SQLFunctionParseInfoPtr info = prepare_sql_fn_parse_info(tuple, NULL, InvalidOid);
	char *statement = statement_of(function);
	SPIPlanPtr plan;
	List *sources;
	TupleDesc desc;

	MemoryContextSwitchTo(old);
	if (statement == NULL)
		return NULL;
	plan = SPI_prepare_params(statement, (ParserSetupHook) sql_fn_parser_setup, info, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare the body of a check: %s", SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	desc = list_length(sources) == 1 ? ((CachedPlanSource *) linitial(sources))->resultDesc : NULL;
	if (desc == NULL || desc->natts != 1 || TupleDescAttr(desc, 0)->atttypid != expected)
	{
		SPI_freeplan(plan);
		return NULL;
	}
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of a check");
	return plan;
}

/* Is the entry about the function as this row of pg_proc has it, and about the tables as they are? */
static bool
is_current(KeptCheck *entry, HeapTuple tuple)
{
	return entry->known && entry->xmin == HeapTupleHeaderGetRawXmin(tuple->t_data) &&
		   ItemPointerEquals(&entry->tid, &tuple->t_self) && (entry->plan == NULL || SPI_plan_is_valid(entry->plan));
}

/* Fill the entry in. */
static void
renew(KeptCheck *entry, HeapTuple tuple, Oid expected)
{
	if (entry->plan != NULL)
		SPI_freeplan(entry->plan);
	entry->plan = NULL;
	entry->known = false;
	if (entry->context == NULL)
		entry->context = AllocSetContextCreate(CacheMemoryContext, "release_mgmt kept check", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(entry->context);
	if (is_plain((Form_pg_proc) GETSTRUCT(tuple), tuple, expected))
		entry->plan = prepare(tuple, entry->function, expected, entry->context);
	entry->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	entry->tid = tuple->t_self;
	entry->known = true;
}

/* The entry of the function with a plan for what it is now; NULL where it is to be called. */
static KeptCheck *
current_entry(Oid function, Oid expected)
{
	KeptCheck *entry = entry_of(function);
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool usable;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	usable = is_current(entry, tuple);
	if (!usable && entry->running == 0)
	{
		renew(entry, tuple, expected);
		usable = true;
	}
	ReleaseSysCache(tuple);
	return usable && entry->plan != NULL ? entry : NULL;
}

/*
 * Have a check answer by its kept plan, with the active snapshot; false where
 * its function is to be called instead.
 *
 * The caller is connected to SPI.  The answer is of type expected, and lies in
 * the memory context that is current.
 */
bool
rm_kept_answer(Oid function, Oid expected, Datum release, Datum *answer, bool *isnull)
{
	MemoryContext caller = CurrentMemoryContext;
	KeptCheck *entry = current_entry(function, expected);
	ParamListInfo params;

	if (entry == NULL)
		return false;
	params = makeParamList(1);
	params->params[0] =
		(ParamExternData) { .value = release, .isnull = false, .pflags = PARAM_FLAG_CONST, .ptype = UUIDOID };
	entry->running++;
	PG_TRY();
	{
		if (SPI_execute_plan_with_paramlist(entry->plan, params, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "a check did not answer");
	}
	PG_FINALLY();
	{
		entry->running--;
	}
	PG_END_TRY();
	*isnull = true;
	if (SPI_processed > 0)
		*answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	MemoryContextSwitchTo(caller);
	if (!*isnull)
		*answer = datumCopy(*answer, false, -1);
	SPI_freetuptable(SPI_tuptable);
	return true;
}
