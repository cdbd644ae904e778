/*
 * lookup.h
 *		A row of a governed table found by its key's text.
 */
#ifndef RM_LEDGER_LOOKUP_H
#define RM_LEDGER_LOOKUP_H

#include "postgres.h"

#include "access/htup.h"
#include "ledger/governed.h"

extern bool rm_lookup_split_key(const char *key, char **parts, int count);
extern HeapTuple rm_lookup_present_version(Relation relation, HeapTuple version);
extern bool rm_lookup_is_taken(Relation relation, const RmGoverned *governed, const Datum *key, ItemPointer own,
							   bool but_made_here);
extern HeapTuple rm_lookup_row(Relation relation, const RmGoverned *governed, char **key_values);

#endif /* RM_LEDGER_LOOKUP_H */
