/*
 * transaction.h
 *		The changes captured in the transaction that is open, until its leaf is written.
 */
#ifndef RM_LEDGER_TRANSACTION_H
#define RM_LEDGER_TRANSACTION_H

#include "postgres.h"

#include "ledger/change.h"

extern void rm_transaction_add_change(const RmChange *change, const unsigned char *leaf_hash);
extern void rm_transaction_flush(void);
extern bool rm_transaction_has_changes(void);

#endif /* RM_LEDGER_TRANSACTION_H */
