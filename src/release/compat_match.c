/*
 * compat_match.c
 *		Whether one member is what a clause of another speaks of.
 *
 * Debian Policy, chapter 7, and deb-control(5) for architectures: a version
 * relation is met by a package of that name, or by one that provides the name
 * in a version (7.5: a provision without a version meets only relations
 * without one).
 */
#include "release/compat.h"

/* Whether the versions hold this one. */
bool
rm_versions_contain(const RmVersions *versions, const RmPkgver *version)
{
	int order;

	if (versions->any)
		return true;
	if (versions->empty || version == NULL)
		return false;
	if (versions->by_requirement)
		return rm_pkgreq_satisfied(versions->lower, version);
	if (versions->lower != NULL)
	{
		order = rm_pkgver_compare(version, versions->lower);
		if (order < 0 || (order == 0 && !versions->lower_inclusive))
			return false;
	}
	if (versions->upper != NULL)
	{
		order = rm_pkgver_compare(version, versions->upper);
		if (order > 0 || (order == 0 && !versions->upper_inclusive))
			return false;
	}
	return true;
}

/* Whether what is provided meets a relation to these versions. */
bool
rm_compat_provides(const RmCompat *compat, const RmProvision *provision, const RmVersions *versions)
{
	const RmVersions *provided = &rm_compat_alternative(compat, provision->alternative)->versions;

	if (versions->any)
		return true;
	return !provided->any && !provided->empty && !provided->by_requirement && provided->lower != NULL &&
		   rm_versions_contain(versions, provided->lower);
}

/* The architecture that a member runs on; NULL where it is not known. */
static const char *
effective_architecture(const RmCompat *compat, const RmMember *member)
{
	if (member->architecture != NULL && strcmp(member->architecture, "all") == 0)
		return compat->native;
	return member->architecture;
}

/* Whether a member runs on the architecture, as far as is known. */
static bool
is_of_architecture(const RmCompat *compat, const RmMember *member, const char *architecture)
{
	const char *its_own = effective_architecture(compat, member);

	return its_own == NULL || strcmp(its_own, architecture) == 0;
}

/* Whether two members run on one architecture, as far as is known. */
bool
rm_compat_same_architecture(const RmCompat *compat, const RmMember *a, const RmMember *b)
{
	const char *of_a = effective_architecture(compat, a);
	const char *of_b = effective_architecture(compat, b);

	return of_a == NULL || of_b == NULL || strcmp(of_a, of_b) == 0;
}

/* Whether a candidate's architecture lets it meet what subject requires. */
bool
rm_compat_architecture_meets(const RmCompat *compat, const RmMember *subject, const RmAlternativeName *alternative,
							 const RmMember *candidate)
{
	if (alternative->architecture == NULL)
		return candidate->multi_arch == RM_MULTI_ARCH_FOREIGN ||
			   rm_compat_same_architecture(compat, subject, candidate);
	if (strcmp(alternative->architecture, "any") == 0)
		return candidate->multi_arch == RM_MULTI_ARCH_ALLOWED ||
			   rm_compat_same_architecture(compat, subject, candidate);
	return is_of_architecture(compat, candidate, alternative->architecture);
}

/* Whether an exclusion reaches a member's architecture; without a qualifier it reaches every one. */
bool
rm_compat_architecture_excluded(const RmCompat *compat, const RmAlternativeName *alternative, const RmMember *other)
{
	return alternative->architecture == NULL || strcmp(alternative->architecture, "any") == 0 ||
		   is_of_architecture(compat, other, alternative->architecture);
}

/* Whether a member belongs to the set before or after. */
bool
rm_compat_belongs(const RmMember *member, bool after)
{
	return after ? member->after : member->before;
}

/* Whether one member of the set meets the alternative. */
static bool
alternative_met(const RmCompat *compat, const RmMember *subject, const RmAlternativeName *alternative, bool after)
{
	const RmName *name = rm_compat_name_at(compat, alternative->name);

	for (int i = name->first_member; i >= 0; i = rm_compat_member(compat, i)->next_namesake)
	{
		const RmMember *candidate = rm_compat_member(compat, i);

		if (rm_compat_belongs(candidate, after) && rm_versions_contain(&alternative->versions, candidate->version) &&
			rm_compat_architecture_meets(compat, subject, alternative, candidate))
			return true;
	}
	for (int i = name->first_provision; i >= 0; i = rm_compat_provision(compat, i)->next)
	{
		const RmProvision *provision = rm_compat_provision(compat, i);
		const RmMember *candidate = rm_compat_member(compat, provision->member);

		if (rm_compat_belongs(candidate, after) && rm_compat_provides(compat, provision, &alternative->versions) &&
			rm_compat_architecture_meets(compat, subject, alternative, candidate))
			return true;
	}
	return false;
}

/* Whether some alternative of a requires-clause is met in the set. */
bool
rm_compat_clause_met(const RmCompat *compat, const RmClause *clause, bool after)
{
	const RmMember *subject = rm_compat_member(compat, clause->member);

	for (int i = 0; i < clause->alternatives; i++)
	{
		if (alternative_met(compat, subject, rm_compat_alternative(compat, clause->first_alternative + i), after))
			return true;
	}
	return false;
}

/* Whether a candidate, in the set or not, meets some alternative of a requires-clause. */
bool
rm_compat_alternative_met_by(const RmCompat *compat, const RmClause *clause, int candidate)
{
	const RmMember *subject = rm_compat_member(compat, clause->member);
	const RmMember *member = rm_compat_member(compat, candidate);

	for (int i = 0; i < clause->alternatives; i++)
	{
		const RmAlternativeName *alternative = rm_compat_alternative(compat, clause->first_alternative + i);

		if (!rm_compat_architecture_meets(compat, subject, alternative, member))
			continue;
		if (member->name == alternative->name && rm_versions_contain(&alternative->versions, member->version))
			return true;
		for (int p = rm_compat_name_at(compat, alternative->name)->first_provision; p >= 0;
			 p = rm_compat_provision(compat, p)->next)
		{
			if (rm_compat_provision(compat, p)->member == candidate &&
				rm_compat_provides(compat, rm_compat_provision(compat, p), &alternative->versions))
				return true;
		}
	}
	return false;
}

/* Whether a component is of an architecture that nothing in the baseline has. */
bool
rm_compat_foreign_architecture(const RmCompat *compat, const RmMember *component)
{
	if (compat->architectures.used == 0 || component->architecture == NULL ||
		strcmp(component->architecture, "all") == 0)
		return false;
	for (int i = 0; i < compat->architectures.used; i++)
	{
		if (strcmp(((RmArchitecture *) compat->architectures.items)[i].name, component->architecture) == 0)
			return false;
	}
	return true;
}

/* Whether a component is a package of one operating system's kind, and the baseline holds those of the other alone. */
bool
rm_compat_foreign_system(const RmCompat *compat, const RmMember *component)
{
	RmScheme scheme = rm_compat_name_at(compat, component->name)->scheme;
	bool others = false;

	if (scheme != RM_SCHEME_DEB && scheme != RM_SCHEME_RPM)
		return false;
	for (int i = 0; i < compat->baseline.names; i++)
	{
		RmScheme known = rm_compat_name_at(compat, i)->scheme;

		if (known == scheme)
			return false;
		others = others || known == RM_SCHEME_DEB || known == RM_SCHEME_RPM;
	}
	return others;
}

/* Whether a member of the baseline would go, and nothing of its name comes in its place. */
bool
rm_compat_goes(const RmCompat *compat, const RmMember *member)
{
	return !member->after && (member->taken_by < 0 || rm_compat_member(compat, member->taken_by)->name != member->name);
}

/*
 * Return the next component, after this one, that is for another platform or
 * makes an essential package obsolete; -1 where there is none.  What the plan
 * itself retires is no component's doing.
 */
int
rm_compat_misplaced(const RmCompat *compat, int after)
{
	for (int i = Max(after + 1, compat->baseline.members); i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);

		if (!member->chosen)
			continue;
		if (rm_compat_foreign_platform(compat, i) != NULL || rm_compat_foreign_architecture(compat, member) ||
			rm_compat_foreign_system(compat, member))
			return i;
		for (int t = 0; t < compat->touched.used; t++)
		{
			const RmMember *gone = rm_compat_member(compat, ((int *) compat->touched.items)[t]);

			if (gone->essential && gone->taken_by == i && rm_compat_goes(compat, gone))
				return i;
		}
	}
	return -1;
}
