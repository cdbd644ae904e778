/*
 * value.h
 *		Column values of bound tables as text.
 */
#ifndef RM_CMDB_VALUE_H
#define RM_CMDB_VALUE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

extern Datum rm_canonical_value(PG_FUNCTION_ARGS);
extern char *rm_value_text(Datum value, Oid type);
extern bool rm_value_same(Datum a, bool a_null, Datum b, bool b_null, Form_pg_attribute attribute);
extern char *rm_slot_key(TupleTableSlot *slot, const AttrNumber *keys, int nkeys);
extern void rm_append_key_part(StringInfo key, const char *part, bool first);
extern void rm_append_key_condition(StringInfo sql, const char *alias, Form_pg_attribute attribute, const char *value);

#endif /* RM_CMDB_VALUE_H */
