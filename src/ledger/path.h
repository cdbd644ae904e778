/*
 * path.h
 *		The path from a leaf to the root, computed while the leaves pass by (RFC 6962 section 2.1.1).
 */
#ifndef RM_LEDGER_PATH_H
#define RM_LEDGER_PATH_H

#include "postgres.h"

#include "types/merkle.h"

/* A subtree beside the way: the leaves first to first + count - 1. */
typedef struct RmPathStep
{
	uint64 first;
	uint64 count;
	RmMerkle tree;
} RmPathStep;

/* The path of the leaf index in a tree of size leaves; from the leaf up. */
typedef struct RmPath
{
	uint64 index;
	uint64 size;
	int length;
	RmPathStep *steps;
} RmPath;

extern void rm_path_init(RmPath *path, uint64 index, uint64 size);
extern bool rm_path_add(RmPath *path, uint64 index, const unsigned char *leaf);
extern bool rm_path_root(const RmPath *path, const unsigned char *leaf, unsigned char *root);

#endif /* RM_LEDGER_PATH_H */
