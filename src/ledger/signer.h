/*
 * signer.h
 *		The log's signing key, and what was signed last.
 */
#ifndef RM_LEDGER_SIGNER_H
#define RM_LEDGER_SIGNER_H

#include "postgres.h"

#include <openssl/evp.h>

extern void rm_signer_init(void);
extern EVP_PKEY *rm_signer_load_key(void);
extern bool rm_signer_has_key(void);
extern char *rm_signer_read_last(const char *origin);
extern void rm_signer_write_last(const char *origin, const char *note);

#endif /* RM_LEDGER_SIGNER_H */
