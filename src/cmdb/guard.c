/*
 * guard.c
 *		The trigger on bound tables: keeps the stubs and guards the rows.
 *
 * It fires AFTER the row, when no BEFORE trigger of the customer can change
 * the row or hide it any more, and before the ledger's capture (triggers of
 * one event fire by name: rm_80_ci, rm_90_capture).  When all row triggers of
 * the statement have fired, the registered checks of the point 'ci_change' are
 * asked in every mode, about each changed column of each row, and what they
 * permit is recorded in ci_change_permit; a change that nothing permits is
 * refused in mode enforce, complained of in mode warn, and left to drift() in
 * mode observe.
 */
#include "postgres.h"

#include "cmdb/binding.h"
#include "cmdb/cases.h"
#include "cmdb/key.h"
#include "cmdb/permit.h"
#include "cmdb/refusal.h"
#include "cmdb/source.h"
#include "cmdb/value.h"

#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Return the attempt that is the creation or retirement of an item as such. */
static RmAttempt *
whole_item(const char *operation)
{
	RmAttempt *attempt = palloc0(sizeof(RmAttempt));

	attempt->operation = operation;
	return attempt;
}

/* Return the attempt to give a column a value. */
static RmAttempt *
column_attempt(const char *operation, Form_pg_attribute attribute, Datum old, bool old_null, Datum new, bool new_null)
{
	RmAttempt *attempt = whole_item(operation);

	attempt->attribute = pstrdup(NameStr(attribute->attname));
	attempt->old_value = old_null ? NULL : rm_value_text(old, attribute->atttypid);
	attempt->new_value = new_null ? NULL : rm_value_text(new, attribute->atttypid);
	return attempt;
}

/* Return in which table the row is, where that inherits from the class's; NULL where it is that. */
static char *
child_name(const RmBinding *binding, Relation relation)
{
	if (!binding->is_child)
		return NULL;
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

/* Return the attempt to create the item in a table that inherits from the class's. */
static RmAttempt *
child_attempt(char *name)
{
	RmAttempt *attempt = whole_item("create");

	attempt->attribute = "tableoid";
	attempt->new_value = name;
	return attempt;
}

/* Return the attempt to retire the item. */
static RmAttempt *
retirement(const RmBinding *binding, Relation relation)
{
	RmAttempt *attempt = whole_item("retire");

	attempt->old_value = child_name(binding, relation);
	return attempt;
}

/* Return an attempt for each column that an UPDATE changed, exempt ones left out. */
static List *
update_attempts(RmBinding *binding, TupleTableSlot *old, TupleTableSlot *new)
{
	TupleDesc desc = new->tts_tupleDescriptor;
	List *attempts = NIL;

	slot_getallattrs(old);
	slot_getallattrs(new);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (bms_is_member(attribute->attnum, binding->exempt) ||
			rm_value_same(old->tts_values[i], old->tts_isnull[i], new->tts_values[i], new->tts_isnull[i], attribute))
			continue;
		attempts = lappend(attempts, column_attempt("change", attribute, old->tts_values[i], old->tts_isnull[i],
													new->tts_values[i], new->tts_isnull[i]));
	}
	return attempts;
}

/*
 * Is this the value that the column's default gives?
 *
 * A volatile default (a sequence, a random key) can not be asked again; any
 * value of such a column goes with the plan to create the item.
 */
static bool
is_default(Relation relation, Form_pg_attribute attribute, Datum value)
{
	Node *expression = build_column_default(relation, attribute->attnum);
	EState *estate;
	ExprState *state;
	Datum standard;
	bool isnull;
	bool same;

	if (expression == NULL)
		return false;
	if (contain_volatile_functions(expression))
		return true;
	estate = CreateExecutorState();
	state = ExecPrepareExpr((Expr *) expression, estate);
	standard = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), &isnull);
	same = rm_value_same(standard, isnull, value, false, attribute);
	FreeExecutorState(estate);
	return same;
}

/* Is the column part of the key? */
static bool
is_key(const RmBinding *binding, AttrNumber number)
{
	for (int i = 0; i < binding->nkeys; i++)
	{
		if (binding->keys[i] == number)
			return true;
	}
	return false;
}

/*
 * Return the attempts of an INSERT: the item as such, the table where that
 * inherits from the class's, and each column that has a value of its own,
 * neither key nor default.
 */
static List *
insert_attempts(RmBinding *binding, Relation relation, TupleTableSlot *new)
{
	TupleDesc desc = RelationGetDescr(relation);
	List *attempts = list_make1(whole_item("create"));

	if (binding->is_child)
		attempts = lappend(attempts, child_attempt(child_name(binding, relation)));
	slot_getallattrs(new);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		RmAttempt *attempt;

		if (new->tts_isnull[i] || bms_is_member(attribute->attnum, binding->exempt) ||
			is_key(binding, attribute->attnum))
			continue;
		attempt = column_attempt("create", attribute, (Datum) 0, true, new->tts_values[i], false);
		attempt->is_default = is_default(relation, attribute, new->tts_values[i]);
		attempts = lappend(attempts, attempt);
	}
	return attempts;
}

/* Return whether a check permits everything that is done to the item, but for what is left to defaults. */
static bool
is_permitted(const RmCase *item)
{
	ListCell *cell;

	foreach (cell, item->attempts)
	{
		RmAttempt *attempt = lfirst(cell);

		if (attempt->check_name == NULL && !attempt->is_default)
			return false;
	}
	return true;
}

/* Return the cases whose items were none before. */
static List *
new_items(List *cases)
{
	List *found = NIL;
	ListCell *cell;

	foreach (cell, cases)
	{
		if (((RmCase *) lfirst(cell))->is_new)
			found = lappend(found, lfirst(cell));
	}
	return found;
}

/*
 * Ask for permission of every attempt, judge by the mode what is not
 * permitted, and record what is.
 */
static void
judge(List *cases)
{
	List *refused = NIL;
	List *warned = NIL;
	ListCell *cell;

	/* The checks are asked while an item still belongs to whom it did; a new one belongs to somebody already. */
	rm_owners_keep(new_items(cases));
	rm_cases_ask(cases);
	foreach (cell, cases)
	{
		RmCase *item = lfirst(cell);

		if (item->mode == RM_MODE_OBSERVE || is_permitted(item))
			continue;
		if (item->mode == RM_MODE_ENFORCE)
			refused = lappend(refused, item);
		else
			warned = lappend(warned, item);
	}
	if (refused != NIL)
		rm_report_unpermitted(ERROR, refused);
	if (warned != NIL)
		rm_report_unpermitted(WARNING, warned);
	rm_owners_keep(cases);
	rm_cases_record(cases);
}

/* Return whether the row's key is another than it was. */
static bool
is_key_changed(const char *old_key, const char *new_key)
{
	return old_key == NULL || new_key == NULL || strcmp(old_key, new_key) != 0;
}

/* Bring the item's stub in step with its row; whose it is, is written when the statement is judged. */
static void
keep_stub(RmBinding *binding, RmCase *item, const char *old_key, char *new_key, bool owner_changed)
{
	bool key_changed = is_key_changed(old_key, new_key);
	RmIdentity saved;

	/* The stub of a changed key may have been somebody else's. */
	if (owner_changed || (binding->owner != NULL && old_key != NULL && new_key != NULL && key_changed))
		item->owned_key = new_key;
	if (!key_changed)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rm_become_owner(&saved);
	item->has_id = rm_stub_keep(item->class, old_key, new_key, &item->ci_id);
	rm_become_again(&saved);
	SPI_finish();
}

/* Does one of the columns hold another value? */
static bool
is_any_changed(const Bitmapset *columns, TupleTableSlot *old, TupleTableSlot *new)
{
	int column = -1;

	while ((column = bms_next_member(columns, column)) >= 0)
	{
		bool before_null, now_null;
		Datum before = slot_getattr(old, column, &before_null);
		Datum now = slot_getattr(new, column, &now_null);

		if (!rm_value_same(before, before_null, now, now_null,
						   TupleDescAttr(new->tts_tupleDescriptor, AttrNumberGetAttrOffset(column))))
			return true;
	}
	return false;
}

/* Does the row begin to belong to somebody, or to somebody else? */
static bool
is_owner_changed(const RmBinding *binding, TupleTableSlot *old, TupleTableSlot *new)
{
	if (binding->owner == NULL || new == NULL)
		return false;
	return old == NULL || is_any_changed(binding->owner, old, new);
}

/*
 * Is the row an item that can be named?
 *
 * The columns of a key are NOT NULL when a class is bound.  Where somebody has
 * changed that, a row without a key is none that a release could plan.
 */
static bool
is_item(RmBinding *binding, TupleTableSlot *slot, const char *class)
{
	if (!rm_binding_holds_item(binding, slot))
		return false;
	for (int i = 0; i < binding->nkeys; i++)
	{
		if (!slot_attisnull(slot, binding->keys[i]))
			continue;
		if (binding->mode == RM_MODE_ENFORCE)
			rm_refuse_keyless(class, slot->tts_tupleDescriptor, binding->keys[i]);
		return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(rm_keep_ci);

/*
 * Row trigger rm_80_ci(class) on bound tables.
 *
 * In an inactive database rows are taken as they come, and the stubs with
 * them: both are being restored.  That a row changed is noted in any case,
 * unless a baseline would be the same.
 */
Datum
rm_keep_ci(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleTableSlot *old = NULL;
	TupleTableSlot *new = NULL;
	RmBinding *binding;
	RmCase item = { 0 };
	bool before;
	bool now;
	bool owner_changed;
	char *old_key;
	char *new_key;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("keep_ci() is an AFTER row trigger with the class as its argument")));
	item.class = trigger->tg_trigger->tgargs[0];
	binding = rm_ledger_is_active() ? rm_binding_get(trigger->tg_relation, item.class) : NULL;
	if (binding == NULL || !binding->bound || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		is_any_changed(binding->installed, trigger->tg_trigslot, trigger->tg_newslot))
		rm_source_note(item.class);
	if (binding == NULL || !binding->bound)
		return PointerGetDatum(NULL);

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		old = trigger->tg_trigslot;
	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		new = old == NULL ? trigger->tg_trigslot : trigger->tg_newslot;
	before = is_item(binding, old, item.class);
	now = is_item(binding, new, item.class);
	if (!before && !now)
		return PointerGetDatum(NULL);
	if (old == NULL)
		item.attempts = insert_attempts(binding, trigger->tg_relation, new);
	else if (new == NULL)
		item.attempts = list_make1(retirement(binding, trigger->tg_relation));
	else
		item.attempts = update_attempts(binding, old, new);
	owner_changed = now && is_owner_changed(binding, before ? old : NULL, new);
	if (item.attempts == NIL && before == now && !owner_changed)
		return PointerGetDatum(NULL);

	old_key = before ? rm_slot_key(old, binding->keys, binding->nkeys) : NULL;
	new_key = now ? rm_slot_key(new, binding->keys, binding->nkeys) : NULL;
	item.key = old_key != NULL ? old_key : new_key;
	item.is_new = !before;
	item.mode = binding->mode;
	keep_stub(binding, &item, old_key, new_key, owner_changed);
	if (item.attempts != NIL || item.owned_key != NULL)
		rm_cases_add(&item, judge);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(rm_judge_ci);

/* Statement trigger rm_95_judge: what the statement did to items is judged. */
Datum
rm_judge_ci(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		elog(ERROR, "judge_ci() is a statement trigger");
	rm_cases_judge(judge);
	return PointerGetDatum(NULL);
}
