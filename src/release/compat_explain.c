/*
 * compat_explain.c
 *		Findings of a compatibility check in words.
 */
#include "release/compat.h"

#include "lib/stringinfo.h"

/* "name version" */
char *
rm_compat_describe(const RmCompat *compat, int member)
{
	const RmMember *it = rm_compat_member(compat, member);
	RmPkgverView version = rm_pkgver_view(it->version);

	return psprintf("%s %.*s", it->label, (int) version.text_len, version.text);
}

/* Say why a member is not there after the release: "replaced by curl 8.0-1". */
static char *
describe_fate(const RmCompat *compat, const RmMember *member)
{
	if (member->taken_by < 0)
		return pstrdup(member->fate);
	return psprintf("%s %s", member->fate, rm_compat_describe(compat, member->taken_by));
}

/* Append one candidate for an alternative and why it does not do. */
static void
append_candidate(const RmCompat *compat, StringInfo out, const RmMember *subject, const RmAlternativeName *alternative,
				 int candidate, const RmProvision *provision)
{
	const RmMember *member = rm_compat_member(compat, candidate);
	const char *name = rm_compat_name_at(compat, alternative->name)->text;
	bool in_version = provision == NULL ? rm_versions_contain(&alternative->versions, member->version)
										: rm_compat_provides(compat, provision, &alternative->versions);

	if (out->len > 0)
		appendStringInfoString(out, "; ");
	appendStringInfo(out, "%s: ", rm_compat_describe(compat, candidate));
	if (!member->after)
		appendStringInfoString(out, describe_fate(compat, member));
	else if (!in_version && provision != NULL && rm_compat_alternative(compat, provision->alternative)->versions.any)
		appendStringInfo(out, "provides %s without a version", name);
	else if (!in_version)
		appendStringInfoString(out, "version outside of the clause");
	else if (!rm_compat_architecture_meets(compat, subject, alternative, member))
		appendStringInfo(out, "architecture %s", member->architecture);
	else
		appendStringInfoString(out, "excluded");
}

/*
 * List what was seen for a clause that is not met, and why each is no answer;
 * for a clash, the other member.
 */
char *
rm_compat_candidates(const RmCompat *compat, const RmViolation *violation)
{
	const RmMember *subject = rm_compat_member(compat, violation->member);
	const RmClause *clause;
	StringInfoData out;

	if (violation->other >= 0)
		return rm_compat_describe(compat, violation->other);
	initStringInfo(&out);
	clause = rm_compat_clause(compat, violation->clause);
	for (int i = 0; i < clause->alternatives; i++)
	{
		const RmAlternativeName *alternative = rm_compat_alternative(compat, clause->first_alternative + i);
		const RmName *name = rm_compat_name_at(compat, alternative->name);

		/* What is installed first. */
		for (int installed = 1; installed >= 0; installed--)
		{
			for (int m = name->first_member; m >= 0; m = rm_compat_member(compat, m)->next_namesake)
			{
				const RmMember *member = rm_compat_member(compat, m);

				if (installed ? member->component == NULL : member->chosen)
					append_candidate(compat, &out, subject, alternative, m, NULL);
			}
		}
		for (int p = name->first_provision; p >= 0; p = rm_compat_provision(compat, p)->next)
			append_candidate(compat, &out, subject, alternative, rm_compat_provision(compat, p)->member,
							 rm_compat_provision(compat, p));
		if (name->first_member < 0 && name->first_provision < 0)
			appendStringInfo(&out, "%sno package is or provides %s", out.len > 0 ? "; " : "", name->text);
	}
	return out.data;
}

/* Say what is wrong, in one sentence without its full stop. */
char *
rm_compat_sentence(const RmCompat *compat, const RmViolation *violation)
{
	const char *subject = rm_compat_describe(compat, violation->member);
	const char *text = violation->clause < 0 ? NULL : rm_compat_clause(compat, violation->clause)->text;

	if (strcmp(violation->kind, "requires") == 0)
		return psprintf("%s requires %s", subject, text);
	if (strcmp(violation->kind, "conflicts") == 0)
		return psprintf("%s conflicts with %s (%s)", subject, rm_compat_describe(compat, violation->other), text);
	if (strcmp(violation->kind, "breaks") == 0)
		return psprintf("%s breaks %s (%s)", subject, rm_compat_describe(compat, violation->other), text);
	return psprintf("%s and %s would hold one name", subject, rm_compat_describe(compat, violation->other));
}

/* The member whose going took away what met a clause, or -1. */
int
rm_compat_culprit(const RmCompat *compat, const RmViolation *violation)
{
	const RmMember *subject = rm_compat_member(compat, violation->member);
	const RmClause *clause;

	if (violation->clause < 0 || violation->other >= 0)
		return -1;
	clause = rm_compat_clause(compat, violation->clause);
	for (int i = 0; i < clause->alternatives; i++)
	{
		const RmAlternativeName *alternative = rm_compat_alternative(compat, clause->first_alternative + i);
		const RmName *name = rm_compat_name_at(compat, alternative->name);

		for (int m = name->first_member; m >= 0; m = rm_compat_member(compat, m)->next_namesake)
		{
			const RmMember *member = rm_compat_member(compat, m);

			if (member->before && !member->after && rm_versions_contain(&alternative->versions, member->version) &&
				rm_compat_architecture_meets(compat, subject, alternative, member))
				return m;
		}
		for (int p = name->first_provision; p >= 0; p = rm_compat_provision(compat, p)->next)
		{
			const RmProvision *provision = rm_compat_provision(compat, p);
			const RmMember *member = rm_compat_member(compat, provision->member);

			if (member->before && !member->after && rm_compat_provides(compat, provision, &alternative->versions) &&
				rm_compat_architecture_meets(compat, subject, alternative, member))
				return provision->member;
		}
	}
	return -1;
}

/* Say how the release comes to the violation: what it does, and what follows. */
char *
rm_compat_chain(const RmCompat *compat, const RmViolation *violation)
{
	const RmMember *member = rm_compat_member(compat, violation->member);
	char *sentence = rm_compat_sentence(compat, violation);
	int culprit = rm_compat_culprit(compat, violation);

	if (member->component == NULL && culprit >= 0)
		return psprintf("%s is %s > %s", rm_compat_describe(compat, culprit),
						describe_fate(compat, rm_compat_member(compat, culprit)), sentence);
	if (member->component != NULL)
		return psprintf("component %s > %s", member->component, sentence);
	if (violation->other >= 0 && rm_compat_member(compat, violation->other)->component != NULL)
		return psprintf("component %s > %s", rm_compat_member(compat, violation->other)->component, sentence);
	return sentence;
}

/* The component that a violation is to be laid to; where none is, the member that is in trouble. */
const char *
rm_compat_blame(const RmCompat *compat, const RmViolation *violation)
{
	const RmMember *member = rm_compat_member(compat, violation->member);
	int culprit;

	if (member->component != NULL)
		return member->component;
	if (violation->other >= 0 && rm_compat_member(compat, violation->other)->component != NULL)
		return rm_compat_member(compat, violation->other)->component;
	culprit = rm_compat_culprit(compat, violation);
	if (culprit >= 0 && rm_compat_member(compat, culprit)->taken_by >= 0)
		return rm_compat_member(compat, rm_compat_member(compat, culprit)->taken_by)->component;
	return member->label;
}
