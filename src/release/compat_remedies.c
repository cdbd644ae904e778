/*
 * compat_remedies.c
 *		What a repair may bring in: the packages that violations name.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* How often what is wanted may want more: a repair has three actions. */
#define ROUNDS_MAX 3

/* Names still to be looked up; asked holds those that were. */
typedef struct Wanted
{
	Bitmapset *asked;
	Datum names[256];
	int count;
} Wanted;

/* Want the packages of a name. */
static void
want(const RmCompat *compat, Wanted *wanted, int name)
{
	if (wanted->count == lengthof(wanted->names) || bms_is_member(name, wanted->asked))
		return;
	wanted->asked = bms_add_member(wanted->asked, name);
	wanted->names[wanted->count++] = CStringGetTextDatum(rm_compat_name_at(compat, name)->text);
}

/* Want what a clause names. */
static void
want_alternatives(const RmCompat *compat, Wanted *wanted, const RmClause *clause)
{
	for (int i = 0; i < clause->alternatives; i++)
		want(compat, wanted, rm_compat_alternative(compat, clause->first_alternative + i)->name);
}

/* Load what a repair may use: what the violations name, and what that requires in turn. */
void
rm_compat_load_remedies(RmCompat *compat, Datum package)
{
	RmVerdict verdict = rm_compat_judge(compat);
	Wanted wanted = { 0 };

	for (int i = 0; i < verdict.after.used; i++)
	{
		const RmViolation *violation = (RmViolation *) verdict.after.items + i;
		int culprit;

		if (violation->standing || rm_compat_holds(compat, &verdict.before, violation))
			continue;
		want(compat, &wanted, rm_compat_member(compat, violation->member)->name);
		if (violation->other >= 0)
			want(compat, &wanted, rm_compat_member(compat, violation->other)->name);
		else
			want_alternatives(compat, &wanted, rm_compat_clause(compat, violation->clause));
		culprit = rm_compat_culprit(compat, violation);
		if (culprit >= 0)
			want(compat, &wanted, rm_compat_member(compat, culprit)->name);
	}
	for (int i = rm_compat_misplaced(compat, -1); i >= 0; i = rm_compat_misplaced(compat, i))
		want(compat, &wanted, rm_compat_member(compat, i)->name);
	for (int round = 0; round < ROUNDS_MAX && wanted.count > 0; round++)
	{
		int first_clause = compat->clauses.used;

		rm_compat_load_candidates(
			compat, package,
			PointerGetDatum(construct_array(wanted.names, wanted.count, TEXTOID, -1, false, TYPALIGN_INT)));
		wanted.count = 0;
		for (int i = first_clause; i < compat->clauses.used; i++)
		{
			const RmClause *clause = rm_compat_clause(compat, i);

			if ((clause->kind == RM_CLAUSE_REQUIRES || clause->kind == RM_CLAUSE_PRE_REQUIRES) &&
				!rm_compat_clause_met(compat, clause, true))
				want_alternatives(compat, &wanted, clause);
		}
	}
}
