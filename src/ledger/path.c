/*
 * path.c
 *		The path from a leaf to the root, computed while the leaves pass by (RFC 6962 section 2.1.1).
 *
 * The tree of a transaction is not kept.  Which subtrees lie beside the way is
 * known beforehand, so each leaf is added to the one that holds it, in constant
 * memory.
 */
#include "postgres.h"

#include "ledger/path.h"
#include "port/pg_bitutils.h"

/* Begin the path of a leaf; index is below size. */
void
rm_path_init(RmPath *path, uint64 index, uint64 size)
{
	uint64 first = 0;
	uint64 count = size;

	path->index = index;
	path->size = size;
	path->length = 0;
	path->steps = palloc(sizeof(RmPathStep) * RM_MERKLE_LEVELS);
	while (count > 1)
	{
		uint64 half = UINT64CONST(1) << pg_leftmost_one_pos64(count - 1);
		RmPathStep *step = &path->steps[path->length++];

		if (index - first < half)
		{
			step->first = first + half;
			step->count = count - half;
			count = half;
		}
		else
		{
			step->first = first;
			step->count = half;
			first += half;
			count -= half;
		}
		rm_merkle_init(&step->tree);
	}
	for (int i = 0; i < path->length / 2; i++)
	{
		RmPathStep swap = path->steps[i];

		path->steps[i] = path->steps[path->length - 1 - i];
		path->steps[path->length - 1 - i] = swap;
	}
}

/* Take in a leaf other than the one whose path this is; leaves come in their order. */
bool
rm_path_add(RmPath *path, uint64 index, const unsigned char *leaf)
{
	for (int i = 0; i < path->length; i++)
	{
		RmPathStep *step = &path->steps[i];

		if (step->first <= index && index - step->first < step->count)
			return rm_merkle_add_leaf(&step->tree, leaf);
	}
	return true;
}

/* Compute the root that the leaf leads to, once every other leaf was taken in. */
bool
rm_path_root(const RmPath *path, const unsigned char *leaf, unsigned char *root)
{
	memcpy(root, leaf, RM_SHA256_SIZE);
	for (int i = 0; i < path->length; i++)
	{
		const RmPathStep *step = &path->steps[i];
		unsigned char beside[RM_SHA256_SIZE];

		if (!rm_merkle_compute_root(&step->tree, beside))
			return false;
		if (!rm_merkle_hash_node(step->first < path->index ? beside : root, step->first < path->index ? root : beside,
								 root))
			return false;
	}
	return true;
}
