/*
 * visible.c
 *		Row-level security: is this one of the ids that the acting person sees?
 *
 * seen() in sql/27_row_security.sql says which ids these are.  It is asked
 * once for each place in a running query, not once per row: the set hangs on
 * that place's FmgrInfo, and is gone with the query.  An index on the column
 * serves too, since the planner may search it for seen_ids() instead.
 *
 * A statement that looks at a release or two does not pay for the set of all
 * that there are: the first few are asked for one by one, with sees().
 *
 * The functions of this file are run by whoever queries, who has no access to
 * the internal schema, so they find seen() in the catalog themselves and call
 * it as a function; it is SECURITY DEFINER.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "party/party.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/acl.h"
#include "utils/selfuncs.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* So many releases are asked for one by one; the set of a few hundred costs as much. */
#define ONE_BY_ONE 8

/* What the planner was told stays good for so many times as long as it took to find out. */
#define ESTIMATE_WORTH 1000
#define ESTIMATE_KINDS 4

/* An index is searched for so many ids, or for more where they are at most this part of the rows, one in: */
#define SEARCHED_ALWAYS 100
#define SEARCHED_SHARE 10

typedef struct SeenEntry
{
	pg_uuid_t id;
	char status;
} SeenEntry;

#define SH_PREFIX seen
#define SH_ELEMENT_TYPE SeenEntry
#define SH_KEY_TYPE pg_uuid_t
#define SH_KEY id
#define SH_HASH_KEY(tb, key) hash_bytes(key.data, UUID_LEN)
#define SH_EQUAL(tb, a, b) (memcmp(a.data, b.data, UUID_LEN) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What the acting person sees: as sees() says, and once the set is loaded, everything or what stands in ids. */
typedef struct Seen
{
	int one_by_one; /* how many more are asked for so */
	FmgrInfo sees;
	bool everything;
	seen_hash *ids;
} Seen;

/* What the planner was told: the number of ids, -1 for everything. */
typedef struct Estimate
{
	char kind[NAMEDATALEN];
	Oid role;
	int answer;
	TimestampTz asked_in;
	TimestampTz until;
} Estimate;

PG_FUNCTION_INFO_V1(rm_is_beyond_row_security);
PG_FUNCTION_INFO_V1(rm_seen_ids);
PG_FUNCTION_INFO_V1(rm_may_see_support);
PG_FUNCTION_INFO_V1(rm_may_see);
PG_FUNCTION_INFO_V1(rm_may_write_row);

/* seen(kind, expand); NULL for everything. */
static ArrayType *
ask_seen(Datum kind, bool expand)
{
	Oid types[] = { TEXTOID, BOOLOID };
	FmgrInfo flinfo;
	Datum result;

	LOCAL_FCINFO(call, 2);

	fmgr_info(rm_internal_function("seen", lengthof(types), types), &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, lengthof(types), InvalidOid, NULL, NULL);
	call->args[0].value = kind;
	call->args[0].isnull = false;
	call->args[1].value = BoolGetDatum(expand);
	call->args[1].isnull = false;
	result = FunctionCallInvoke(call);
	return call->isnull ? NULL : DatumGetArrayTypeP(result);
}

/* The number of ids in a result of ask_seen(). */
static int
count_ids(ArrayType *ids)
{
	return ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));
}

/* Ask for all, and keep the answer as a hash table in the given memory context. */
static void
load_seen(Seen *seen, Datum kind, MemoryContext context)
{
	ArrayType *ids = ask_seen(kind, false);
	pg_uuid_t *id;
	int count;

	seen->everything = ids == NULL;
	if (seen->everything)
		return;
	count = count_ids(ids);
	id = (pg_uuid_t *) ARR_DATA_PTR(ids);
	seen->ids = seen_create(context, count, NULL);
	for (int i = 0; i < count; i++)
	{
		bool found;

		seen_insert(seen->ids, id[i], &found);
	}
}

/* Is the kind one of which sees() need not know the whole set? */
static bool
is_of_releases(Datum kind)
{
	text *name = DatumGetTextPP(kind);

	return VARSIZE_ANY_EXHDR(name) == strlen("release") && memcmp(VARDATA_ANY(name), "release", strlen("release")) == 0;
}

/* Begin with nothing known, in the given memory context. */
static Seen *
make_seen(Datum kind, MemoryContext context)
{
	Oid types[] = { UUIDOID, TEXTOID };
	Seen *seen = MemoryContextAllocZero(context, sizeof(Seen));

	if (!is_of_releases(kind))
		return seen;
	seen->one_by_one = ONE_BY_ONE;
	fmgr_info_cxt(rm_internal_function("sees", lengthof(types), types), &seen->sees, context);
	return seen;
}

/* may_see(id uuid, kind text) returns boolean */
Datum
rm_may_see(PG_FUNCTION_ARGS)
{
	Seen *seen = (Seen *) fcinfo->flinfo->fn_extra;

	if (seen == NULL)
	{
		seen = make_seen(PG_GETARG_DATUM(1), fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = seen;
	}
	if (seen->one_by_one > 0)
	{
		seen->one_by_one--;
		PG_RETURN_DATUM(FunctionCall2(&seen->sees, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
	}
	if (!seen->everything && seen->ids == NULL)
		load_seen(seen, PG_GETARG_DATUM(1), fcinfo->flinfo->fn_mcxt);
	PG_RETURN_BOOL(seen->everything || seen_lookup(seen->ids, *PG_GETARG_UUID_P(0)) != NULL);
}

/* What may_write() said of the release asked about last. */
typedef struct Writable
{
	FmgrInfo may_write;
	bool is_known;
	pg_uuid_t release;
	bool answer;
} Writable;

/* may_write_row(release uuid, duties text[]) returns boolean: rows of one release mostly come one after the other */
Datum
rm_may_write_row(PG_FUNCTION_ARGS)
{
	Writable *writable = (Writable *) fcinfo->flinfo->fn_extra;
	pg_uuid_t *release = PG_GETARG_UUID_P(0);

	if (writable == NULL)
	{
		Oid types[] = { UUIDOID, TEXTARRAYOID };

		writable = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Writable));
		fmgr_info_cxt(rm_internal_function("may_write", lengthof(types), types), &writable->may_write,
					  fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = writable;
	}
	if (!writable->is_known || memcmp(&writable->release, release, UUID_LEN) != 0)
	{
		writable->is_known = false;
		writable->answer = DatumGetBool(FunctionCall2(&writable->may_write, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
		writable->release = *release;
		writable->is_known = true;
	}
	PG_RETURN_BOOL(writable->answer);
}

/* seen_ids(kind text) returns uuid[]: an index scan asks again at every rescan, and is given what it was given first */
Datum
rm_seen_ids(PG_FUNCTION_ARGS)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		ArrayType *ids = ask_seen(PG_GETARG_DATUM(0), true);
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		fcinfo->flinfo->fn_extra = DatumGetArrayTypePCopy(PointerGetDatum(ids));
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_ARRAYTYPE_P(fcinfo->flinfo->fn_extra);
}

/* is_beyond_row_security() returns boolean: of the role in effect outside every SECURITY DEFINER function */
Datum
rm_is_beyond_row_security(PG_FUNCTION_ARGS)
{
	Oid role = rm_party_outer_role();
	Oid person = get_relname_relid("person", get_namespace_oid("release_mgmt", false));

	PG_RETURN_BOOL(has_bypassrls_privilege(role) || rm_relation_is_owned(person, role));
}

/*
 * The number of ids that are seen, -1 for everything: for the planner, who asks
 * several times in a statement.  No plan is wrong for what it assumes here, so
 * an answer of the same statement will do, and one that is young for what it
 * cost.
 */
static int
estimate_seen(Datum kind)
{
	static Estimate estimates[ESTIMATE_KINDS];
	static int next = 0;
	Oid role = rm_party_outer_role();
	char *name = text_to_cstring(DatumGetTextPP(kind));
	TimestampTz now = GetCurrentTimestamp();
	Estimate *estimate = NULL;
	ArrayType *ids;

	for (int i = 0; i < ESTIMATE_KINDS; i++)
	{
		if (strcmp(estimates[i].kind, name) == 0)
			estimate = &estimates[i];
	}
	if (estimate != NULL && estimate->role == role &&
		(estimate->asked_in == GetCurrentStatementStartTimestamp() || now < estimate->until))
		return estimate->answer;

	ids = ask_seen(kind, false);
	if (estimate == NULL)
		estimate = &estimates[next++ % ESTIMATE_KINDS];
	estimate->answer = ids == NULL ? -1 : count_ids(ids);
	estimate->role = role;
	estimate->asked_in = GetCurrentStatementStartTimestamp();
	estimate->until = now + ESTIMATE_WORTH * (GetCurrentTimestamp() - now);
	strlcpy(estimate->kind, name, sizeof(estimate->kind));
	return estimate->answer;
}

/* How many of the column's values are seen, by what is seen now; a plan that is kept may be used by others. */
static bool
estimate_selectivity(SupportRequestSelectivity *request)
{
	Node *id = linitial(request->args);
	Node *kind = lsecond(request->args);
	VariableStatData vardata;
	int count;
	double distinct;
	bool isdefault;

	if (request->is_join || !IsA(kind, Const) || ((Const *) kind)->constisnull)
		return false;
	count = estimate_seen(((Const *) kind)->constvalue);
	if (count < 0)
	{
		request->selectivity = 1.0;
		return true;
	}
	examine_variable(request->root, id, request->varRelid, &vardata);
	distinct = get_variable_numdistinct(&vardata, &isdefault);
	ReleaseVariableStats(vardata);
	request->selectivity = count / Max(distinct, 1.0);
	CLAMP_PROBABILITY(request->selectivity);
	return true;
}

/* Is a B-tree worth searching for so many ids?  The planner looks at each of them whenever it considers that. */
static bool
is_worth_searching(int count, const RelOptInfo *relation)
{
	return count >= 0 && count <= Max(SEARCHED_ALWAYS, relation->tuples / SEARCHED_SHARE);
}

/* id = ANY (seen_ids(kind)), where a B-tree on the column can be searched for it. */
static List *
index_condition(SupportRequestIndexCondition *request)
{
	FuncExpr *may_see = (FuncExpr *) request->node;
	Oid types[] = { TEXTOID };
	Node *kind;
	Oid equal;
	ScalarArrayOpExpr *condition;

	if (!IsA(may_see, FuncExpr) || request->indexarg != 0 || request->index->relam != BTREE_AM_OID ||
		!request->index->amsearcharray)
		return NIL;
	kind = lsecond(may_see->args);
	if (!IsA(kind, Const) || ((Const *) kind)->constisnull)
		return NIL;
	equal = get_opfamily_member(request->opfamily, UUIDOID, UUIDOID, BTEqualStrategyNumber);
	if (!OidIsValid(equal) || !is_worth_searching(estimate_seen(((Const *) kind)->constvalue), request->index->rel))
		return NIL;

	condition = makeNode(ScalarArrayOpExpr);
	condition->opno = equal;
	condition->opfuncid = get_opcode(equal);
	condition->useOr = true;
	condition->inputcollid = InvalidOid;
	condition->args = list_make2(linitial(may_see->args),
								 makeFuncExpr(rm_internal_function("seen_ids", lengthof(types), types), UUIDARRAYOID,
											  list_make1(kind), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
	condition->location = -1;
	request->lossy = false;
	return list_make1(condition);
}

/* may_see_support(internal) returns internal: planner support of may_see() */
Datum
rm_may_see_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	Node *answer = NULL;

	if (IsA(request, SupportRequestSelectivity) && estimate_selectivity((SupportRequestSelectivity *) request))
		answer = request;
	else if (IsA(request, SupportRequestIndexCondition))
		answer = (Node *) index_condition((SupportRequestIndexCondition *) request);
	PG_RETURN_POINTER(answer);
}
