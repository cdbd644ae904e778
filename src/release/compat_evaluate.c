/*
 * compat_evaluate.c
 *		Which clauses are not met.
 *
 * A package does not exclude itself, nor its own namesakes of other
 * architectures (Debian Policy 7.4).
 *
 * A baseline is evaluated whole, once; linear in its clauses.  What a release
 * makes of it follows from the clauses that mention a name of which something
 * comes or goes, and from those that come with it: whether a clause is met
 * depends on the members that bear or provide the names in it, and on nothing
 * else.
 */
#include "release/compat.h"

#include "miscadmin.h"

/* Whether the only alternative of a clause of subject speaks of the other member, by name or by what it provides. */
bool
rm_compat_clause_names(const RmCompat *compat, const RmClause *clause, int other, const RmProvision *provision)
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
		if (rm_compat_belongs(rm_compat_member(compat, i), after) && rm_compat_clause_names(compat, clause, i, NULL))
			violate(violations, kind, clause->member, index, i);
	}
	for (int i = name->first_provision; i >= 0; i = rm_compat_provision(compat, i)->next)
	{
		const RmProvision *provision = rm_compat_provision(compat, i);

		if (rm_compat_belongs(rm_compat_member(compat, provision->member), after) &&
			rm_compat_clause_names(compat, clause, provision->member, provision))
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

/* Note every member of a name in the set that is of another version than the first one. */
static void
evaluate_slot(const RmCompat *compat, int name, bool after, RmArray *violations)
{
	int first = -1;

	for (int i = rm_compat_name_at(compat, name)->first_member; i >= 0; i = rm_compat_member(compat, i)->next_namesake)
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

/* Note what violates a clause, whose member is in the set. */
static void
evaluate_clause(const RmCompat *compat, int index, bool after, RmArray *violations)
{
	const RmClause *clause = rm_compat_clause(compat, index);

	switch (clause->kind)
	{
		case RM_CLAUSE_REQUIRES:
		case RM_CLAUSE_PRE_REQUIRES:
			if (!rm_compat_clause_met(compat, clause, after))
				violate(violations, "requires", clause->member, index, -1);
			break;
		case RM_CLAUSE_CONFLICTS:
		case RM_CLAUSE_BREAKS:
			evaluate_exclusion(compat, index, after, violations);
			break;
		case RM_CLAUSE_PROVIDES:
		case RM_CLAUSE_REPLACES:
			break;
	}
}

/* Return the members of the set that a conflicts- or breaks-clause excludes, as violations. */
RmArray
rm_compat_excluded(const RmCompat *compat, int clause, bool after)
{
	RmArray excluded = { 0 };

	evaluate_exclusion(compat, clause, after, &excluded);
	return excluded;
}

/* Bring violations into their order. */
static void
sort_violations(const RmCompat *compat, RmArray *violations)
{
	if (violations->used > 0)
		qsort_arg(violations->items, violations->used, sizeof(RmViolation), compare_violations, (void *) compat);
}

/* Return what is violated in the set before or after, from every clause. */
RmArray
rm_compat_evaluate_all(const RmCompat *compat, bool after)
{
	RmArray violations = { 0 };

	for (int i = 0; i < compat->clauses.used; i++)
	{
		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		if (rm_compat_belongs(rm_compat_member(compat, rm_compat_clause(compat, i)->member), after))
			evaluate_clause(compat, i, after, &violations);
	}
	for (int n = 0; n < compat->names.used; n++)
		evaluate_slot(compat, n, after, &violations);
	sort_violations(compat, &violations);
	return violations;
}

/* Clauses and names by index, as bits. */
typedef struct Marks
{
	uint64 *bits;
} Marks;

/* Return so many marks, none of them set. */
static Marks
no_marks(int count)
{
	return (Marks) { palloc0((count / 64 + 1) * sizeof(uint64)) };
}

/* Whether it is marked. */
static bool
is_marked(Marks marks, int index)
{
	return (marks.bits[index / 64] >> (index % 64) & 1) != 0;
}

/* Mark; returns whether it was not yet. */
static bool
mark(Marks marks, int index)
{
	bool is_new = !is_marked(marks, index);

	marks.bits[index / 64] |= UINT64CONST(1) << (index % 64);
	return is_new;
}

/* Mark the names of which a member that comes or goes is one, or provides one; and add to the list those that were not
 * yet. */
static void
mark_names(const RmCompat *compat, int index, Marks names, RmArray *list)
{
	const RmMember *member = rm_compat_member(compat, index);

	if (mark(names, member->name))
		*(int *) rm_array_add(list, sizeof(int)) = member->name;
	for (int i = member->first_clause; i < member->first_clause + member->clauses; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);
		int name = rm_compat_alternative(compat, clause->first_alternative)->name;

		if (clause->kind == RM_CLAUSE_PROVIDES && mark(names, name))
			*(int *) rm_array_add(list, sizeof(int)) = name;
	}
}

/* Merge two ordered arrays of violations. */
static RmArray
merge(const RmCompat *compat, const RmArray *left, const RmArray *right)
{
	RmArray merged = { 0 };
	int l = 0;
	int r = 0;

	while (l < left->used || r < right->used)
	{
		const RmViolation *next;

		if (r == right->used ||
			(l < left->used && compare_violations((RmViolation *) left->items + l, (RmViolation *) right->items + r,
												  (void *) compat) <= 0))
			next = (RmViolation *) left->items + l++;
		else
			next = (RmViolation *) right->items + r++;
		*(RmViolation *) rm_array_add(&merged, sizeof(RmViolation)) = *next;
	}
	return merged;
}

/* Return what the release makes of the baseline's standing violations, looking only at what it changes. */
static RmVerdict
judge_changes(const RmCompat *compat)
{
	RmVerdict verdict = { .before = compat->standing };
	Marks names = no_marks(compat->names.used);
	Marks clauses = no_marks(compat->baseline.clauses);
	RmArray changed = { 0 };
	RmArray kept = { 0 };
	RmArray found = { 0 };

	for (int i = 0; i < compat->touched.used; i++)
	{
		int member = ((int *) compat->touched.items)[i];

		if (!rm_compat_member(compat, member)->after)
			mark_names(compat, member, names, &changed);
	}
	for (int i = compat->baseline.members; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);

		if (!member->after)
			continue;
		mark_names(compat, i, names, &changed);
		for (int c = member->first_clause; c < member->first_clause + member->clauses; c++)
			evaluate_clause(compat, c, true, &found);
	}
	for (int i = 0; i < changed.used; i++)
	{
		int name = ((int *) changed.items)[i];

		evaluate_slot(compat, name, true, &found);
		if (name >= compat->baseline.names)
			continue;
		for (int m = compat->mention_from[name]; m < compat->mention_from[name + 1]; m++)
		{
			int clause = compat->mentions[m];

			if (mark(clauses, clause) && rm_compat_member(compat, rm_compat_clause(compat, clause)->member)->after)
				evaluate_clause(compat, clause, true, &found);
		}
	}
	for (int i = 0; i < compat->standing.used; i++)
	{
		const RmViolation *violation = (RmViolation *) compat->standing.items + i;
		bool again = violation->clause < 0 ? is_marked(names, rm_compat_member(compat, violation->member)->name)
										   : is_marked(clauses, violation->clause);
		RmArray *into = again || !rm_compat_member(compat, violation->member)->after ? &verdict.ended : &kept;
		RmViolation *copy = rm_array_add(into, sizeof(RmViolation));

		*copy = *violation;
		copy->standing = true;
	}
	sort_violations(compat, &found);
	verdict.after = merge(compat, &kept, &found);
	return verdict;
}

/* Return what is violated before and after. */
RmVerdict
rm_compat_judge(const RmCompat *compat)
{
	RmVerdict verdict;

	/* Where the release tells what "all" stands for, the baseline's own clauses may mean something else. */
	if (compat->native == compat->baseline_native)
		return judge_changes(compat);
	verdict.before = verdict.ended = rm_compat_evaluate_all(compat, false);
	verdict.after = rm_compat_evaluate_all(compat, true);
	return verdict;
}
