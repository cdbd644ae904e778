/*
 * bad_data.h
 *		Work that may meet data which a type does not take.
 */
#ifndef RM_LEDGER_BAD_DATA_H
#define RM_LEDGER_BAD_DATA_H

#include "postgres.h"

typedef void (*RmWork)(void *argument);

extern bool rm_data_is_good(RmWork work, void *argument);

#endif /* RM_LEDGER_BAD_DATA_H */
