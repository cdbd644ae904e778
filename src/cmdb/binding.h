/*
 * binding.h
 *		What a backend remembers of a bound table.
 */
#ifndef RM_CMDB_BINDING_H
#define RM_CMDB_BINDING_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

typedef enum RmMode
{
	RM_MODE_OBSERVE,
	RM_MODE_WARN,
	RM_MODE_ENFORCE
} RmMode;

typedef struct RmBinding
{
	Oid relid;     /* table, partition or child that the trigger fires on */
	bool valid;    /* not forgotten since its loading began */
	bool loaded;   /* loading ended without an error */
	bool bound;    /* the class still names this table, or a parent of it */
	bool is_child; /* it inherits from the class's table, and is no partition */
	RmMode mode;
	int nkeys;
	AttrNumber *keys;     /* in the table's own numbering */
	Bitmapset *owner;     /* columns on which it depends whose the item is */
	Bitmapset *exempt;    /* exempt and generated columns: they change without a plan */
	Bitmapset *installed; /* columns that baselines of what is installed are read from */
	ExprState *condition; /* which rows are items; NULL: all */
	char *condition_text; /* as it was given */
	ExprContext *row;     /* of the condition */
	MemoryContext context;
} RmBinding;

/* Identity to return to after acting as another role. */
typedef struct RmIdentity
{
	Oid user;
	int context;
} RmIdentity;

extern RmBinding *rm_binding_get(Relation relation, const char *class);
extern bool rm_binding_holds_item(RmBinding *binding, TupleTableSlot *slot);
extern void rm_become_owner(RmIdentity *saved);
extern void rm_become(Oid role, RmIdentity *saved);
extern void rm_become_again(const RmIdentity *saved);

#endif /* RM_CMDB_BINDING_H */
