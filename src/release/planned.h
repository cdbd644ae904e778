/*
 * planned.h
 *		What is known while planned changes are completed.
 */
#ifndef RM_RELEASE_PLANNED_H
#define RM_RELEASE_PLANNED_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "utils/rel.h"
#include "utils/uuid.h"

/* A relation from an item to what it is installed on: columns of a row hold the other one's key. */
typedef struct RmPlannedRoad
{
	char *to_class;
	int ncolumns;
	char **columns;
	Oid via;            /* link table whose rows these are; InvalidOid: the item's own row */
	int nkeys;          /* of the link table: columns that hold the item's key */
	char **key_columns; /* these */
	char *condition;    /* which rows are relations; NULL: all */
	SPIPlanPtr rows;    /* finds those of an item; NULL: not made yet */
} RmPlannedRoad;

/* A class that is bound to a table. */
typedef struct RmPlannedClass
{
	struct RmPlannedClass *next;
	char *name;
	Oid source;
	int nkeys;
	char **key_columns;
	int nexempt;
	char **exempt;   /* columns that no plan is of */
	char *condition; /* which rows are items; NULL: all */
	SPIPlanPtr row;  /* finds that of an item; NULL: not made yet */
	int nroads;
	RmPlannedRoad *roads;
} RmPlannedClass;

/* An item's row, and what its columns are. */
typedef struct RmPlannedRow
{
	HeapTuple tuple;
	TupleDesc desc;
} RmPlannedRow;

/* planned_known.c */
extern void rm_planned_begin(void);
extern void rm_planned_new_command(void);
extern void rm_planned_require_unsealed(const pg_uuid_t *release);
extern RmPlannedClass *rm_planned_class(const char *name);
extern bool rm_planned_organization_is_seen(const pg_uuid_t *organization);

/* planned_row.c */
extern HeapTuple rm_planned_stub(Relation items, Datum label);
extern bool rm_planned_is_exempt(const RmPlannedClass *class, const char *column);
extern bool rm_planned_is_recorded(const RmPlannedClass *class, Relation source);
extern bool rm_planned_find_row(RmPlannedClass *class, Relation source, char **key, RmPlannedRow *row);
extern Oid rm_planned_row_table(const RmPlannedRow *row);
extern Datum rm_planned_value(const RmPlannedRow *row, const char *column);
extern bool rm_planned_target(RmPlannedClass *class, const RmPlannedRow *row, char **key, Datum *target);

#endif /* RM_RELEASE_PLANNED_H */
