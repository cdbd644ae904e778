/*
 * allowance.h
 *		What a session remembers of which release may change what on which target.
 */
#ifndef RM_TRACE_ALLOWANCE_H
#define RM_TRACE_ALLOWANCE_H

#include "postgres.h"

#include "utils/uuid.h"

extern bool rm_allowance_is_known(const pg_uuid_t *release, const char *target);
extern bool rm_allowance_ask(const pg_uuid_t *release, const char *target);

#endif /* RM_TRACE_ALLOWANCE_H */
