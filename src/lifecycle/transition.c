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

/* Run a constant statement, kept in *plan, with the transition's release, model, from, to and note as $1 to $5. */
static void
run(const Transition *t, SPIPlanPtr *plan, const char *command, int expected)
{
	Oid types[] = { UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID };
	const char *note = rm_transition_note();
	Datum values[] = { t->release, t->model, CStringGetTextDatum(t->from), CStringGetTextDatum(t->to),
					   note != NULL ? CStringGetTextDatum(note) : (Datum) 0 };
	char nulls[] = { ' ', ' ', ' ', ' ', note != NULL ? ' ' : 'n' };
	int ret;

	ret = SPI_execute_plan(rm_lifecycle_plan(plan, command, lengthof(types), types), values, nulls, false, 0);
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
	static SPIPlanPtr known = NULL;
	static SPIPlanPtr others = NULL;
	bool isnull;
	StringInfoData legal;

	run(t, &known,
		"SELECT forward FROM release_mgmt.model_transition WHERE model_id = $2 AND from_state = $3 "
		"AND to_state = $4",
		SPI_OK_SELECT);
	if (SPI_processed == 1)
		return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));

	run(t, &others,
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
	static SPIPlanPtr plan = NULL;
	StringInfoData unmet;

	run(t, &plan,
		"INSERT INTO release_mgmt.criterion_evaluation "
		"(release_id, gate, criterion, met, status, digest, missing, owner, evidence) "
		"SELECT $1, g.gate, g.criterion, g.status = 'met', g.status, g.digest, g.missing, g.owner, g.evidence "
		"FROM release_mgmt_internal.gate_answers($1, ARRAY[$4]) AS g ORDER BY g.own, g.ordinal "
		"RETURNING status IN ('met', 'waived', 'not applicable'), criterion, "
		"release_mgmt_internal.tell_text($1, missing), owner",
		SPI_OK_INSERT_RETURNING);

	initStringInfo(&unmet);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		if (strcmp(cell(i, 1), "t") == 0)
			continue;
		appendStringInfo(&unmet, "%s%s: %s (%s).", unmet.len > 0 ? "\n" : "", cell(i, 2), cell(i, 3), cell(i, 4));
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
	static const char *const needed[] = { "id", "model_id", "code", "state" };
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	HeapTuple new_tuple;
	static SPIPlanPtr duty = NULL;
	static SPIPlanPtr history = NULL;
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

	/* What must not be NULL and is, the table's constraints refuse once its triggers are through. */
	for (int i = 0; i < lengthof(needed); i++)
	{
		if (heap_attisnull(new_tuple, SPI_fnumber(desc, needed[i]), desc))
			return PointerGetDatum(new_tuple);
	}

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");

	t.release = SPI_getbinval(new_tuple, desc, SPI_fnumber(desc, "id"), &isnull);
	t.model = SPI_getbinval(new_tuple, desc, SPI_fnumber(desc, "model_id"), &isnull);
	t.code = SPI_getvalue(new_tuple, desc, SPI_fnumber(desc, "code"));
	t.from = SPI_getvalue(trigdata->tg_trigtuple, desc, SPI_fnumber(desc, "state"));
	t.to = SPI_getvalue(new_tuple, desc, SPI_fnumber(desc, "state"));
	release = *DatumGetUUIDP(t.release);

	run(&t, &duty, "SELECT release_mgmt_internal.require_duty('release manager', 'change manager')", SPI_OK_SELECT);
	if (check_legal(&t))
		pass_gate(&t);
	run(&t, &history,
		"INSERT INTO release_mgmt.release_state_history (release_id, from_state, to_state, person_id, duty, note) "
		"SELECT $1, $3, $4, p.id, (SELECT pd.duty FROM release_mgmt.person_duty AS pd "
		"WHERE pd.person_id = p.id AND pd.duty IN ('release manager', 'change manager') "
		"ORDER BY release_mgmt_internal.may_write($1, ARRAY[pd.duty]) DESC, pd.duty DESC LIMIT 1), $5 "
		"FROM release_mgmt_internal.acting_person() AS p(id)",
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
