/*
 * compat_settle.c
 *		Which members a release leaves.
 */
#include "release/compat.h"

/* List a member of the baseline among those that the release takes out, or may. */
static RmMember *
touch(RmCompat *compat, int member)
{
	RmMember *touched = rm_compat_member(compat, member);

	if (!touched->touched)
		*(int *) rm_array_add(&compat->touched, sizeof(int)) = member;
	touched->touched = true;
	return touched;
}

/* State whether the plan retires a member of the baseline. */
void
rm_compat_retire(RmCompat *compat, int member, bool removed)
{
	touch(compat, member)->removed = removed;
}

/* Take a member of the baseline out of the set after. */
static void
take_out(RmCompat *compat, int member, int taken_by, const char *fate)
{
	RmMember *gone = touch(compat, member);

	if (!gone->after)
		return;
	gone->after = false;
	gone->taken_by = taken_by;
	gone->fate = fate;
}

/* Whether a replaces-clause of the member speaks of the other one. */
static bool
replaces(const RmCompat *compat, const RmMember *member, int other)
{
	for (int i = member->first_clause; i < member->first_clause + member->clauses; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);
		const RmAlternativeName *alternative = rm_compat_alternative(compat, clause->first_alternative);

		if (clause->kind != RM_CLAUSE_REPLACES)
			continue;
		if (alternative->name == rm_compat_member(compat, other)->name &&
			rm_compat_clause_names(compat, clause, other, NULL))
			return true;
		for (int p = rm_compat_name_at(compat, alternative->name)->first_provision; p >= 0;
			 p = rm_compat_provision(compat, p)->next)
		{
			if (rm_compat_provision(compat, p)->member == other &&
				rm_compat_clause_names(compat, clause, other, rm_compat_provision(compat, p)))
				return true;
		}
	}
	return false;
}

/*
 * Settle which members are in the set after: S = (B - removed - replaced -
 * obsoleted) + R.
 *
 * Removed is what the plan retires.  A component replaces what has its name (and
 * architecture, where both may stand beside each other), and makes obsolete
 * what it both conflicts with and replaces (Debian Policy 7.6.2).
 */
void
rm_compat_settle(RmCompat *compat)
{
	for (int i = 0; i < compat->touched.used; i++)
	{
		RmMember *member = rm_compat_member(compat, ((int *) compat->touched.items)[i]);

		member->after = !member->removed;
		member->taken_by = -1;
		member->fate = member->removed ? "removed by the plan" : NULL;
	}
	for (int i = compat->baseline.members; i < compat->members.used; i++)
		rm_compat_member(compat, i)->after = rm_compat_member(compat, i)->chosen;
	for (int i = compat->baseline.members; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);

		if (!member->chosen)
			continue;
		for (int j = rm_compat_name_at(compat, member->name)->first_member; j >= 0;
			 j = rm_compat_member(compat, j)->next_namesake)
		{
			const RmMember *namesake = rm_compat_member(compat, j);

			if (namesake->component == NULL &&
				(member->multi_arch != RM_MULTI_ARCH_SAME || rm_compat_same_architecture(compat, member, namesake)))
				take_out(compat, j, i, "replaced by");
		}
	}
	for (int i = compat->baseline.clauses; i < compat->clauses.used; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);
		const RmMember *member = rm_compat_member(compat, clause->member);
		RmArray excluded;

		if (clause->kind != RM_CLAUSE_CONFLICTS || !member->chosen)
			continue;
		excluded = rm_compat_excluded(compat, i, true);
		for (int j = 0; j < excluded.used; j++)
		{
			int other = ((RmViolation *) excluded.items)[j].other;

			if (rm_compat_member(compat, other)->component == NULL && replaces(compat, member, other))
				take_out(compat, other, clause->member, "made obsolete by");
		}
	}
}

/*
 * Find out which architecture "all" stands for: the one that most of the
 * baseline is of; else most of the release.
 */
void
rm_compat_find_native(RmCompat *compat)
{
	const RmArchitecture *most = NULL;
	RmArray architectures = { 0 };

	if (compat->complete && compat->baseline_native != NULL)
		return;
	for (int i = compat->baseline.members; i < compat->members.used; i++)
	{
		const char *name = rm_compat_member(compat, i)->architecture;
		RmArchitecture *architecture = NULL;

		if (name == NULL || strcmp(name, "all") == 0)
			continue;
		for (int j = 0; j < architectures.used && architecture == NULL; j++)
		{
			architecture = (RmArchitecture *) architectures.items + j;
			if (architecture->name != name && strcmp(architecture->name, name) != 0)
				architecture = NULL;
		}
		if (architecture == NULL)
			architecture = rm_array_add(&architectures, sizeof(RmArchitecture));
		architecture->name = name;
		architecture->members++;
	}
	for (int j = 0; j < architectures.used; j++)
	{
		const RmArchitecture *architecture = (RmArchitecture *) architectures.items + j;

		if (most == NULL || architecture->members > most->members ||
			(architecture->members == most->members && strcmp(architecture->name, most->name) < 0))
			most = architecture;
	}
	compat->native = most == NULL ? NULL : most->name;
	if (!compat->complete)
		compat->architectures = architectures;
}
