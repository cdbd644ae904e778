/*
 * compat_evaluate.c
 *		Which members a release leaves, and which clauses are not met.
 *
 * A package does not exclude itself, nor its own namesakes of other
 * architectures (Debian Policy 7.4).
 *
 * Linear in the clauses: each is looked at once for each set, by the names it
 * mentions.
 */
#include "release/compat.h"

#include "miscadmin.h"

/* Whether the only alternative of a clause of subject speaks of the other member, by name or by what it provides. */
static bool
clause_names(const RmCompat *compat, const RmClause *clause, int other, const RmProvision *provision)
{
	const RmMember *subject = rm_compat_member(compat, clause->member);
	const RmMember *member = rm_compat_member(compat, other);
	const RmAlternativeName *alternative = rm_compat_alternative(compat, clause->first_alternative);

	return member->name != subject->name && rm_compat_architecture_excluded(compat, alternative, member) &&
		   (provision == NULL ? rm_versions_contain(&alternative->versions, member->version)
							  : rm_compat_provides(compat, provision, &alternative->versions));
}

/* Note a violation. */
static void
violate(RmArray *violations, const char *kind, int member, int clause, int other)
{
	RmViolation *violation = rm_array_add(violations, sizeof(RmViolation));

	violation->kind = kind;
	violation->member = member;
	violation->clause = clause;
	violation->other = other;
}

/* Note every member of the set that a conflicts- or breaks-clause excludes. */
static void
evaluate_exclusion(const RmCompat *compat, int index, bool after, RmArray *violations)
{
	const RmClause *clause = rm_compat_clause(compat, index);
	const RmName *name = rm_compat_name_at(compat, rm_compat_alternative(compat, clause->first_alternative)->name);
	const char *kind = clause->kind == RM_CLAUSE_CONFLICTS ? "conflicts" : "breaks";

	for (int i = name->first_member; i >= 0; i = rm_compat_member(compat, i)->next_namesake)
	{
		if (rm_compat_belongs(rm_compat_member(compat, i), after) && clause_names(compat, clause, i, NULL))
			violate(violations, kind, clause->member, index, i);
	}
	for (int i = name->first_provision; i >= 0; i = rm_compat_provision(compat, i)->next)
	{
		const RmProvision *provision = rm_compat_provision(compat, i);

		if (rm_compat_belongs(rm_compat_member(compat, provision->member), after) &&
			clause_names(compat, clause, provision->member, provision))
			violate(violations, kind, clause->member, index, provision->member);
	}
}

/* Whether two members of one name may stand beside each other. */
static bool
coinstallable(const RmCompat *compat, const RmMember *a, const RmMember *b)
{
	RmScheme scheme = rm_compat_name_at(compat, a->name)->scheme;

	/* A program may hold several versions of one npm package, at different places of its tree. */
	if (scheme == RM_SCHEME_SEMVER || scheme == RM_SCHEME_GENERIC)
		return true;

	/* A baseline may list one thing twice; and architectures stand beside each other in one version (Multi-Arch: same).
	 */
	return rm_pkgver_compare(a->version, b->version) == 0;
}

/* Note every member of the set that is of another version than the first of its name. */
static void
evaluate_slots(const RmCompat *compat, bool after, RmArray *violations)
{
	for (int n = 0; n < compat->names.used; n++)
	{
		int first = -1;

		for (int i = rm_compat_name_at(compat, n)->first_member; i >= 0; i = rm_compat_member(compat, i)->next_namesake)
		{
			if (!rm_compat_belongs(rm_compat_member(compat, i), after))
				continue;
			if (first < 0)
				first = i;
			else if (!coinstallable(compat, rm_compat_member(compat, first), rm_compat_member(compat, i)))
			{
				/* A component comes first: it is what can be changed. */
				if (rm_compat_member(compat, i)->component != NULL)
					violate(violations, "two versions", i, -1, first);
				else
					violate(violations, "two versions", first, -1, i);
			}
		}
	}
}

/*
 * Order violations; those that are the same are equal.
 *
 * Two are the same where kind, the names of both members and the clause's text
 * agree, so that an upgrade that keeps an old fault has not introduced it.
 */
static int
compare_violations(const void *a, const void *b, void *arg)
{
	const RmViolation *left = a;
	const RmViolation *right = b;
	const RmCompat *compat = arg;
	int order = strcmp(left->kind, right->kind);

	if (order == 0)
		order = rm_compat_member(compat, left->member)->name - rm_compat_member(compat, right->member)->name;
	if (order == 0 && left->other >= 0 && right->other >= 0)
		order = rm_compat_member(compat, left->other)->name - rm_compat_member(compat, right->other)->name;
	if (order == 0 && left->clause >= 0 && right->clause >= 0)
		order = strcmp(rm_compat_clause(compat, left->clause)->text, rm_compat_clause(compat, right->clause)->text);
	return order;
}

/* Whether what rm_compat_evaluate returned holds the same violation. */
bool
rm_compat_holds(const RmCompat *compat, const RmArray *violations, const RmViolation *violation)
{
	int low = 0;
	int high = violations->used;

	while (low < high)
	{
		int middle = low + (high - low) / 2;
		int order = compare_violations((RmViolation *) violations->items + middle, violation, (void *) compat);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/*
 * Return what is violated in the set before or after, as an ordered array of
 * RmViolation.
 */
RmArray
rm_compat_evaluate(const RmCompat *compat, bool after)
{
	RmArray violations = { 0 };

	for (int i = 0; i < compat->clauses.used; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);

		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!rm_compat_belongs(rm_compat_member(compat, clause->member), after))
			continue;
		switch (clause->kind)
		{
			case RM_CLAUSE_REQUIRES:
			case RM_CLAUSE_PRE_REQUIRES:
				if (!rm_compat_clause_met(compat, clause, after))
					violate(&violations, "requires", clause->member, i, -1);
				break;
			case RM_CLAUSE_CONFLICTS:
			case RM_CLAUSE_BREAKS:
				evaluate_exclusion(compat, i, after, &violations);
				break;
			case RM_CLAUSE_PROVIDES:
			case RM_CLAUSE_REPLACES:
				break;
		}
	}
	evaluate_slots(compat, after, &violations);
	if (violations.used > 0)
		qsort_arg(violations.items, violations.used, sizeof(RmViolation), compare_violations, (void *) compat);
	return violations;
}

/* Take a member of the baseline out of the set after. */
static void
take_out(RmCompat *compat, int member, int taken_by, const char *fate)
{
	RmMember *gone = rm_compat_member(compat, member);

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
		if (alternative->name == rm_compat_member(compat, other)->name && clause_names(compat, clause, other, NULL))
			return true;
		for (int p = rm_compat_name_at(compat, alternative->name)->first_provision; p >= 0;
			 p = rm_compat_provision(compat, p)->next)
		{
			if (rm_compat_provision(compat, p)->member == other &&
				clause_names(compat, clause, other, rm_compat_provision(compat, p)))
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
	for (int i = 0; i < compat->members.used; i++)
	{
		RmMember *member = rm_compat_member(compat, i);

		member->before = member->component == NULL;
		member->after = member->before ? !member->removed : member->chosen;
		member->taken_by = -1;
		member->fate = member->removed ? "removed by the plan" : NULL;
	}
	for (int i = 0; i < compat->members.used; i++)
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
	for (int i = 0; i < compat->clauses.used; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);
		const RmMember *member = rm_compat_member(compat, clause->member);
		RmArray excluded = { 0 };

		if (clause->kind != RM_CLAUSE_CONFLICTS || !member->chosen)
			continue;
		evaluate_exclusion(compat, i, true, &excluded);
		for (int j = 0; j < excluded.used; j++)
		{
			int other = ((RmViolation *) excluded.items)[j].other;

			if (rm_compat_member(compat, other)->component == NULL && replaces(compat, member, other))
				take_out(compat, other, clause->member, "made obsolete by");
		}
	}
}
