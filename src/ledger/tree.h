/*
 * tree.h
 *		The Merkle tree of a log: its head, its tiles, and hashes within it.
 */
#ifndef RM_LEDGER_TREE_H
#define RM_LEDGER_TREE_H

#include "postgres.h"

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

/* A tree that is growing. */
typedef struct RmTreeWriter
{
	pg_uuid_t log;
	RmMerkle edge;
	unsigned char tile[RM_TILE_SIZE]; /* hashes of the leaves behind the last full tile */
	RmStore entries;
	RmStore tiles;
} RmTreeWriter;

extern bool rm_tree_read_head(const pg_uuid_t *log, Snapshot snapshot, RmMerkle *edge, bool *own);
extern void rm_tree_write_head(const pg_uuid_t *log, const RmMerkle *edge);
extern void rm_tree_writer_open(RmTreeWriter *writer, const pg_uuid_t *log, Snapshot snapshot);
extern void rm_tree_writer_append(RmTreeWriter *writer, const pg_uuid_t *transaction_id, bytea *entry);
extern void rm_tree_writer_close(RmTreeWriter *writer);

#endif /* RM_LEDGER_TREE_H */
