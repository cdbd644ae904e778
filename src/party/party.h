/*
 * party.h
 *		Who acts, and what that person sees.
 */
#ifndef RM_PARTY_H
#define RM_PARTY_H

#include "postgres.h"

/* Called once when a backend loads the library. */
extern void rm_party_init(void);

/* Let the role act until the subtransaction ends; only within a security-restricted operation. */
extern void rm_party_evaluate_as(Oid role);
/* The role in effect outside every SECURITY DEFINER function, or as which a criterion is evaluated. */
extern Oid rm_party_outer_role(void);

#endif /* RM_PARTY_H */
