/*
 * change_tree.h
 *		The Merkle tree over the changes of a transaction, kept for the proofs of many of them.
 */
#ifndef RM_LEDGER_CHANGE_TREE_H
#define RM_LEDGER_CHANGE_TREE_H

#include "postgres.h"

#include "types/merkle.h"
#include "utils/uuid.h"

/* Level 0 are the leaves; a node without a neighbour to its right is its parent as it is (RFC 6962 section 2.1). */
typedef struct RmChangeTree
{
	pg_uuid_t transaction_id;
	uint64 size;
	int nlevels;
	unsigned char *levels[RM_MERKLE_LEVELS + 1];
} RmChangeTree;

extern RmChangeTree *rm_change_tree_of(const pg_uuid_t *transaction_id, uint64 size);
extern const unsigned char *rm_change_tree_root(const RmChangeTree *tree);
extern int rm_change_tree_path(const RmChangeTree *tree, uint64 index, unsigned char *path);

#endif /* RM_LEDGER_CHANGE_TREE_H */
