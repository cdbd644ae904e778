/*
 * compat_model.c
 *		Members, clauses and names of a compatibility check.
 *
 * Everything lies in arrays that grow and refers by index, since a pointer
 * lasts only until the next addition.  Names are interned once, in a hash
 * table, so that evaluating is following indexes.
 */
#include "release/compat.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

typedef struct NameKey
{
	const char *text;
	uint32 length;
	RmScheme scheme;
} NameKey;

typedef struct NameEntry
{
	NameKey key;
	uint32 hash;
	char status;
	int name;
} NameEntry;

/* Hash a name with its scheme. */
static inline uint32
hash_name(NameKey key)
{
	return hash_combine(murmurhash32((uint32) key.scheme), hash_bytes((const unsigned char *) key.text, key.length));
}

/* Whether two keys are the same name of the same scheme. */
static inline bool
equal_names(NameKey a, NameKey b)
{
	return a.scheme == b.scheme && a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

#define SH_PREFIX rm_name
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE NameKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_name(key)
#define SH_EQUAL(table, a, b) equal_names(a, b)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Start an array in the current memory context, to which it keeps. */
static void
start_array(RmArray *array, size_t size)
{
	rm_array_add(array, size);
	array->used = 0;
}

/* Start an empty baseline in the current memory context. */
RmCompat *
rm_compat_create(void)
{
	RmCompat *compat = palloc0(sizeof(RmCompat));

	compat->context = CurrentMemoryContext;
	compat->name_index = rm_name_create(CurrentMemoryContext, 64, NULL);
	start_array(&compat->members, sizeof(RmMember));
	start_array(&compat->clauses, sizeof(RmClause));
	start_array(&compat->alternatives, sizeof(RmAlternativeName));
	start_array(&compat->provisions, sizeof(RmProvision));
	start_array(&compat->names, sizeof(RmName));
	start_array(&compat->touched, sizeof(int));
	start_array(&compat->systems, sizeof(const char *));
	start_array(&compat->judgements, sizeof(RmJudgement));
	start_array(&compat->unreadable, sizeof(const char *));
	return compat;
}

RmMember *
rm_compat_member(const RmCompat *compat, int index)
{
	return (RmMember *) compat->members.items + index;
}

RmClause *
rm_compat_clause(const RmCompat *compat, int index)
{
	return (RmClause *) compat->clauses.items + index;
}

RmAlternativeName *
rm_compat_alternative(const RmCompat *compat, int index)
{
	return (RmAlternativeName *) compat->alternatives.items + index;
}

RmProvision *
rm_compat_provision(const RmCompat *compat, int index)
{
	return (RmProvision *) compat->provisions.items + index;
}

RmName *
rm_compat_name_at(const RmCompat *compat, int index)
{
	return (RmName *) compat->names.items + index;
}

/* Return the index of a name, which is new or not. */
int
rm_compat_name(RmCompat *compat, RmScheme scheme, const char *text, size_t length)
{
	NameKey key = { text, length, scheme };
	bool found;
	NameEntry *entry = rm_name_insert(compat->name_index, key, &found);

	if (!found)
	{
		RmName *name = rm_array_add(&compat->names, sizeof(RmName));

		name->scheme = scheme;
		name->text = rm_compat_text(compat, text, length);
		name->first_member = -1;
		name->first_provision = -1;
		entry->key.text = name->text;
		entry->name = compat->names.used - 1;
	}
	return entry->name;
}

/* Return the index of a name, or -1 where there is none. */
int
rm_compat_find_name(const RmCompat *compat, RmScheme scheme, const char *text, size_t length)
{
	NameEntry *entry = rm_name_lookup(compat->name_index, (NameKey) { text, length, scheme });

	return entry == NULL ? -1 : entry->name;
}

/* The hash of a name, by which it is found. */
uint32
rm_compat_name_hash(const RmName *name)
{
	return hash_name((NameKey) { name->text, strlen(name->text), name->scheme });
}

/* Have all names found, whose hashes lie stride bytes apart. */
void
rm_compat_adopt_names(RmCompat *compat, const uint32 *hashes, size_t stride)
{
	rm_name_destroy(compat->name_index);
	compat->name_index = rm_name_create(CurrentMemoryContext, compat->names.used + 256, NULL);
	for (int i = 0; i < compat->names.used; i++)
	{
		const RmName *name = rm_compat_name_at(compat, i);
		bool found;

		rm_name_insert_hash(compat->name_index, (NameKey) { name->text, strlen(name->text), name->scheme },
							*(const uint32 *) ((const char *) hashes + i * stride), &found)
			->name = i;
	}
}

/* Add a member; it lasts until the next addition. */
RmMember *
rm_compat_add_member(RmCompat *compat, int name)
{
	RmMember *member = rm_array_add(&compat->members, sizeof(RmMember));
	RmName *its_name = rm_compat_name_at(compat, name);

	member->name = name;
	member->taken_by = -1;
	member->next_namesake = its_name->first_member;
	its_name->first_member = compat->members.used - 1;
	return member;
}

/* Add a clause to a member; all clauses of one member are added in a row. */
RmClause *
rm_compat_add_clause(RmCompat *compat, int member, RmClauseKind kind)
{
	RmClause *clause = rm_array_add(&compat->clauses, sizeof(RmClause));
	RmMember *its_member = rm_compat_member(compat, member);

	clause->kind = kind;
	clause->member = member;
	clause->first_alternative = compat->alternatives.used;
	if (its_member->clauses++ == 0)
		its_member->first_clause = compat->clauses.used - 1;
	return clause;
}

/* Add an alternative to the clause added last. */
RmAlternativeName *
rm_compat_add_alternative(RmCompat *compat, int name)
{
	RmAlternativeName *alternative = rm_array_add(&compat->alternatives, sizeof(RmAlternativeName));

	alternative->name = name;
	rm_compat_clause(compat, compat->clauses.used - 1)->alternatives++;
	return alternative;
}

/* Find out who provides which name, from a clause on, once all of them are there. */
void
rm_compat_index(RmCompat *compat, int first_clause)
{
	for (int i = first_clause; i < compat->clauses.used; i++)
	{
		RmClause *clause = rm_compat_clause(compat, i);

		if (clause->kind != RM_CLAUSE_PROVIDES)
			continue;
		for (int j = clause->first_alternative; j < clause->first_alternative + clause->alternatives; j++)
		{
			RmName *name = rm_compat_name_at(compat, rm_compat_alternative(compat, j)->name);
			RmProvision *provision = rm_array_add(&compat->provisions, sizeof(RmProvision));

			provision->member = clause->member;
			provision->alternative = j;
			provision->next = name->first_provision;
			name->first_provision = compat->provisions.used - 1;
		}
	}
}

/* List for each name the clauses that mention it. */
static void
list_mentions(RmCompat *compat)
{
	int *from = palloc0((compat->names.used + 2) * sizeof(int));

	/* Counted one place further, so that the places follow by adding up, and once more by filling them in. */
	for (int i = 0; i < compat->clauses.used; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);

		for (int j = 0; j < clause->alternatives; j++)
			from[rm_compat_alternative(compat, clause->first_alternative + j)->name + 2]++;
	}
	for (int n = 2; n < compat->names.used + 2; n++)
		from[n] += from[n - 1];
	compat->mentions = palloc_extended(Max(from[compat->names.used + 1], 1) * sizeof(int), MCXT_ALLOC_HUGE);
	for (int i = 0; i < compat->clauses.used; i++)
	{
		const RmClause *clause = rm_compat_clause(compat, i);

		for (int j = 0; j < clause->alternatives; j++)
			compat->mentions[from[rm_compat_alternative(compat, clause->first_alternative + j)->name + 1]++] = i;
	}
	compat->mention_from = from;
}

/* The baseline is loaded: note how far it reaches, evaluate it, and give back what was allocated ahead. */
void
rm_compat_complete(RmCompat *compat)
{
	MemoryContext caller = MemoryContextSwitchTo(compat->context);

	rm_compat_share_no_more(compat);
	rm_compat_index(compat, 0);
	rm_compat_find_native(compat);
	compat->baseline_native = compat->native;
	compat->baseline = (RmExtent) { compat->members.used, compat->clauses.used, compat->alternatives.used,
									compat->provisions.used, compat->names.used };
	list_mentions(compat);
	compat->standing = rm_compat_evaluate_all(compat, false);
	rm_array_trim(&compat->members, sizeof(RmMember));
	rm_array_trim(&compat->clauses, sizeof(RmClause));
	rm_array_trim(&compat->alternatives, sizeof(RmAlternativeName));
	rm_array_trim(&compat->provisions, sizeof(RmProvision));
	rm_array_trim(&compat->names, sizeof(RmName));
	compat->complete = true;
	MemoryContextSwitchTo(caller);
}

/* Take off what was laid over the baseline. */
void
rm_compat_lift(RmCompat *compat)
{
	for (int i = compat->provisions.used; i-- > compat->baseline.provisions;)
	{
		const RmProvision *provision = rm_compat_provision(compat, i);

		rm_compat_name_at(compat, rm_compat_alternative(compat, provision->alternative)->name)->first_provision =
			provision->next;
	}
	for (int i = compat->members.used; i-- > compat->baseline.members;)
		rm_compat_name_at(compat, rm_compat_member(compat, i)->name)->first_member =
			rm_compat_member(compat, i)->next_namesake;
	for (int i = compat->names.used; i-- > compat->baseline.names;)
	{
		const RmName *name = rm_compat_name_at(compat, i);

		rm_name_delete(compat->name_index, (NameKey) { name->text, strlen(name->text), name->scheme });
	}
	for (int i = 0; i < compat->touched.used; i++)
	{
		RmMember *member = rm_compat_member(compat, ((int *) compat->touched.items)[i]);

		member->touched = member->removed = false;
		member->before = member->after = true;
		member->taken_by = -1;
		member->fate = NULL;
	}
	compat->touched.used = 0;
	compat->systems.used = 0;
	compat->now_runs = compat->runs = NULL;
	compat->members.used = compat->baseline.members;
	compat->clauses.used = compat->baseline.clauses;
	compat->alternatives.used = compat->baseline.alternatives;
	compat->provisions.used = compat->baseline.provisions;
	compat->names.used = compat->baseline.names;
	compat->native = compat->baseline_native;
}
