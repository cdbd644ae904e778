/*
 * changed.c
 *		The row trigger of a rule that concerns only some columns of its table.
 *
 * A WHEN clause would say the same, but is read and compiled anew by every
 * statement, which costs more than capturing a row's change: a table with a
 * handful of rules would make every UPDATE pay for those that do not concern
 * it.  A list of columns ("UPDATE OF") is cheaper still and says something
 * else: what the statement names, not what a trigger before this one changed.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "utils/datum.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rm_when_changed);

/* Does the row have another value in the column than before? */
static bool
is_changed(const TriggerData *trigger, const char *column)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	int attno = SPI_fnumber(desc, column);
	Form_pg_attribute attribute;
	Datum old_value;
	Datum new_value;
	bool old_null;
	bool new_null;

	if (attno <= 0)
		elog(ERROR, "table \"%s\" has no column \"%s\"", RelationGetRelationName(trigger->tg_relation), column);
	attribute = TupleDescAttr(desc, attno - 1);
	old_value = slot_getattr(trigger->tg_trigslot, attno, &old_null);
	new_value = slot_getattr(trigger->tg_newslot, attno, &new_null);
	if (old_null || new_null)
		return old_null != new_null;
	return !datum_image_eq(old_value, new_value, attribute->attbyval, attribute->attlen);
}

/* The function that is the rule, looked up once in a statement with no regard to what the writer may look up. */
static FmgrInfo *
rule_of(FmgrInfo *flinfo, const char *name)
{
	FmgrInfo *rule = (FmgrInfo *) flinfo->fn_extra;

	if (rule == NULL)
	{
		rule = (FmgrInfo *) MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(FmgrInfo));
		fmgr_info_cxt(rm_internal_function(name, 0, NULL), rule, flinfo->fn_mcxt);
		flinfo->fn_extra = rule;
	}
	return rule;
}

/*
 * when_changed(rule text, column text, ...) returns trigger
 *
 * UPDATE FOR EACH ROW, BEFORE or AFTER.
 */
Datum
rm_when_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool concerned = false;
	Datum result;

	LOCAL_FCINFO(callinfo, 0);

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || trigger->tg_trigger->tgnargs < 2)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("when_changed() is an UPDATE row trigger with a function and columns as arguments")));

	for (int i = 1; i < trigger->tg_trigger->tgnargs && !concerned; i++)
		concerned = is_changed(trigger, trigger->tg_trigger->tgargs[i]);
	if (!concerned || !rm_ledger_is_active())
		return PointerGetDatum(trigger->tg_newtuple);

	InitFunctionCallInfoData(*callinfo, rule_of(fcinfo->flinfo, trigger->tg_trigger->tgargs[0]), 0, InvalidOid,
							 fcinfo->context, NULL);
	result = FunctionCallInvoke(callinfo);
	fcinfo->isnull = callinfo->isnull;
	return result;
}
