/*
 * rmverify.h
 *		The independent verifier: what its files share.
 *
 * It trusts nothing that the server computes.  It reads entries, captured
 * changes and rows, recomputes the log's root from them, and holds it against
 * a signed checkpoint and against the one that it saw last.  Proofs and
 * evidence it checks without any server.  Of the extension it shares only the
 * hash code (types/hash.c, types/merkle.c).
 */
#ifndef RMVERIFY_H
#define RMVERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libpq-fe.h>

#include "types/hash.h"
#include "types/merkle.h"

#define UUID_SIZE 16
#define SALT_SIZE 16

/* Exit statuses. */
#define EXIT_SOUND 0
#define EXIT_FINDINGS 1
#define EXIT_TROUBLE 2

/* report.c */
extern int findings;
extern void trouble(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
extern void name_log(const char *origin);
extern void finding(const char *what, int64_t index, const char *source, const char *key, const char *detail);
extern void *allocate(size_t size);
extern void progress(const char *what, uint64_t done, uint64_t total);
extern void progress_end(void);
extern char *read_file(const char *path, size_t *len);
extern void write_file(const char *path, const void *content, size_t len);

/* buffer.c: bytes that grow. */
typedef struct Buffer
{
	unsigned char *bytes;
	size_t len;
	size_t room;
} Buffer;

extern void append(Buffer *buffer, const void *bytes, size_t len);
extern void append_number(Buffer *buffer, uint64_t number, int size);
extern void append_text(Buffer *buffer, const char *text);

/* note.c: a checkpoint whose signature holds. */
typedef struct Note
{
	char *text;
	char *origin;
	uint64_t size;
	unsigned char root[RM_SHA256_SIZE];
} Note;

typedef struct Verifier
{
	char *name;
	unsigned char key_id[4];
	unsigned char public_key[32];
} Verifier;

#define ALGORITHM_NOTE 0x01
#define ALGORITHM_COSIGNATURE 0x04

extern Verifier parse_verifier(const char *text, unsigned char algorithm);
extern Verifier verifier_of_epoch(const Verifier *verifier, const char *origin);
extern size_t base_length(const char *origin);
extern size_t restore_dashes(char *text, size_t len);
extern bool is_signature_line(const char *line);
extern bool parse_note(const char *text, Note *note);
extern bool open_note(const char *text, const Verifier *verifier, Note *note);
extern bool is_signed(const Verifier *verifier, const char *body, size_t len, const char *lines, const char **behind);
extern bool is_cosigned(const Verifier *witness, const Note *note);
extern size_t decode_base64(const char *text, size_t len, unsigned char *bytes, size_t room);

/* options.c: the command line. */
typedef struct Options
{
	const char *command; /* "verify" where none is named */
	const char *state;
	const char *checkpoint;
	const char *directory;
	bool full;
	const char *argument; /* connection string, or file */
	Verifier verifier;    /* of the first key given */
	Verifier *others;     /* of the other ones */
	int nothers;
	Verifier *witnesses;
	int nwitnesses;
} Options;

extern Options parse_options(int argc, char **argv);
extern bool is_own_origin(const Options *options, const char *origin);
extern Verifier verifier_of(const Options *options, const char *origin);
extern bool is_cosigned_by_all(const Options *options, const Note *note);

/* copy.c: rows in the binary form of COPY. */
typedef struct Field
{
	const unsigned char *bytes;
	int len; /* -1 for NULL */
} Field;

typedef struct CopyReader
{
	PGconn *connection;
	char *buffer;
	const unsigned char *next;
	const unsigned char *end;
	bool header_read;
} CopyReader;

extern PGconn *open_connection(const char *conninfo);
extern PGresult *query(PGconn *connection, const char *sql);
extern char *query_value(PGconn *connection, const char *sql);
extern void copy_begin(CopyReader *reader, PGconn *connection, const char *sql);
extern bool copy_row(CopyReader *reader, Field *fields, int nfields);
extern uint64_t get_number(const unsigned char *bytes, int len);

/* changes.c: the stored form of captured changes. */
typedef struct Change
{
	char operation; /* I U D B S */
	bool redacted;
	unsigned char table_id[UUID_SIZE];
	uint32_t command_id;
	const unsigned char *key;
	size_t key_len;
	const unsigned char *former_key;
	size_t former_key_len;
	unsigned char row_digest[RM_SHA256_SIZE];
	unsigned char old_digest[RM_SHA256_SIZE];
	unsigned char salt[SALT_SIZE];
} Change;

typedef struct ChangeReader
{
	const unsigned char *next;
	const unsigned char *end;
	unsigned char table_id[UUID_SIZE];
	bool broken;
} ChangeReader;

extern bool read_change(ChangeReader *reader, Change *change);
extern void hash_change(const Change *change, unsigned char *leaf);

/* proof.c: the proof of a change, as release_mgmt.proof_of() returns it. */
typedef struct Proof
{
	Change change;
	const char *table; /* what the server calls it */
	size_t table_len;
	Field old;    /* pairs; length -1 where there are none */
	Field row;    /* likewise */
	Field *longs; /* the row's long values */
	int nlongs;
	const char *entry;
	size_t entry_len;
	uint64_t position;
	int64_t index;
	size_t len;            /* up to where the checkpoint stands */
	unsigned char *hashes; /* of the inclusion proof */
	int nhashes;
} Proof;

/* A column's value in a row or in old values. */
typedef struct Pair
{
	const char *key;
	size_t key_len;
	char tag;
	const unsigned char *value;
	size_t len;
} Pair;

extern bool take_pair(const unsigned char **next, const unsigned char *end, Pair *pair);
extern const char *read_proof(const char *text, size_t len, Proof *proof);
extern bool is_included(const Proof *proof, const Note *note);
extern int verify_proof(const Options *options);

/* text.c: values as PostgreSQL writes them. */
extern bool append_value(Buffer *text, const Pair *value);
extern double get_float(const unsigned char *bytes, size_t len);
extern bool is_text_of(const Pair *value, const char *text, size_t len);

/* shown_rows.c: the rows that evidence shows. */
typedef struct ShownRows ShownRows;

extern bool add_shown_rows(ShownRows **rows, const char *table, const char *text, size_t len);
extern void sort_shown_rows(ShownRows *rows);
extern void check_shown_row(ShownRows *rows, const char *table, const Proof *proof);
extern void report_unproved_rows(const ShownRows *rows);

/* evidence.c: what release_mgmt.export_evidence() returns. */
extern int verify_evidence(const Options *options);

/* tiles.c: the log as files. */
extern int export_tiles(const Options *options);

/* show.c: what a proof says, for people. */
extern void show_proof(const Proof *proof);

/* logs.c: the logs of an origin, in the order in which they were opened. */
typedef struct Log
{
	char *id;
	char *origin;
	Verifier verifier;
	bool is_own; /* an epoch of the origin that the key is of */
	bool is_wanted;
	bool is_present; /* the one that the database writes to */
	bool follows;    /* its first leaf holds a checkpoint of the log before */
	Note former;
	bool is_closed; /* another log follows, whose first leaf holds this one's last checkpoint */
	Note carried;
	const char *carried_by;
	bool is_signed; /* there is a signed checkpoint */
	Note last;
	bool is_seen; /* and one was seen before */
	Note seen;
	bool has_edge; /* with the edge of its tree, behind which verification goes on */
	RmMerkle edge;
	uint64_t size;
	bool is_kept; /* what is to be remembered */
	Note kept;
	RmMerkle kept_edge;
} Log;

typedef struct Logs
{
	Log *log;
	int count;
} Logs;

extern Logs list_logs(PGconn *connection, const Options *options);
extern Log *find_log_of(const Logs *logs, const char *origin);

/* state.c: what was seen last. */
extern void read_state(const Options *options, Logs *logs);
extern void write_state(const Options *options, const Logs *logs);

/* main.c */
extern Note given_note(const Options *options);
extern Note stored_note(PGconn *connection, const Options *options, const char *log_id, const Verifier *verifier);
extern char *find_log(PGconn *connection, const char *origin);

/* A root that the tree must have had at a size. */
typedef struct Expected
{
	const Note *note;
	const char *from; /* who says so */
	bool reached;
	RmMerkle edge; /* of the tree at that size, once reached */
} Expected;

/* log.c: entries and the changes that they tell of. */
extern const char *entry_line(const char *entry, size_t len, const char *label, size_t *value_len);
extern uint64_t verify_log(PGconn *connection, const char *log_id, Expected *expected, int nexpected,
						   const RmMerkle *since);
extern void verify_pending(PGconn *connection);
extern void verify_claims(PGconn *connection);

/* What of a table is not to be held against the ledger yet. */
typedef struct TableState
{
	bool is_open;    /* its baseline is under way, and rows are still to come */
	bool in_window;  /* a maintenance window of it is open */
	bool expired;    /* that should have ended by now */
	bool rows_moved; /* and in it rows got other digests, which are to be recorded at its end */
	bool keys_moved; /* under other keys */
} TableState;

/* rows.c: what the ledger says of each row. */
extern void forget_rows(void);
extern void apply_change(const Change *change, int64_t index, uint64_t transaction);
extern void check_row(const unsigned char *table_id, const char *source, const unsigned char *key, size_t key_len,
					  const unsigned char *row, size_t row_len);
extern void report_missing_rows(void);
extern void know_table(const unsigned char *table_id, const char *source, TableState state);
extern uint64_t known_rows(void);
extern void know_rows_in_part(void);
extern void forget_sight(const unsigned char *table_id);
extern const char **keys_of_table(const unsigned char *table_id, size_t *count);

/* select.c: the queries that fetch a governed table's rows. */
typedef struct TableSelect
{
	const char *source;
	const char *relation; /* from which rows are read */
	const char *rows;     /* which of them; NULL: all */
	bool is_part;         /* of the table, and not the first */
	Buffer list;          /* of expressions */
	Buffer condition;     /* that a row, t, is of the key with the parts k */
	Buffer values;        /* of the parts, counted */
	int nkeys;
	bool has_index;
} TableSelect;

extern void add_key_column(TableSelect *select, const char *equals, const char *type);
extern void select_all_rows(Buffer *sql, const TableSelect *select);
extern bool select_rows(Buffer *sql, PGconn *connection, const TableSelect *select, const char **keys, size_t count);

/* tables.c: the live rows of governed tables. */
extern void verify_tables(PGconn *connection, bool all_rows);

#endif /* RMVERIFY_H */
