/*
 * party.h
 *		Who acts, and what that person sees.
 */
#ifndef RM_PARTY_H
#define RM_PARTY_H

/* Called once when a backend loads the library. */
extern void rm_party_init(void);

/* The function of the internal schema with that name and these argument types, whatever the caller may look up. */
extern Oid rm_internal_function(const char *name, int nargs, const Oid *types);

#endif /* RM_PARTY_H */
