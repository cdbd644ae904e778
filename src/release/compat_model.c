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
	RmScheme scheme;
	const char *text;
	size_t length;
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

/* Make room for one more item of size bytes, zeroed, and return it. */
void *
rm_array_add(RmArray *array, size_t size)
{
	if (array->used == array->allocated)
	{
		int allocated = array->allocated ? array->allocated * 2 : 64;

		if (array->items == NULL)
			array->items = MemoryContextAllocHuge(CurrentMemoryContext, allocated * size);
		else
			array->items = repalloc_huge(array->items, allocated * size);
		array->allocated = allocated;
	}
	return memset((char *) array->items + size * array->used++, 0, size);
}

/* Start an empty check in the current memory context. */
RmCompat *
rm_compat_create(void)
{
	RmCompat *compat = palloc0(sizeof(RmCompat));

	compat->name_index = rm_name_create(CurrentMemoryContext, 1024, NULL);
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
	NameKey key = { scheme, text, length };
	bool found;
	NameEntry *entry = rm_name_insert(compat->name_index, key, &found);

	if (!found)
	{
		RmName *name = rm_array_add(&compat->names, sizeof(RmName));

		name->scheme = scheme;
		name->text = pnstrdup(text, length);
		name->first_member = -1;
		name->first_provision = -1;
		entry->key.text = name->text;
		entry->name = compat->names.used - 1;
	}
	return entry->name;
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
