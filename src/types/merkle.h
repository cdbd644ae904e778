/*
 * merkle.h
 *		Merkle tree hash of RFC 6962 section 2.1, over SHA-256, in constant memory.
 *
 * Pure C: nothing of the server is needed, so that client programs link it
 * too.  An RmMerkle is plain data: copying it saves the tree as it is then,
 * copying it back restores it (a rolled-back savepoint does that).
 *
 *		leaf = SHA256(0x00 || entry)
 *		node = SHA256(0x01 || left || right)
 *		empty tree = SHA256("")
 */
#ifndef RM_TYPES_MERKLE_H
#define RM_TYPES_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types/hash.h"

#define RM_MERKLE_LEVELS 64

/*
 * The right edge of a growing tree.  stack holds the roots of the perfect
 * subtrees that make up the tree, largest first; there is one for each bit
 * set in size, so that their number follows from size.
 */
typedef struct RmMerkle
{
	uint64_t size; /* leaves added */
	unsigned char stack[RM_MERKLE_LEVELS][RM_SHA256_SIZE];
} RmMerkle;

extern void rm_merkle_init(RmMerkle *tree);
extern bool rm_merkle_add_entry(RmMerkle *tree, const void *entry, size_t len);
extern bool rm_merkle_add_leaf(RmMerkle *tree, const unsigned char *leaf_hash);
extern bool rm_merkle_compute_root(const RmMerkle *tree, unsigned char *root);
extern bool rm_merkle_hash_entry(const void *entry, size_t len, unsigned char *leaf_hash);
extern bool rm_merkle_hash_node(const unsigned char *left, const unsigned char *right, unsigned char *node);

#endif /* RM_TYPES_MERKLE_H */
