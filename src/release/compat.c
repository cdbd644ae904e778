/*
 * compat.c
 *		Whether a package fits: check_installation(), one target at a time.
 *
 * Violations of the set before and of the set after are compared: what is only
 * in the second is introduced, what is in both pre-existing, what is only in
 * the first fixed.  Only what is introduced blocks.  Two violations are the
 * same where kind, the names of both members and the clause's text agree, so
 * that an upgrade that keeps an old fault has not introduced it.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Columns of the result. */
typedef struct Finding
{
	const char *severity;
	const char *finding;
	const char *kind;
	const char *class;
	const char *component;
	const char *clause;
	const char *candidates;
	const char *chain;
} Finding;

/* Where findings go. */
typedef struct Output
{
	ReturnSetInfo *result;
	const RmCompat *compat;
} Output;

/* Add a row to the result. */
static void
put_finding(Output *output, const Finding *finding)
{
	const char *columns[] = { finding->severity,  finding->finding, finding->kind,       finding->class,
							  finding->component, finding->clause,  finding->candidates, finding->chain };
	Datum values[lengthof(columns)];
	bool nulls[lengthof(columns)];

	for (int i = 0; i < lengthof(columns); i++)
	{
		nulls[i] = columns[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(columns[i]);
	}
	tuplestore_putvalues(output->result->setResult, output->result->setDesc, values, nulls);
}

/* Add a violation to the result. */
static void
put_violation(Output *output, const RmViolation *violation, const char *severity, const char *class)
{
	const RmCompat *compat = output->compat;
	bool fixed = strcmp(class, "fixed") == 0;
	Finding finding = {
		.severity = severity,
		.finding = rm_compat_sentence(compat, violation),
		.kind = violation->kind,
		.class = class,
		.component = fixed ? rm_compat_member(compat, violation->member)->label : rm_compat_blame(compat, violation),
		.clause = violation->clause < 0 ? NULL : rm_compat_clause(compat, violation->clause)->text,
		.candidates = fixed ? NULL : rm_compat_candidates(compat, violation),
		.chain = fixed ? NULL : rm_compat_chain(compat, violation),
	};

	put_finding(output, &finding);
}

/* Compare the violations before and after, and add each with its class. */
static void
put_violations(Output *output)
{
	const RmCompat *compat = output->compat;
	RmVerdict verdict = rm_compat_judge(compat);

	for (int i = 0; i < verdict.after.used; i++)
	{
		const RmViolation *violation = (RmViolation *) verdict.after.items + i;

		if (violation->standing || rm_compat_holds(compat, &verdict.before, violation))
			put_violation(output, violation, "warning", "pre-existing");
		else
			put_violation(output, violation, "error", "introduced");
	}
	for (int i = 0; i < verdict.ended.used; i++)
	{
		const RmViolation *violation = (RmViolation *) verdict.ended.items + i;

		if (!rm_compat_holds(compat, &verdict.after, violation))
			put_violation(output, violation, "note", "fixed");
	}
}

/* Add what becomes of each member of the baseline that the release takes out. */
static void
put_fates(Output *output)
{
	const RmCompat *compat = output->compat;

	for (int t = 0; t < compat->touched.used; t++)
	{
		int i = ((int *) compat->touched.items)[t];
		const RmMember *member = rm_compat_member(compat, i);
		const RmMember *by = member->taken_by < 0 ? NULL : rm_compat_member(compat, member->taken_by);
		bool replaced = !rm_compat_goes(compat, member);
		Finding finding = { .class = "introduced", .component = by ? by->component : member->label };

		if (member->after)
			continue;
		if (replaced && rm_pkgver_compare(by->version, member->version) < 0)
		{
			finding.severity = "warning";
			finding.kind = "downgrade";
			finding.finding = psprintf("%s would replace the later %s", rm_compat_describe(compat, member->taken_by),
									   rm_compat_describe(compat, i));
			put_finding(output, &finding);
		}
		if (replaced)
			continue;
		finding.severity = member->essential ? "error" : "note";
		finding.kind = member->essential ? "essential removed" : "removed";
		finding.finding = by ? psprintf("%s would be made obsolete by %s", rm_compat_describe(compat, i),
										rm_compat_describe(compat, member->taken_by))
							 : psprintf("%s would be removed by the plan", rm_compat_describe(compat, i));
		put_finding(output, &finding);
	}
}

/* Add a component that is for another platform than the target. */
static void
put_foreign(Output *output)
{
	const RmCompat *compat = output->compat;

	for (int i = compat->baseline.members; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);
		const RmJudgement *judgement = rm_compat_foreign_platform(compat, i);
		Finding finding = {
			.severity = "error", .kind = "platform", .class = "introduced", .component = member->component
		};

		if (judgement != NULL)
		{
			finding.finding = psprintf("%s is for %s; the target runs %s", rm_compat_describe(compat, i),
									   judgement->needs, judgement->target);
			finding.candidates = rm_compat_platform_seen(compat);
			finding.chain = psprintf("component %s > %s > %s", member->component, rm_compat_system_told(compat, i),
									 finding.finding);
		}
		else if (rm_compat_foreign_system(compat, member))
			finding.finding =
				psprintf("%s is %s; the target holds none", rm_compat_describe(compat, i),
						 rm_compat_name_at(compat, member->name)->scheme == RM_SCHEME_DEB ? "a Debian package"
																						  : "an RPM package");
		else if (rm_compat_foreign_architecture(compat, member))
			finding.finding = psprintf("%s is for %s; the target runs %s", rm_compat_describe(compat, i),
									   member->architecture, compat->native);
		else
			continue;
		put_finding(output, &finding);
	}
}

/* Say of which components, and of how much of the baseline, it is not known what they require. */
static void
put_unknown(Output *output)
{
	const RmCompat *compat = output->compat;
	Finding finding = { .severity = "warning", .kind = "unknown relations", .class = "introduced" };

	for (int i = compat->baseline.members; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);

		if (member->clauses_known)
			continue;
		finding.component = member->component;
		finding.finding = psprintf("the relations of %s are not known", rm_compat_describe(compat, i));
		put_finding(output, &finding);
	}
	if (compat->unknown == 0)
		return;
	finding.class = "pre-existing";
	finding.component = "(installed)";
	finding.finding = psprintf("of %d installed packages, the relations of %d are not known; load_package_clauses() "
							   "learns them",
							   compat->baseline.members, compat->unknown);
	finding.candidates = compat->unknown_names;
	put_finding(output, &finding);
}

/* Say that it can not be read what the target runs, where that matters. */
static void
put_unread_platform(Output *output)
{
	const RmCompat *compat = output->compat;
	int count = rm_compat_unread_platform(compat);
	Finding finding = {
		.severity = "warning", .kind = "unreadable platform", .class = "pre-existing", .component = "(installed)"
	};

	if (count == 0)
		return;
	finding.finding =
		psprintf("it can not be read what the target runs, and so not whether that is what components are for (%d); a "
				 "row of release_mgmt.operating_system_name tells what a name means",
				 count);
	finding.candidates = rm_compat_platform_seen(compat);
	put_finding(output, &finding);
}

/* Say which items of the CMDB were not looked at, since their versions can not be read. */
static void
put_unreadable(Output *output)
{
	const RmCompat *compat = output->compat;
	StringInfoData labels;
	Finding finding = {
		.severity = "warning", .kind = "unreadable version", .class = "pre-existing", .component = "(installed)"
	};

	if (compat->unreadable.used == 0)
		return;
	initStringInfo(&labels);
	for (int i = 0; i < compat->unreadable.used; i++)
		appendStringInfo(&labels, "%s%s", i > 0 ? ", " : "", ((const char **) compat->unreadable.items)[i]);
	finding.finding = psprintf("of what is installed, the versions of %d can not be read", compat->unreadable.used);
	finding.candidates = labels.data;
	put_finding(output, &finding);
}

/* Note which components a clause relates to the one whose clause it is. */
static void
relate_by_clause(const RmCompat *compat, const RmClause *clause)
{
	RmMember *member = rm_compat_member(compat, clause->member);

	for (int i = clause->first_alternative; i < clause->first_alternative + clause->alternatives; i++)
	{
		const RmName *name = rm_compat_name_at(compat, rm_compat_alternative(compat, i)->name);

		for (int m = name->first_member; m >= 0; m = rm_compat_member(compat, m)->next_namesake)
		{
			if (m != clause->member && rm_compat_member(compat, m)->chosen)
				member->related = rm_compat_member(compat, m)->related = true;
		}
		for (int p = name->first_provision; p >= 0; p = rm_compat_provision(compat, p)->next)
		{
			RmMember *provider = rm_compat_member(compat, rm_compat_provision(compat, p)->member);

			if (provider != member && provider->chosen)
				member->related = provider->related = true;
		}
	}
}

/* Add the components that no clause relates to another one; whether something else does, the caller finds out. */
static void
put_unrelated(Output *output)
{
	const RmCompat *compat = output->compat;

	for (int i = compat->baseline.clauses; i < compat->clauses.used; i++)
		relate_by_clause(compat, rm_compat_clause(compat, i));
	for (int i = compat->baseline.members; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);
		Finding finding = { .kind = "unrelated", .component = member->component };

		if (!member->related)
			put_finding(output, &finding);
	}
}

/* Add what the baseline was: no finding, but what all of them are about. */
static void
put_baseline(Output *output, RmCompat *compat, const RmScope *scope)
{
	Finding finding = {
		.kind = "baseline",
		.finding = rm_compat_digest(compat, scope),
		.candidates = psprintf("%d", compat->baseline.members + compat->unreadable.used),
	};

	put_finding(output, &finding);
}

PG_FUNCTION_INFO_V1(rm_check_installation);

/*
 * Return the findings of installing a package on one target.
 *
 * check_installation(package uuid, target uuid, components text[], retired_on
 * text[], tell_baseline boolean) returns table (severity, finding, kind, class,
 * component, clause, candidates, chain); a NULL target stands for what is
 * installed on none, NULL components for all of the package, NULL retired_on
 * for whatever the plan retires.  A row without a severity is no finding: it
 * names a component that no clause relates to another one (kind unrelated), or
 * tells the digest of the baseline and how many items it has (kind baseline).
 */
Datum
rm_check_installation(PG_FUNCTION_ARGS)
{
	Output output = { .result = (ReturnSetInfo *) fcinfo->resultinfo };
	MemoryContext caller = CurrentMemoryContext;
	RmScope scope = {
		.package = PG_GETARG_DATUM(0),
		.target = PG_GETARG_DATUM(1),
		.no_target = PG_ARGISNULL(1),
		.brought = PG_GETARG_DATUM(2),
		.all_brought = PG_ARGISNULL(2),
		.retired_on = PG_GETARG_DATUM(3),
		.all_retired = PG_ARGISNULL(3),
	};
	MemoryContext context;
	RmCompat *compat;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	SPI_connect();
	context = AllocSetContextCreate(caller, "compatibility check", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);

	compat = rm_compat_open(&scope);
	output.compat = compat;
	put_violations(&output);
	put_fates(&output);
	put_foreign(&output);
	put_unread_platform(&output);
	put_unknown(&output);
	put_unreadable(&output);
	put_unrelated(&output);
	if (PG_GETARG_BOOL(4))
		put_baseline(&output, compat, &scope);
	rm_compat_close(compat);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	SPI_finish();
	return (Datum) 0;
}
