/*
 * transition.c
 *		A release changes its state only as its model says, through its gates.
 *
 * BEFORE UPDATE on release, whoever writes: a verb, an application's plain
 * UPDATE, the tables' owner.  The row is locked by then, and every change
 * beneath the release waits for that lock (touch.c), so what the checks see
 * stays true until commit.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rm_release_transition);

/* What the trigger needs of the row. */
typedef struct Transition
{
	Datum release; /* uuid */
	Datum model;   /* uuid */
	char *code;
	char *from;
	char *to;
} Transition;

/* Run a constant statement with the transition's release, model, from and to as $1 to $4. */
static void
run(const Transition *t, const char *command, int expected)
{
	Oid types[] = { UUIDOID, UUIDOID, TEXTOID, TEXTOID };
	Datum values[] = { t->release, t->model, CStringGetTextDatum(t->from), CStringGetTextDatum(t->to) };
	int ret;

	ret = SPI_execute_with_args(command, 4, types, values, NULL, false, 0);
	if (ret != expected)
		elog(ERROR, "statement of a transition failed: %s", SPI_result_code_string(ret));
}

/* Column number col of row number row of the last result. */
static char *
cell(uint64 row, int col)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, col);
}

/* Refuse unless the model knows the transition; return whether it leads forward. */
static bool
check_legal(const Transition *t)
{
	bool isnull;
	StringInfoData legal;

	run(t,
		"SELECT forward FROM release_mgmt.model_transition WHERE model_id = $2 AND from_state = $3 "
		"AND to_state = $4",
		SPI_OK_SELECT);
	if (SPI_processed == 1)
		return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));

	run(t,
		"SELECT t.to_state FROM release_mgmt.model_transition AS t JOIN release_mgmt.model_state AS s "
		"ON s.model_id = t.model_id AND s.state = t.to_state "
		"WHERE t.model_id = $2 AND t.from_state = $3 ORDER BY s.ordinal",
		SPI_OK_SELECT);
	initStringInfo(&legal);
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&legal, "%s%s", i > 0 ? ", " : "", cell(i, 1));
	ereport(ERROR, (errcode(ERRCODE_RM_ILLEGAL_TRANSITION),
					errmsg("release \"%s\" can not go from %s to %s", t->code, t->from, t->to),
					legal.len > 0 ? errdetail("From %s its model leads to: %s.", t->from, legal.data)
								  : errdetail("From %s its model leads nowhere.", t->from),
					errhint("Use one of these, or advance_release(), which takes the states between in one call.")));
}

/* Refuse, listing every unmet criterion of the gate; keep every evaluation. */
static void
pass_gate(const Transition *t)
{
	StringInfoData unmet;

	run(t,
		"INSERT INTO release_mgmt.criterion_evaluation (release_id, gate, criterion, met, missing, owner, evidence) "
		"SELECT $1, c.to_state, c.name, coalesce(r.met, false), r.missing, r.owner, r.evidence "
		"FROM release_mgmt.gate_criterion AS c, LATERAL release_mgmt_internal.ask_check(c.check_name, $1) AS r "
		"WHERE c.model_id = $2 AND c.to_state = $4 ORDER BY c.ordinal "
		"RETURNING met, criterion, release_mgmt_internal.tell_text($1, missing), owner",
		SPI_OK_INSERT_RETURNING);

	initStringInfo(&unmet);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *owner = cell(i, 4);

		if (strcmp(cell(i, 1), "t") == 0)
			continue;
		appendStringInfo(&unmet, "%s%s: %s (%s).", unmet.len > 0 ? "\n" : "", cell(i, 2),
						 cell(i, 3) ? cell(i, 3) : "no evidence", owner ? owner : "release manager");
	}
	if (unmet.len > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_RM_GATE_UNMET), errmsg("release \"%s\" does not pass the gate to %s", t->code, t->to),
			 errdetail_internal("%s", unmet.data),
			 errhint("See SELECT * FROM release_mgmt.gate_status WHERE release = '%s' AND status <> 'met'.", t->code)));
}

/*
 * release_transition() returns trigger
 *
 * BEFORE UPDATE FOR EACH ROW on release, where the state changes.
 */
Datum
rm_release_transition(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	HeapTuple new_tuple;
	Transition t;
	pg_uuid_t release;
	Datum revision;
	int attno;
	bool isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("release_transition() is a BEFORE UPDATE trigger")));
	desc = RelationGetDescr(trigdata->tg_relation);
	new_tuple = trigdata->tg_newtuple;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");

	t.release = SPI_getbinval(new_tuple, desc, SPI_fnumber(desc, "id"), &isnull);
	t.model = SPI_getbinval(new_tuple, desc, SPI_fnumber(desc, "model_id"), &isnull);
	t.code = SPI_getvalue(new_tuple, desc, SPI_fnumber(desc, "code"));
	t.from = SPI_getvalue(trigdata->tg_trigtuple, desc, SPI_fnumber(desc, "state"));
	t.to = SPI_getvalue(new_tuple, desc, SPI_fnumber(desc, "state"));
	release = *DatumGetUUIDP(t.release);

	run(&t, "SELECT release_mgmt_internal.require_duty('release manager', 'change manager')", SPI_OK_SELECT);
	if (check_legal(&t))
		pass_gate(&t);
	run(&t,
		"INSERT INTO release_mgmt.release_state_history (release_id, from_state, to_state, person_id) "
		"SELECT $1, $3, $4, release_mgmt_internal.acting_person()",
		SPI_OK_INSERT);
	SPI_finish();

	attno = SPI_fnumber(desc, "revision");
	revision = heap_getattr(trigdata->tg_trigtuple, attno, desc, &isnull);
	revision = Int64GetDatum(DatumGetInt64(revision) + 1);
	isnull = false;
	new_tuple = heap_modify_tuple_by_cols(new_tuple, desc, 1, &attno, &revision, &isnull);
	if (!rm_touch_done(&release))
		rm_touch_note(&release);
	return PointerGetDatum(new_tuple);
}
