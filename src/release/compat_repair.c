/*
 * compat_repair.c
 *		What would make a package fit: at most three actions, each repair
 *		checked as a whole.
 *
 * An action adds a package that is known, puts it in the place of a component,
 * drops a component, or retires what is installed.  The search takes the first
 * violation that the release introduces, tries every action that could undo
 * it, and goes on with what is then the first; it ends at the least number of
 * actions that leaves nothing introduced.  It chooses among what it finds
 * named in the clauses, and gives up after a number of checks: it is no solver.
 */
#include "release/compat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define ACTIONS_MAX 3
#define REPAIRS_MAX 10
#define CHECKS_MAX 500

typedef enum ActionKind
{
	ACTION_ADD,
	ACTION_REPLACE,
	ACTION_RETIRE,
	ACTION_DROP
} ActionKind;

typedef struct Action
{
	ActionKind kind;
	int member;   /* what is added, dropped or retired */
	int replaced; /* ACTION_REPLACE: the component that it stands in for */
} Action;

typedef struct Repair
{
	Action actions[ACTIONS_MAX];
	int nactions;
} Repair;

typedef struct Search
{
	RmCompat *compat;
	Repair trial;
	int depth; /* number of actions allowed */
	int checks;
	Repair found[REPAIRS_MAX];
	int nfound;
} Search;

/* Do an action, or undo it. */
static void
perform(RmCompat *compat, const Action *action, bool done)
{
	RmMember *member = rm_compat_member(compat, action->member);

	switch (action->kind)
	{
		case ACTION_REPLACE:
			rm_compat_member(compat, action->replaced)->chosen = !done;
			member->chosen = done;
			break;
		case ACTION_ADD:
			member->chosen = done;
			break;
		case ACTION_DROP:
			member->chosen = !done;
			break;
		case ACTION_RETIRE:
			rm_compat_retire(compat, action->member, done);
			break;
	}
}

/* Settle the sets anew and find the first error that is introduced; returns whether there is one. */
static bool
first_introduced(Search *search, RmViolation *first)
{
	RmVerdict verdict;

	CHECK_FOR_INTERRUPTS();
	search->checks++;
	rm_compat_settle(search->compat);
	verdict = rm_compat_judge(search->compat);
	for (int i = 0; i < verdict.after.used; i++)
	{
		*first = ((RmViolation *) verdict.after.items)[i];
		if (!first->standing && !rm_compat_holds(search->compat, &verdict.before, first))
			return true;
	}
	*first = (RmViolation) { .member = rm_compat_misplaced(search->compat, -1), .clause = -1, .other = -1 };
	return first->member >= 0;
}

/* Whether the trial already does something with a member. */
static bool
is_touched(const Search *search, int member)
{
	for (int i = 0; i < search->trial.nactions; i++)
	{
		const Action *action = &search->trial.actions[i];

		if (action->member == member || (action->kind == ACTION_REPLACE && action->replaced == member))
			return true;
	}
	return false;
}

/* Whether two repairs consist of the same actions. */
static bool
equal_repairs(const Repair *a, const Repair *b)
{
	for (int i = 0; i < a->nactions; i++)
	{
		bool found = false;

		for (int j = 0; j < b->nactions; j++)
			found = found || (a->actions[i].kind == b->actions[j].kind && a->actions[i].member == b->actions[j].member);
		if (!found)
			return false;
	}
	return a->nactions == b->nactions;
}

/* Keep the trial as a repair, unless it is there or leaves none of the package's own components. */
static void
keep_trial(Search *search)
{
	int left = 0;

	for (int i = search->compat->baseline.members; i < search->compat->members.used; i++)
		left += rm_compat_member(search->compat, i)->chosen ? 1 : 0;
	for (int i = 0; i < search->trial.nactions; i++)
		left -= search->trial.actions[i].kind == ACTION_ADD ? 1 : 0;
	if (left == 0 || search->nfound == REPAIRS_MAX)
		return;
	for (int i = 0; i < search->nfound; i++)
	{
		if (equal_repairs(&search->found[i], &search->trial))
			return;
	}
	search->found[search->nfound++] = search->trial;
}

static void search_on(Search *search);

/* Go on with one more action. */
static void
try_action(Search *search, ActionKind kind, int member, int replaced)
{
	Action *action = &search->trial.actions[search->trial.nactions];

	if (is_touched(search, member) || (replaced >= 0 && is_touched(search, replaced)))
		return;
	*action = (Action) { kind, member, replaced };
	search->trial.nactions++;
	perform(search->compat, action, true);
	search_on(search);
	perform(search->compat, action, false);
	search->trial.nactions--;
}

/* Try to bring a candidate in, in the place of the component of its name where there is one. */
static void
try_candidate(Search *search, int candidate)
{
	const RmCompat *compat = search->compat;
	const RmMember *member = rm_compat_member(compat, candidate);
	int replaced = -1;

	if (member->component == NULL || member->chosen)
		return;
	for (int i = rm_compat_name_at(compat, member->name)->first_member; i >= 0;
		 i = rm_compat_member(compat, i)->next_namesake)
	{
		const RmMember *namesake = rm_compat_member(compat, i);

		/* What is installed in that version is no remedy. */
		if (namesake->before && rm_pkgver_compare(namesake->version, member->version) == 0)
			return;
		if (namesake->chosen)
			replaced = i;
	}
	try_action(search, replaced < 0 ? ACTION_ADD : ACTION_REPLACE, candidate, replaced);
}

/* Try to do without a member: another version of it, or none. */
static void
try_without(Search *search, int index)
{
	const RmCompat *compat = search->compat;
	const RmMember *member = rm_compat_member(compat, index);

	for (int i = rm_compat_name_at(compat, member->name)->first_member; i >= 0;
		 i = rm_compat_member(compat, i)->next_namesake)
		try_candidate(search, i);
	if (member->chosen)
		try_action(search, ACTION_DROP, index, -1);
	else if (member->before && member->ci != NULL && !member->essential)
		try_action(search, ACTION_RETIRE, index, -1);
}

/* Keep the trial where nothing is introduced; otherwise try what could undo the first violation. */
static void
search_on(Search *search)
{
	const RmCompat *compat = search->compat;
	RmViolation violation;
	int culprit;

	if (search->checks >= CHECKS_MAX || search->nfound == REPAIRS_MAX)
		return;
	if (!first_introduced(search, &violation))
	{
		keep_trial(search);
		return;
	}
	if (search->trial.nactions == search->depth)
		return;

	/* The sets are settled anew further down: what they say now must be read first. */
	culprit = rm_compat_culprit(compat, &violation);
	if (culprit >= 0)
		culprit = rm_compat_member(compat, culprit)->taken_by;
	if (violation.other < 0 && violation.clause >= 0)
	{
		for (int i = compat->baseline.members; i < compat->members.used; i++)
		{
			const RmMember *member = rm_compat_member(compat, i);

			if (!member->chosen && rm_compat_alternative_met_by(compat, rm_compat_clause(compat, violation.clause), i))
				try_candidate(search, i);
		}
	}
	try_without(search, violation.member);
	if (violation.other >= 0)
		try_without(search, violation.other);
	if (culprit >= 0)
		try_without(search, culprit);
}

/* Add the actions of all repairs to the result. */
static void
put_repairs(ReturnSetInfo *result, const Search *search)
{
	static const char *const words[] = { "add", "replace", "retire", "drop" };

	for (int i = 0; i < search->nfound; i++)
	{
		for (int j = 0; j < search->found[i].nactions; j++)
		{
			const Action *action = &search->found[i].actions[j];
			const RmMember *member = rm_compat_member(search->compat, action->member);
			Datum values[7];
			bool nulls[7] = { 0 };

			values[0] = Int32GetDatum(i + 1);
			values[1] = Int32GetDatum(j + 1);
			values[2] = CStringGetTextDatum(words[action->kind]);
			values[3] = CStringGetTextDatum(member->label);
			values[4] = PointerGetDatum(member->version);
			nulls[5] = !member->has_subject;
			values[5] = nulls[5] ? (Datum) 0 : UUIDPGetDatum(&member->subject);
			nulls[6] = member->ci == NULL;
			values[6] = nulls[6] ? (Datum) 0 : CStringGetTextDatum(member->ci);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
}

PG_FUNCTION_INFO_V1(rm_suggest_installation);

/*
 * Return what would make a package fit on one target.
 *
 * suggest_installation(package uuid, target uuid) returns table (repair, step,
 * action, name, version, subject, ci).
 */
Datum
rm_suggest_installation(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	RmScope scope = {
		.package = PG_GETARG_DATUM(0),
		.target = PG_GETARG_DATUM(1),
		.no_target = PG_ARGISNULL(1),
		.all_brought = true,
		.all_retired = true,
	};
	MemoryContext context;
	RmCompat *compat;
	Search search = { 0 };
	RmViolation first;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	SPI_connect();
	context = AllocSetContextCreate(caller, "compatibility repair", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);

	compat = rm_compat_open(&scope);
	search.compat = compat;
	if (first_introduced(&search, &first))
	{
		rm_compat_load_remedies(compat, PG_GETARG_DATUM(0));
		for (search.depth = 1; search.depth <= ACTIONS_MAX && search.nfound == 0; search.depth++)
			search_on(&search);
		put_repairs((ReturnSetInfo *) fcinfo->resultinfo, &search);
	}
	rm_compat_close(compat);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	SPI_finish();
	return (Datum) 0;
}
