/*
 * compat_unpack.c
 *		Read a baseline from the value that it was packed into.
 */
#include "release/compat_pack.h"

#include "utils/memutils.h"

/* Where the sections of a part are read from. */
typedef struct Reader
{
	bytea *part;
	const char *at;
	const char *pool;
} Reader;

/* Begin a part, in the current memory context. */
static Reader
open_part(Datum part, const char *pool)
{
	bytea *copy = (bytea *) PG_DETOAST_DATUM_COPY(part);

	return (Reader) { copy, (const char *) copy + 2 * sizeof(int32), pool };
}

/* The next section, of so many items. */
static const void *
next_section(Reader *reader, int count, size_t size)
{
	const char *section = reader->at;

	if ((const char *) reader->part + VARSIZE(reader->part) < section + MAXALIGN(count * size))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("a stored baseline ends before it should"),
				 errhint("DELETE FROM release_mgmt_internal.stored_baseline; store_baselines() makes it anew.")));
	reader->at += MAXALIGN(count * size);
	return section;
}

/* What lies at a place of the pool. */
static inline const void *
at_place(const Reader *reader, RmPlace place)
{
	return place == 0 ? NULL : reader->pool + place;
}

/* An array with so many items, and a little room for what a release brings. */
static void *
make_array(RmArray *array, int count, size_t size)
{
	if (array->items != NULL)
		pfree(array->items);
	array->used = count;
	array->allocated = count + count / 64 + 64;
	array->items = MemoryContextAllocHuge(CurrentMemoryContext, array->allocated * size);
	return array->items;
}

/* Read names, members, and what was found in the baseline. */
static void
read_members(RmCompat *compat, const RmPackedHead *head, Reader *reader)
{
	const RmPackedName *names = next_section(reader, head->names, sizeof(RmPackedName));
	const RmPackedMember *members = next_section(reader, head->members, sizeof(RmPackedMember));
	RmName *name = make_array(&compat->names, head->names, sizeof(RmName));
	RmMember *member = make_array(&compat->members, head->members, sizeof(RmMember));

	for (int i = 0; i < head->names; i++)
		name[i] = (RmName) { names[i].scheme, at_place(reader, names[i].text), names[i].first_member,
							 names[i].first_provision };
	for (int i = 0; i < head->members; i++)
		member[i] = (RmMember) {
			.name = members[i].name,
			.label = at_place(reader, members[i].label),
			.architecture = at_place(reader, members[i].architecture),
			.architecture_stated = members[i].architecture_stated,
			.multi_arch = members[i].multi_arch,
			.essential = members[i].essential,
			.clauses_known = members[i].clauses_known,
			.version = at_place(reader, members[i].version),
			.ci = at_place(reader, members[i].ci),
			.has_subject = members[i].has_subject,
			.subject = members[i].subject,
			.first_clause = members[i].first_clause,
			.clauses = members[i].clauses,
			.before = true,
			.after = true,
			.taken_by = -1,
			.next_namesake = members[i].next_namesake,
		};
	rm_compat_adopt_names(compat, &names->hash, sizeof(RmPackedName));
	memcpy(make_array(&compat->provisions, head->provisions, sizeof(RmProvision)),
		   next_section(reader, head->provisions, sizeof(RmProvision)), head->provisions * sizeof(RmProvision));
}

/* Read the what was found in the baseline. */
static void
read_findings(RmCompat *compat, const RmPackedHead *head, Reader *reader)
{
	const RmPackedViolation *standing = next_section(reader, head->standing, sizeof(RmPackedViolation));
	const RmPackedArchitecture *architectures = next_section(reader, head->architectures, sizeof(RmPackedArchitecture));
	const RmPlace *unreadable = next_section(reader, head->unreadable, sizeof(RmPlace));
	RmViolation *violation = make_array(&compat->standing, head->standing, sizeof(RmViolation));
	RmArchitecture *architecture = make_array(&compat->architectures, head->architectures, sizeof(RmArchitecture));
	const char **label = make_array(&compat->unreadable, head->unreadable, sizeof(char *));

	for (int i = 0; i < head->standing; i++)
		violation[i] = (RmViolation) { rm_packed_kinds[standing[i].kind], standing[i].member, standing[i].clause,
									   standing[i].other, false };
	for (int i = 0; i < head->architectures; i++)
		architecture[i] = (RmArchitecture) { at_place(reader, architectures[i].name), architectures[i].members };
	for (int i = 0; i < head->unreadable; i++)
		label[i] = at_place(reader, unreadable[i]);
}

/* Read clauses. */
static void
read_clauses(RmCompat *compat, const RmPackedHead *head, Reader *reader)
{
	const RmPackedClause *clauses = next_section(reader, head->clauses, sizeof(RmPackedClause));
	RmClause *clause = make_array(&compat->clauses, head->clauses, sizeof(RmClause));

	for (int i = 0; i < head->clauses; i++)
		clause[i] = (RmClause) { clauses[i].kind, clauses[i].member, clauses[i].first_alternative,
								 clauses[i].alternatives, at_place(reader, clauses[i].text) };
}

/* Read alternatives. */
static void
read_alternatives(RmCompat *compat, const RmPackedHead *head, Reader *reader)
{
	const RmPackedAlternative *alternatives = next_section(reader, head->alternatives, sizeof(RmPackedAlternative));
	RmAlternativeName *alternative = make_array(&compat->alternatives, head->alternatives, sizeof(RmAlternativeName));

	for (int i = 0; i < head->alternatives; i++)
		alternative[i] = (RmAlternativeName) {
			alternatives[i].name,
			at_place(reader, alternatives[i].architecture),
			{ .lower = at_place(reader, alternatives[i].lower),
			  .upper = at_place(reader, alternatives[i].upper),
			  .any = alternatives[i].any,
			  .empty = alternatives[i].empty,
			  .lower_inclusive = (alternatives[i].inclusive & 1) != 0,
			  .upper_inclusive = (alternatives[i].inclusive & 2) != 0,
			  .by_requirement = alternatives[i].by_requirement },
		};
}

/*
 * Return the baseline that the values of its parts hold, in the current memory
 * context.
 */
RmCompat *
rm_compat_unpack(const Datum parts[RM_PACKED_PARTS])
{
	static void (*const read_part[RM_PACKED_PARTS])(RmCompat *, const RmPackedHead *, Reader *) = {
		[RM_PACKED_MEMBERS] = read_members,
		[RM_PACKED_CLAUSES] = read_clauses,
		[RM_PACKED_ALTERNATIVES] = read_alternatives,
	};
	Reader lasting = open_part(parts[RM_PACKED_LASTING], NULL);
	const RmPackedHead *head = next_section(&lasting, 1, sizeof(RmPackedHead));
	RmCompat *compat = rm_compat_create();

	/* These never change, and are used where they lie; as is the pool. */
	compat->mention_from = unconstify(int *, (const int *) next_section(&lasting, head->names + 2, sizeof(int)));
	compat->mentions = unconstify(int *, (const int *) next_section(&lasting, head->mentions, sizeof(int)));
	lasting.pool = lasting.at;
	for (int i = RM_PACKED_MEMBERS; i < RM_PACKED_PARTS; i++)
	{
		Reader reader = open_part(parts[i], lasting.pool);

		read_part[i](compat, head, &reader);
		if (i == RM_PACKED_MEMBERS)
			read_findings(compat, head, &reader);
		pfree(reader.part);
	}
	compat->unknown = head->unknown;
	compat->unknown_names = unconstify(char *, (const char *) at_place(&lasting, head->unknown_names));
	compat->native = compat->baseline_native = at_place(&lasting, head->native);
	compat->platform = (RmPlatform) { at_place(&lasting, head->platform_ci), at_place(&lasting, head->platform_path),
									  at_place(&lasting, head->platform_said), head->platform_lasting != 0 };
	compat->baseline = (RmExtent) { head->members, head->clauses, head->alternatives, head->provisions, head->names };
	compat->complete = true;
	return compat;
}
