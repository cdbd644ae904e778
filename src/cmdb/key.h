/*
 * key.h
 *		The text of the keys of rows in bound tables.
 */
#ifndef RM_CMDB_KEY_H
#define RM_CMDB_KEY_H

#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_attribute.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"

extern char *rm_slot_key(TupleTableSlot *slot, const AttrNumber *keys, int nkeys);
extern void rm_append_key_part(StringInfo key, const char *part, bool first);
extern void rm_append_key_condition(StringInfo sql, const char *alias, Form_pg_attribute attribute, const char *value);

#endif /* RM_CMDB_KEY_H */
