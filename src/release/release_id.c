/*
 * release_id.c
 *		The id of a release, by its code.
 *
 * Rows of a release are written by statements that name it in each row, so the
 * release asked for last is remembered, at each place of a query, until the
 * statement ends or something is written.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "ledger/store.h"
#include "party/party.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* The release asked for last. */
typedef struct Named
{
	FmgrInfo find;
	bool is_known;
	CommandId command;
	TimestampTz statement;
	Oid role;
	Oid actor;
	text *code;
	pg_uuid_t id;
} Named;

PG_FUNCTION_INFO_V1(rm_release_id);

/* Return the role of the person that the session acts for, InvalidOid where it is for nobody else. */
static Oid
actor(void)
{
	return rm_ledger_actor_hook == NULL ? InvalidOid : rm_ledger_actor_hook();
}

/* Return whether the release is the one that was asked for last, in this command and by whoever acts. */
static bool
is_known(const Named *named, const text *code)
{
	return named->is_known && named->command == GetCurrentCommandId(false) &&
		   named->statement == GetCurrentStatementStartTimestamp() && named->role == rm_party_outer_role() &&
		   named->actor == actor() && VARSIZE_ANY_EXHDR(code) == VARSIZE_ANY_EXHDR(named->code) &&
		   memcmp(VARDATA_ANY(code), VARDATA_ANY(named->code), VARSIZE_ANY_EXHDR(code)) == 0;
}

/* release_id(code text) returns uuid */
Datum
rm_release_id(PG_FUNCTION_ARGS)
{
	Named *named = (Named *) fcinfo->flinfo->fn_extra;
	/* NULL is the code of none. */
	text *code = PG_ARGISNULL(0) ? cstring_to_text("") : PG_GETARG_TEXT_PP(0);
	MemoryContext old_context;
	pg_uuid_t *id;

	if (named == NULL)
	{
		Oid types[] = { TEXTOID };

		named = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Named));
		fmgr_info_cxt(rm_internal_function("find_release", lengthof(types), types), &named->find,
					  fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = named;
	}
	if (!is_known(named, code))
	{
		named->is_known = false;
		named->id = *DatumGetUUIDP(FunctionCall1(&named->find, PointerGetDatum(code)));
		if (named->code != NULL)
			pfree(named->code);
		old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		named->code = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(code));
		MemoryContextSwitchTo(old_context);
		named->command = GetCurrentCommandId(false);
		named->statement = GetCurrentStatementStartTimestamp();
		named->role = rm_party_outer_role();
		named->actor = actor();
		named->is_known = true;
	}
	id = palloc(sizeof(pg_uuid_t));
	*id = named->id;
	PG_RETURN_UUID_P(id);
}
