/*
 * tiles.c
 *		The log as files for a web server (C2SP tlog-tiles): tile/<level>/<n>[.p/<width>], tile/entries/..., checkpoint.
 *
 * What the directory's own checkpoint covers is gone on with: its partial
 * tiles are read back, full ones are never written again.  The tree that comes
 * of them and of the entries read must have the signed root before the new
 * checkpoint takes the place of the old one.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rmverify/rmverify.h"

#define TILE_WIDTH 256
#define MAX_LEVELS 8
#define MAX_ENTRY 65535
#define ENTRIES (-1) /* level of bundles of entries */

/* The tile of a level that is not full. */
typedef struct Tile
{
	uint64_t index;
	int width;
	unsigned char hashes[TILE_WIDTH * RM_SHA256_SIZE];
} Tile;

/* The right edge of the tree. */
typedef struct Export
{
	const char *directory;
	uint64_t size;
	Tile levels[MAX_LEVELS];
	unsigned char *bundle; /* entries of the tile of level 0, each behind its length */
	size_t bundle_len;
	uint64_t written; /* files */
} Export;

/* Return the path of a tile, or of a part of it where width is below 256. */
static char *
tile_path(const Export *export, int level, uint64_t index, int width)
{
	size_t size = strlen(export->directory) + 128;
	char *path = allocate(size);
	char digits[32];
	int len;
	int used;

	if (level == ENTRIES)
		used = snprintf(path, size, "%s/tile/entries", export->directory);
	else
		used = snprintf(path, size, "%s/tile/%d", export->directory, level);
	len = snprintf(digits, sizeof(digits), "%03" PRIu64, index);
	while (len % 3 != 0)
	{
		memmove(digits + 1, digits, (size_t) len + 1);
		digits[0] = '0';
		len++;
	}
	for (int i = 0; i < len; i += 3)
		used += snprintf(path + used, size - (size_t) used, "/%s%.3s", i + 3 < len ? "x" : "", digits + i);
	if (width < TILE_WIDTH)
		snprintf(path + used, size - (size_t) used, ".p/%d", width);
	return path;
}

/* Make the directories that the file stands in. */
static void
make_directories(const Export *export, char *path)
{
	for (char *slash = path + strlen(export->directory); slash; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			trouble("could not make the directory %s: %s", path, strerror(errno));
		*slash = '/';
	}
}

/* Remove the parts of a tile that is full now. */
static void
remove_parts(const Export *export, int level, uint64_t index)
{
	char *path = tile_path(export, level, index, TILE_WIDTH);
	size_t size = strlen(path) + 64;
	char *part = allocate(size);
	struct dirent *found;
	DIR *parts;

	snprintf(part, size, "%s.p", path);
	parts = opendir(part);
	while (parts && (found = readdir(parts)) != NULL)
	{
		if (strspn(found->d_name, "0123456789") != strlen(found->d_name))
			continue;
		snprintf(part, size, "%s.p/%.10s", path, found->d_name);
		(void) unlink(part);
	}
	if (parts)
		closedir(parts);
	snprintf(part, size, "%s.p", path);
	(void) rmdir(part);
	free(part);
	free(path);
}

/* Remove the parts that the tree had at the old size, of tiles that are full now. */
static void
remove_old_parts(const Export *export, uint64_t old_size)
{
	for (int level = 0; level < MAX_LEVELS; level++)
	{
		uint64_t index = (old_size >> (8 * level)) / TILE_WIDTH;

		if (export->levels[level].index == index)
			continue;
		remove_parts(export, level, index);
		if (level == 0)
			remove_parts(export, ENTRIES, index);
	}
}

/* Write a tile or a part of one. */
static void
write_tile(Export *export, int level, uint64_t index, int width, const void *content, size_t len)
{
	char *path = tile_path(export, level, index, width);

	make_directories(export, path);
	write_file(path, content, len);
	export->written++;
	free(path);
}

/* Append a hash to a level, and the root of its tile to the one above when that is full. */
static void
add_hash(Export *export, int level, const unsigned char *hash)
{
	Tile *tile = &export->levels[level];
	unsigned char root[RM_SHA256_SIZE];
	RmMerkle tree;

	if (level == MAX_LEVELS)
		trouble("the log is larger than any");
	memcpy(tile->hashes + tile->width++ * RM_SHA256_SIZE, hash, RM_SHA256_SIZE);
	if (tile->width < TILE_WIDTH)
		return;
	write_tile(export, level, tile->index, TILE_WIDTH, tile->hashes, sizeof(tile->hashes));
	rm_merkle_init(&tree);
	for (int i = 0; i < TILE_WIDTH; i++)
	{
		if (!rm_merkle_add_leaf(&tree, tile->hashes + i * RM_SHA256_SIZE))
			trouble("OpenSSL can not hash");
	}
	if (!rm_merkle_compute_root(&tree, root))
		trouble("OpenSSL can not hash");
	tile->index++;
	tile->width = 0;
	add_hash(export, level + 1, root);
}

/* Append an entry. */
static void
add_entry(Export *export, const Field *entry)
{
	unsigned char leaf[RM_SHA256_SIZE];
	uint64_t bundle = export->size / TILE_WIDTH;

	if (entry->len < 0 || entry->len > MAX_ENTRY)
		trouble("leaf %" PRIu64 " is no entry", export->size);
	export->bundle[export->bundle_len++] = (unsigned char) (entry->len >> 8);
	export->bundle[export->bundle_len++] = (unsigned char) entry->len;
	memcpy(export->bundle + export->bundle_len, entry->bytes, (size_t) entry->len);
	export->bundle_len += (size_t) entry->len;
	export->size++;
	if (export->size % TILE_WIDTH == 0)
	{
		write_tile(export, ENTRIES, bundle, TILE_WIDTH, export->bundle, export->bundle_len);
		export->bundle_len = 0;
	}
	if (!rm_merkle_hash_entry(entry->bytes, (size_t) entry->len, leaf))
		trouble("OpenSSL can not hash");
	add_hash(export, 0, leaf);
}

/* Compute the root of the tree from the tiles that are not full, the highest first. */
static void
compute_root(const Export *export, unsigned char *root)
{
	RmMerkle tree;
	int subtrees = 0;

	rm_merkle_init(&tree);
	tree.size = export->size;
	for (int level = MAX_LEVELS - 1; level >= 0; level--)
	{
		const Tile *tile = &export->levels[level];
		RmMerkle part;

		rm_merkle_init(&part);
		for (int i = 0; i < tile->width; i++)
		{
			if (!rm_merkle_add_leaf(&part, tile->hashes + i * RM_SHA256_SIZE))
				trouble("OpenSSL can not hash");
		}
		for (int i = 0; i < __builtin_popcount((unsigned int) tile->width); i++)
			memcpy(tree.stack[subtrees++], part.stack[i], RM_SHA256_SIZE);
	}
	if (!rm_merkle_compute_root(&tree, root))
		trouble("OpenSSL can not hash");
}

/* Read a part of a tile back, which must have that length if one is given. */
static unsigned char *
read_part(const Export *export, int level, uint64_t index, int width, size_t *len)
{
	char *path = tile_path(export, level, index, width);
	unsigned char *content = (unsigned char *) read_file(path, len);

	if (content == NULL)
		trouble("there is no file %s, though the checkpoint beside it covers it", path);
	free(path);
	return content;
}

/* Return whether the bundle that was read back holds the entries of the leaves in its tile. */
static bool
bundle_fits(const Export *export)
{
	size_t at = 0;
	unsigned char leaf[RM_SHA256_SIZE];

	for (int i = 0; i < export->levels[0].width; i++)
	{
		size_t len = at + 2 <= export->bundle_len ? (size_t) get_number(export->bundle + at, 2) : 0;

		if (at + 2 + len > export->bundle_len || !rm_merkle_hash_entry(export->bundle + at + 2, len, leaf) ||
			memcmp(leaf, export->levels[0].hashes + i * RM_SHA256_SIZE, RM_SHA256_SIZE) != 0)
			return false;
		at += 2 + len;
	}
	return at == export->bundle_len;
}

/* Go on where the directory's checkpoint ends. */
static void
resume(Export *export, const Note *note)
{
	unsigned char root[RM_SHA256_SIZE];
	unsigned char *content;
	size_t len;

	export->size = note->size;
	for (int level = 0; level < MAX_LEVELS; level++)
	{
		Tile *tile = &export->levels[level];
		uint64_t count = note->size >> (8 * level);

		tile->index = count / TILE_WIDTH;
		tile->width = (int) (count % TILE_WIDTH);
		if (tile->width == 0)
			continue;
		content = read_part(export, level, tile->index, tile->width, &len);
		if (len == (size_t) tile->width * RM_SHA256_SIZE)
			memcpy(tile->hashes, content, len);
		free(content);
	}
	if (note->size % TILE_WIDTH != 0)
	{
		content = read_part(export, ENTRIES, note->size / TILE_WIDTH, (int) (note->size % TILE_WIDTH), &len);
		if (len > TILE_WIDTH * (size_t) (MAX_ENTRY + 2))
			trouble("the entries in %s are too long", export->directory);
		memcpy(export->bundle, content, len);
		export->bundle_len = len;
		free(content);
	}
	compute_root(export, root);
	if (memcmp(root, note->root, RM_SHA256_SIZE) != 0 || !bundle_fits(export))
		finding(export->directory, -1, NULL, NULL,
				"tiles and entries do not make up the root in the checkpoint beside them");
}

/* Read the entries up to the checkpoint. */
static void
read_entries(Export *export, PGconn *connection, const char *log_id, uint64_t size)
{
	CopyReader reader;
	Field fields[2];
	char sql[256];

	snprintf(sql, sizeof(sql),
			 "SELECT index, entry FROM release_mgmt.ledger_entry WHERE log_id = '%s' AND index >= %" PRIu64
			 " AND index < %" PRIu64 " ORDER BY index",
			 log_id, export->size, size);
	copy_begin(&reader, connection, sql);
	while (copy_row(&reader, fields, 2))
	{
		if (get_number(fields[0].bytes, 8) != export->size)
			trouble("the database does not hold leaf %" PRIu64, export->size);
		add_entry(export, &fields[1]);
		progress("leaves", export->size, size);
	}
	progress_end();
}

/* Write the tiles that are not full. */
static void
write_parts(Export *export)
{
	for (int level = 0; level < MAX_LEVELS; level++)
	{
		Tile *tile = &export->levels[level];

		if (tile->width > 0)
			write_tile(export, level, tile->index, tile->width, tile->hashes, (size_t) tile->width * RM_SHA256_SIZE);
	}
	if (export->bundle_len > 0)
		write_tile(export, ENTRIES, export->size / TILE_WIDTH, (int) (export->size % TILE_WIDTH), export->bundle,
				   export->bundle_len);
}

/* Bring the directory up to the log's last checkpoint. */
int
export_tiles(const Options *options)
{
	Export *export = allocate(sizeof(Export));
	size_t path_size = strlen(options->directory) + 16;
	char *path = allocate(path_size);
	unsigned char root[RM_SHA256_SIZE];
	PGconn *connection;
	char *log_id;
	char *old_text;
	size_t len;
	Note note;
	Note old = { 0 };

	export->directory = options->directory;
	export->bundle = allocate(TILE_WIDTH * (size_t) (MAX_ENTRY + 2));
	snprintf(path, path_size, "%s/checkpoint", options->directory);
	old_text = read_file(path, &len);
	if (old_text && !open_note(old_text, &options->verifier, &old))
		trouble("%s is not signed by %s", path, options->verifier.name);
	if (old_text)
		resume(export, &old);
	connection = open_connection(options->argument);
	log_id = find_log(connection, options->verifier.name);
	note = options->checkpoint ? given_note(options) : stored_note(connection, options, log_id, &options->verifier);
	if (strcmp(note.origin, options->verifier.name) != 0)
		trouble("the checkpoint is of %s, not of %s", note.origin, options->verifier.name);
	if (note.size < old.size)
		finding("tree shrank", (int64_t) note.size, NULL, NULL, "the directory holds a larger one");
	if (findings > 0)
		return EXIT_FINDINGS;
	read_entries(export, connection, log_id, note.size);
	PQfinish(connection);
	compute_root(export, root);
	if (export->size < note.size)
		finding("tree shrank", (int64_t) export->size, NULL, NULL, "the checkpoint covers more leaves");
	else if (memcmp(root, note.root, RM_SHA256_SIZE) != 0)
		finding("checkpoint contradicted", (int64_t) note.size - 1, NULL, NULL, "the entries do not make up its root");
	if (findings > 0)
		return EXIT_FINDINGS;
	if (note.size > old.size)
		write_parts(export);
	make_directories(export, path);
	write_file(path, note.text, strlen(note.text));
	remove_old_parts(export, old.size);
	printf("%s: %" PRIu64 " leaves of %s, %" PRIu64 " files written\n", options->directory, note.size, note.origin,
		   export->written);
	return EXIT_SOUND;
}
