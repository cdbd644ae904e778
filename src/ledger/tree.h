/*
 * tree.h
 *		The Merkle tree of a log: its head, its tiles, and hashes within it.
 */
#ifndef RM_LEDGER_TREE_H
#define RM_LEDGER_TREE_H

#include "postgres.h"

#include "access/transam.h"
#include "ledger/pending.h"
#include "ledger/store.h"
#include "types/merkle.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#define RM_TILE_HEIGHT 8
#define RM_TILE_WIDTH 256
#define RM_TILE_SIZE (RM_TILE_WIDTH * RM_SHA256_SIZE)

/* Attribute numbers of release_mgmt.ledger_entry. */
enum
{
	RM_ENTRY_LOG_ID = 1,
	RM_ENTRY_INDEX,
	RM_ENTRY_TRANSACTION_ID,
	RM_ENTRY_ENTRY,
	RM_ENTRY_NATTS = RM_ENTRY_ENTRY
};

/* Attribute numbers of release_mgmt.ledger_tile. */
enum
{
	RM_TILE_LOG_ID = 1,
	RM_TILE_LEVEL,
	RM_TILE_INDEX,
	RM_TILE_ROOT,
	RM_TILE_HASHES,
	RM_TILE_NATTS = RM_TILE_HASHES
};

/* More hashes than any proof holds. */
#define RM_PROOF_MAX (2 * RM_MERKLE_LEVELS)

/* A tree that is growing: over the roots of its full tiles, and over the leaves behind them. */
typedef struct RmTreeWriter
{
	pg_uuid_t log;
	RmMerkle above;
	RmMerkle within;
	unsigned char tile[RM_TILE_SIZE]; /* hashes of the leaves behind the last full tile */
	RmSeen seen;                      /* whose leaves are in the tree; may be set until it is closed */
	RmStore entries;
	RmStore tiles;
} RmTreeWriter;

/* A tree that is read, as it is in a snapshot. */
typedef struct RmTreeReader
{
	pg_uuid_t log;
	Snapshot snapshot;
	uint64 size; /* leaves that it has */
	Relation entries;
	Relation entries_index;
	Relation tiles;
	Relation tiles_index;
	int cached_level; /* -1 for none */
	uint64 cached_tile;
	unsigned char cached[RM_TILE_SIZE];
} RmTreeReader;

extern void rm_tree_reader_open(RmTreeReader *reader, const pg_uuid_t *log, Snapshot snapshot);
extern void rm_tree_reader_root(RmTreeReader *reader, uint64 size, unsigned char *root);
extern bool rm_tree_reader_tile(RmTreeReader *reader, int level, uint64 tile, unsigned char *hashes,
								unsigned char *root);
extern int rm_tree_reader_inclusion(RmTreeReader *reader, uint64 index, uint64 size, unsigned char *proof);
extern int rm_tree_reader_consistency(RmTreeReader *reader, uint64 old_size, uint64 size, unsigned char *proof);
extern void rm_tree_reader_close(RmTreeReader *reader);

extern bool rm_tree_read_head(const pg_uuid_t *log, Snapshot snapshot, RmMerkle *edge, bool *own, unsigned char *tail);
extern RmSeen rm_tree_seen(const pg_uuid_t *log, Snapshot snapshot);
extern void rm_tree_writer_open(RmTreeWriter *writer, const pg_uuid_t *log, Snapshot snapshot);
extern uint64 rm_tree_writer_size(const RmTreeWriter *writer);
extern void rm_tree_writer_append(RmTreeWriter *writer, const pg_uuid_t *transaction_id, bytea *entry);
extern void rm_tree_writer_close(RmTreeWriter *writer);

#endif /* RM_LEDGER_TREE_H */
