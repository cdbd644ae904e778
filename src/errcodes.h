/*
 * errcodes.h
 *		The one place that knows the extension's SQLSTATEs.
 *
 * Class RM.  A code, once released, keeps its meaning for ever; new ones are
 * appended.  The names serve release_mgmt_internal.refuse(), so that PL/pgSQL
 * raises by name and never spells a code.
 */
#ifndef RM_ERRCODES_H
#define RM_ERRCODES_H

#include "utils/elog.h"

/* database is inactive: restored, templated, or activate() never called */
#define ERRCODE_RM_INACTIVE MAKE_SQLSTATE('R', 'M', '0', '0', '1')
/* a code, label or id names nothing */
#define ERRCODE_RM_UNKNOWN_CODE MAKE_SQLSTATE('R', 'M', '0', '0', '2')
/* the acting person lacks the duty */
#define ERRCODE_RM_DUTY_MISSING MAKE_SQLSTATE('R', 'M', '0', '0', '3')
/* the model knows no such transition */
#define ERRCODE_RM_ILLEGAL_TRANSITION MAKE_SQLSTATE('R', 'M', '0', '0', '4')
/* criteria of a gate are unmet */
#define ERRCODE_RM_GATE_UNMET MAKE_SQLSTATE('R', 'M', '0', '0', '5')
/* the package does not fit */
#define ERRCODE_RM_INCOMPATIBLE MAKE_SQLSTATE('R', 'M', '0', '0', '6')
/* content differs from its digest, or a digest from what was agreed */
#define ERRCODE_RM_DIGEST_MISMATCH MAKE_SQLSTATE('R', 'M', '0', '0', '7')
/* who requests does not approve */
#define ERRCODE_RM_SEPARATION_OF_DUTIES MAKE_SQLSTATE('R', 'M', '0', '0', '8')
/* content is sealed */
#define ERRCODE_RM_SEALED MAKE_SQLSTATE('R', 'M', '0', '0', '9')
/* a governed CI was changed without a release that plans it */
#define ERRCODE_RM_UNAUTHORIZED_CHANGE MAKE_SQLSTATE('R', 'M', '0', '1', '0')
/* a signature does not verify */
#define ERRCODE_RM_SIGNATURE_INVALID MAKE_SQLSTATE('R', 'M', '0', '1', '1')
/* a table can not be governed or bound as asked */
#define ERRCODE_RM_NOT_GOVERNABLE MAKE_SQLSTATE('R', 'M', '0', '1', '2')
/* governance may not be weakened, or the ledger can not record this */
#define ERRCODE_RM_LEDGER_PROTECTED MAKE_SQLSTATE('R', 'M', '0', '1', '3')
/* the ledger contradicts itself */
#define ERRCODE_RM_LEDGER_CORRUPT MAKE_SQLSTATE('R', 'M', '0', '1', '4')
/* an object is not in the state that the verb needs */
#define ERRCODE_RM_WRONG_STATE MAKE_SQLSTATE('R', 'M', '0', '1', '5')
/* later work touched the same rows */
#define ERRCODE_RM_BACK_OUT_CONFLICT MAKE_SQLSTATE('R', 'M', '0', '1', '6')
/* outside its window, or inside a freeze */
#define ERRCODE_RM_OUTSIDE_WINDOW MAKE_SQLSTATE('R', 'M', '0', '1', '7')
/* not an accepted item of the library */
#define ERRCODE_RM_NOT_IN_LIBRARY MAKE_SQLSTATE('R', 'M', '0', '1', '8')
/* library content can not be read as what it claims to be */
#define ERRCODE_RM_BAD_CONTENT MAKE_SQLSTATE('R', 'M', '0', '1', '9')
/* a configuration item is booked for another release at that time */
#define ERRCODE_RM_DOUBLE_BOOKING MAKE_SQLSTATE('R', 'M', '0', '2', '0')

#endif /* RM_ERRCODES_H */
