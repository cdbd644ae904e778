/*
 * merkle.c
 *		Merkle tree hash of RFC 6962 section 2.1, over SHA-256, in constant memory.
 *
 * Every function that hashes returns false where OpenSSL fails; the tree is
 * then no longer usable.
 */
#include "types/merkle.h"

#include <string.h>

/* Begin an empty tree. */
void
rm_merkle_init(RmMerkle *tree)
{
	tree->size = 0;
}

/* Compute SHA256(0x00 || entry). */
bool
rm_merkle_hash_entry(const void *entry, size_t len, unsigned char *leaf_hash)
{
	RmHashPiece pieces[2] = { { "\x00", 1 }, { entry, len } };

	return rm_hash_pieces(RM_HASH_SHA256, pieces, 2, leaf_hash);
}

/* Compute SHA256(0x01 || left || right); node may be left or right. */
bool
rm_merkle_hash_node(const unsigned char *left, const unsigned char *right, unsigned char *node)
{
	RmHashPiece pieces[3] = { { "\x01", 1 }, { left, RM_SHA256_SIZE }, { right, RM_SHA256_SIZE } };

	return rm_hash_pieces(RM_HASH_SHA256, pieces, 3, node);
}

/* Return how many perfect subtrees make up a tree of that size. */
static int
count_subtrees(uint64_t size)
{
	return __builtin_popcountll(size);
}

/* Append the entry as the next leaf. */
bool
rm_merkle_add_entry(RmMerkle *tree, const void *entry, size_t len)
{
	unsigned char leaf_hash[RM_SHA256_SIZE];

	return rm_merkle_hash_entry(entry, len, leaf_hash) && rm_merkle_add_leaf(tree, leaf_hash);
}

/*
 * Append a leaf that is hashed already.
 *
 * As in adding one to a binary number, each bit that is carried merges the
 * two smallest subtrees.
 */
bool
rm_merkle_add_leaf(RmMerkle *tree, const unsigned char *leaf_hash)
{
	int top = count_subtrees(tree->size);
	uint64_t carry = tree->size;

	memcpy(tree->stack[top], leaf_hash, RM_SHA256_SIZE);
	for (; carry & 1; carry >>= 1, top--)
	{
		if (!rm_merkle_hash_node(tree->stack[top - 1], tree->stack[top], tree->stack[top - 1]))
			return false;
	}
	tree->size++;
	return true;
}

/* Write the root of the tree as it is now; the tree can go on growing. */
bool
rm_merkle_compute_root(const RmMerkle *tree, unsigned char *root)
{
	int top = count_subtrees(tree->size) - 1;

	if (top < 0)
		return rm_hash(RM_HASH_SHA256, "", 0, root);

	memcpy(root, tree->stack[top], RM_SHA256_SIZE);
	while (--top >= 0)
	{
		if (!rm_merkle_hash_node(tree->stack[top], root, root))
			return false;
	}
	return true;
}
