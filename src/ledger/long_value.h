/*
 * long_value.h
 *		Hashes of long values, kept so that an UPDATE which leaves one alone need not read it.
 */
#ifndef RM_LEDGER_LONG_VALUE_H
#define RM_LEDGER_LONG_VALUE_H

#include "postgres.h"

#include "types/hash.h"

extern bool rm_long_value_find(Datum value, unsigned char *hash);
extern void rm_long_value_remember(Datum value, const unsigned char *hash);
extern void rm_long_value_forget(Datum value);

#endif /* RM_LEDGER_LONG_VALUE_H */
