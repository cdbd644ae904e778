/*
 * control.h
 *		Reading of Debian control data: stanzas, fields, relations.
 *
 * Everything is a slice of the caller's text; nothing is allocated, and the
 * server is not needed.  deb822(5), Debian Policy 5.1 and 7.1.
 */
#ifndef RM_LIBRARY_CONTROL_H
#define RM_LIBRARY_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct RmSlice
{
	const char *data;
	size_t length;
} RmSlice;

/* Position within control data; error is NULL, or one sentence about line. */
typedef struct RmControl
{
	const char *at;
	const char *end;
	int line;
	bool inside; /* a stanza */
	const char *error;
} RmControl;

/* Position within the value of one relation field. */
typedef struct RmRelations
{
	const char *at;
	const char *end;
	bool alternatives_allowed;
	const char *error;
} RmRelations;

/* One alternative of a clause: name[:architecture] [(relation version)] */
typedef struct RmAlternative
{
	RmSlice name;
	RmSlice architecture; /* empty: none given */
	RmSlice relation;     /* empty, or << <= = >= >> */
	RmSlice version;
} RmAlternative;

extern RmControl rm_control_start(const char *text, size_t length);
extern bool rm_control_next_stanza(RmControl *control);
extern bool rm_control_next_field(RmControl *control, RmSlice *name, RmSlice *value);

extern RmRelations rm_relations_start(RmSlice value, bool alternatives_allowed);
extern bool rm_relations_next_clause(RmRelations *relations, RmSlice *clause);
extern bool rm_clause_next_alternative(RmRelations *relations, RmSlice *clause, RmAlternative *alternative);

extern bool rm_slice_is(RmSlice slice, const char *word);

#endif /* RM_LIBRARY_CONTROL_H */
