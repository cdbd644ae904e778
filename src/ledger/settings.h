/*
 * settings.h
 *		The settings under which values are written as text: those of pg_dump.
 */
#ifndef RM_LEDGER_SETTINGS_H
#define RM_LEDGER_SETTINGS_H

#include "postgres.h"

extern bool rm_type_output_follows_settings(Oid type);
extern bool rm_type_follows_names(Oid type);
extern int rm_settings_begin(void);
extern void rm_settings_end(int nest_level);

#endif /* RM_LEDGER_SETTINGS_H */
