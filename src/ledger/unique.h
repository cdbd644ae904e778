/*
 * unique.h
 *		A key names one row of a governed table, the rows of its inheritance children included.
 */
#ifndef RM_LEDGER_UNIQUE_H
#define RM_LEDGER_UNIQUE_H

#include "postgres.h"

#include "commands/trigger.h"
#include "ledger/governed.h"

extern void rm_unique_check(const RmGoverned *governed, TriggerData *trigger);

#endif /* RM_LEDGER_UNIQUE_H */
