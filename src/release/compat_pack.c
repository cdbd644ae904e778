/*
 * compat_pack.c
 *		Make values of a baseline that another session can read.
 */
#include "release/compat_pack.h"

#include "catalog/catversion.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"

const char *const rm_packed_kinds[4] = { "requires", "conflicts", "breaks", "two versions" };

typedef struct Content
{
	const char *data;
	uint32 length;
} Content;

typedef struct ContentEntry
{
	Content content;
	uint32 hash;
	RmPlace place;
	char status;
} ContentEntry;

#define SH_PREFIX rm_content
#define SH_ELEMENT_TYPE ContentEntry
#define SH_KEY_TYPE Content
#define SH_KEY content
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key).data, (key).length)
#define SH_EQUAL(table, a, b) ((a).length == (b).length && memcmp((a).data, (b).data, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What a packed value depends on beside the rows. */
char *
rm_compat_form(void)
{
	return psprintf("%d: catalog %d, key %d, words %d, %s", RM_PACKED_FORM, CATALOG_VERSION_NO, RM_PKGVER_KEY_VERSION,
					(int) sizeof(void *),
#ifdef WORDS_BIGENDIAN
					"big endian"
#else
					"little endian"
#endif
	);
}

typedef struct Writer
{
	StringInfoData parts[RM_PACKED_PARTS];
	StringInfoData pool;
	rm_content_hash *contents;
} Writer;

/* The place of so many bytes; what is aligned begins at a multiple of 8. */
static RmPlace
place_of(Writer *writer, const void *data, size_t length, bool aligned)
{
	bool found;
	ContentEntry *entry = rm_content_insert(writer->contents, (Content) { data, length }, &found);

	if (found && !(aligned && entry->place % MAXIMUM_ALIGNOF != 0))
		return entry->place;
	while (aligned && writer->pool.len % MAXIMUM_ALIGNOF != 0)
		appendStringInfoChar(&writer->pool, '\0');
	entry->place = writer->pool.len;
	appendBinaryStringInfo(&writer->pool, data, length);
	return entry->place;
}

/* The place of a text, with the zero byte that ends it. */
static RmPlace
place_text(Writer *writer, const char *text)
{
	return text == NULL ? 0 : place_of(writer, text, strlen(text) + 1, false);
}

/* The place of a value with a length of its own. */
static RmPlace
place_value(Writer *writer, const void *value)
{
	return value == NULL ? 0 : place_of(writer, value, VARSIZE_ANY(value), true);
}

/* Begin a section of a part, of so many items, aligned; returns it, zeroed, until the next one of that part. */
static void *
add_section(Writer *writer, RmPackedPart part, int count, size_t size)
{
	StringInfo sections = &writer->parts[part];
	size_t length = MAXALIGN(count * size);
	char *section;

	enlargeStringInfo(sections, length);
	section = sections->data + sections->len;
	memset(section, 0, length);
	sections->len += length;
	return section;
}

/* Write a violation's kind as a number. */
static int
kind_number(const char *kind)
{
	for (int i = 0; i < lengthof(rm_packed_kinds); i++)
	{
		if (strcmp(rm_packed_kinds[i], kind) == 0)
			return i;
	}
	elog(ERROR, "violation of unknown kind \"%s\"", kind);
}

/* Write the sections of names, members and clauses. */
static void
write_members(Writer *writer, const RmCompat *compat)
{
	RmPackedName *names = add_section(writer, RM_PACKED_MEMBERS, compat->baseline.names, sizeof(RmPackedName));
	RmPackedMember *members;
	RmPackedClause *clauses;

	for (int i = 0; i < compat->baseline.names; i++)
	{
		const RmName *name = rm_compat_name_at(compat, i);

		names[i] = (RmPackedName) { place_text(writer, name->text), rm_compat_name_hash(name), name->first_member,
									name->first_provision, name->scheme };
	}
	members = add_section(writer, RM_PACKED_MEMBERS, compat->baseline.members, sizeof(RmPackedMember));
	for (int i = 0; i < compat->baseline.members; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);

		members[i].name = member->name;
		members[i].label = place_text(writer, member->label);
		members[i].architecture = place_text(writer, member->architecture);
		members[i].version = place_value(writer, member->version);
		members[i].ci = place_text(writer, member->ci);
		members[i].subject = member->subject;
		members[i].first_clause = member->first_clause;
		members[i].clauses = member->clauses;
		members[i].next_namesake = member->next_namesake;
		members[i].multi_arch = member->multi_arch;
		members[i].architecture_stated = member->architecture_stated;
		members[i].essential = member->essential;
		members[i].clauses_known = member->clauses_known;
		members[i].has_subject = member->has_subject;
	}
	clauses = add_section(writer, RM_PACKED_CLAUSES, compat->baseline.clauses, sizeof(RmPackedClause));
	for (int i = 0; i < compat->baseline.clauses; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);

		clauses[i] = (RmPackedClause) { clause->member, clause->first_alternative, clause->alternatives,
										place_text(writer, clause->text), clause->kind };
	}
}

/* Write the sections of alternatives, provisions and mentions. */
static void
write_alternatives(Writer *writer, const RmCompat *compat)
{
	RmPackedAlternative *alternatives =
		add_section(writer, RM_PACKED_ALTERNATIVES, compat->baseline.alternatives, sizeof(RmPackedAlternative));

	for (int i = 0; i < compat->baseline.alternatives; i++)
	{
		const RmAlternativeName *alternative = rm_compat_alternative(compat, i);
		const RmVersions *versions = &alternative->versions;

		alternatives[i].name = alternative->name;
		alternatives[i].architecture = place_text(writer, alternative->architecture);
		alternatives[i].lower = place_value(writer, versions->lower);
		alternatives[i].upper = place_value(writer, versions->upper);
		alternatives[i].any = versions->any;
		alternatives[i].empty = versions->empty;
		alternatives[i].inclusive = versions->lower_inclusive | versions->upper_inclusive << 1;
		alternatives[i].by_requirement = versions->by_requirement;
	}
	memcpy(add_section(writer, RM_PACKED_MEMBERS, compat->baseline.provisions, sizeof(RmProvision)),
		   compat->provisions.items, compat->baseline.provisions * sizeof(RmProvision));
	memcpy(add_section(writer, RM_PACKED_LASTING, compat->baseline.names + 2, sizeof(int)), compat->mention_from,
		   (compat->baseline.names + 2) * sizeof(int));
	memcpy(add_section(writer, RM_PACKED_LASTING, compat->mention_from[compat->baseline.names], sizeof(int)),
		   compat->mentions, compat->mention_from[compat->baseline.names] * sizeof(int));
}

/* Write the sections of what was found in the baseline. */
static void
write_findings(Writer *writer, const RmCompat *compat)
{
	RmPackedViolation *standing =
		add_section(writer, RM_PACKED_MEMBERS, compat->standing.used, sizeof(RmPackedViolation));
	RmPackedArchitecture *architectures;
	RmPlace *unreadable;

	for (int i = 0; i < compat->standing.used; i++)
	{
		const RmViolation *violation = (RmViolation *) compat->standing.items + i;

		standing[i] = (RmPackedViolation) { kind_number(violation->kind), violation->member, violation->clause,
											violation->other };
	}
	architectures = add_section(writer, RM_PACKED_MEMBERS, compat->architectures.used, sizeof(RmPackedArchitecture));
	for (int i = 0; i < compat->architectures.used; i++)
	{
		const RmArchitecture *architecture = (RmArchitecture *) compat->architectures.items + i;

		architectures[i] = (RmPackedArchitecture) { place_text(writer, architecture->name), architecture->members };
	}
	unreadable = add_section(writer, RM_PACKED_MEMBERS, compat->unreadable.used, sizeof(RmPlace));
	for (int i = 0; i < compat->unreadable.used; i++)
		unreadable[i] = place_text(writer, ((const char **) compat->unreadable.items)[i]);
}

/* Pack a baseline, over which nothing lies. */
void
rm_compat_pack(const RmCompat *compat, bytea *parts[RM_PACKED_PARTS])
{
	Writer writer;
	RmPackedHead head = {
		.names = compat->baseline.names,
		.members = compat->baseline.members,
		.clauses = compat->baseline.clauses,
		.alternatives = compat->baseline.alternatives,
		.provisions = compat->baseline.provisions,
		.mentions = compat->mention_from[compat->baseline.names],
		.standing = compat->standing.used,
		.architectures = compat->architectures.used,
		.unreadable = compat->unreadable.used,
		.unknown = compat->unknown,
	};

	for (int i = 0; i < RM_PACKED_PARTS; i++)
	{
		initStringInfo(&writer.parts[i]);
		writer.parts[i].len = 2 * sizeof(int32);
	}
	initStringInfo(&writer.pool);
	writer.contents = rm_content_create(CurrentMemoryContext, compat->clauses.used + 1024, NULL);
	appendStringInfoSpaces(&writer.pool, MAXIMUM_ALIGNOF);
	head.unknown_names = place_text(&writer, compat->unknown_names);
	head.native = place_text(&writer, compat->baseline_native);
	head.platform_ci = place_text(&writer, compat->platform.ci);
	head.platform_path = place_text(&writer, compat->platform.path);
	head.platform_said = place_text(&writer, compat->platform.said);
	head.platform_lasting = compat->platform.lasting;
	memcpy(add_section(&writer, RM_PACKED_LASTING, 1, sizeof(RmPackedHead)), &head, sizeof(RmPackedHead));
	write_members(&writer, compat);
	write_alternatives(&writer, compat);
	write_findings(&writer, compat);
	appendBinaryStringInfo(&writer.parts[RM_PACKED_LASTING], writer.pool.data, writer.pool.len);
	for (int i = 0; i < RM_PACKED_PARTS; i++)
	{
		memset(writer.parts[i].data + sizeof(int32), 0, sizeof(int32));
		SET_VARSIZE(writer.parts[i].data, writer.parts[i].len);
		parts[i] = (bytea *) writer.parts[i].data;
	}
}
