/*
 * evidence.c
 *		What release_mgmt.export_evidence() returns; doc/proofs.md defines its form.
 *
 * A head, signed by the log's key, names each part with its length and its
 * SHA-256; the parts follow one another.  So every byte is either in the head
 * or in a part that the head knows.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define HEAD "release_mgmt evidence v1\n"
#define MAX_LOGS 64

/* What the head says of a part, and where its bytes are. */
typedef struct Part
{
	uint64_t len;
	char digest[48]; /* SHA-256 in base64, ended by a zero byte */
	char *name;
	const char *bytes;
} Part;

typedef struct Evidence
{
	const char *file; /* its name */
	Part *parts;
	int nparts;
	Note notes[MAX_LOGS];
	int nnotes;
	int proofs;
	ShownRows *rows;
} Evidence;

/* Report a part. */
static void
part_finding(const Part *part, const char *wrong)
{
	char *what = allocate(strlen(part->name) + 16);

	snprintf(what, strlen(part->name) + 16, "part \"%s\"", part->name);
	finding(what, -1, NULL, NULL, wrong);
	free(what);
}

/* Take the head's line on a part apart: "part <length> <digest> <name>". */
static void
read_part(Evidence *evidence, const char *line, size_t len)
{
	Part part = { 0 };
	char *copy = strndup(line, len);
	int name_at = 0;

	if (sscanf(copy, "part %" SCNu64 " %47[A-Za-z0-9+/=] %n", &part.len, part.digest, &name_at) != 2 || name_at == 0)
		trouble("the head of %s can not be read: %s", evidence->file, copy);
	part.name = strdup(copy + name_at);
	evidence->parts = realloc(evidence->parts, sizeof(Part) * (size_t) (evidence->nparts + 1));
	if (evidence->parts == NULL)
		trouble("out of memory");
	evidence->parts[evidence->nparts++] = part;
	free(copy);
}

/* Verify the head's signature, and read it; returns where the parts begin, NULL where the head is not the signer's. */
static const char *
read_head(Evidence *evidence, const char *text, const Options *options)
{
	const char *end = strstr(text, "\n\n");
	const char *origin = strstr(text, "\norigin ");
	const char *behind;
	Verifier verifier;
	char *name;

	if (strncmp(text, HEAD, strlen(HEAD)) != 0)
		trouble("%s is no evidence of a release", evidence->file);
	if (end == NULL || origin == NULL || origin > end)
		return NULL;
	origin += strlen("\norigin ");
	name = strndup(origin, strcspn(origin, "\n"));
	verifier = verifier_of(options, name);
	free(name);
	/* One signature, and nothing beside it that nobody has signed. */
	if (!is_signed(&verifier, text, (size_t) (end + 1 - text), end + 2, &behind) || strncmp(behind, "\n\n", 2) != 0 ||
		strcspn(end + 2, "\n") != (size_t) (behind - end - 2))
		return NULL;
	for (const char *line = text; line <= end;)
	{
		size_t len = strcspn(line, "\n");

		if (strncmp(line, "part ", 5) == 0)
			read_part(evidence, line, len);
		line += len + 1;
	}
	return behind + 2;
}

/* Find the bytes of each part, and hold them against its digest; what is behind the last one is nobody's. */
static void
check_digests(Evidence *evidence, const char *next, const char *end)
{
	for (int i = 0; i < evidence->nparts; i++)
	{
		Part *part = &evidence->parts[i];
		unsigned char digest[RM_SHA256_SIZE];
		char encoded[48];

		if (part->len > (uint64_t) (end - next))
		{
			part_finding(part, "the file ends within it");
			return;
		}
		part->bytes = next;
		next += part->len;
		if (!rm_hash(RM_HASH_SHA256, part->bytes, part->len, digest))
			trouble("OpenSSL can not hash");
		EVP_EncodeBlock((unsigned char *) encoded, digest, RM_SHA256_SIZE);
		if (strcmp(encoded, part->digest) != 0)
			part_finding(part, "altered: it has another digest than the head says");
	}
	/* psql ends its output by a newline. */
	if (next != end && !(next + 1 == end && *next == '\n'))
		finding("end of file", -1, NULL, NULL, "there are bytes that belong to no part");
}

/* Open the checkpoints among the parts. */
static void
open_checkpoints(Evidence *evidence, const Options *options)
{
	for (int i = 0; i < evidence->nparts; i++)
	{
		const Part *part = &evidence->parts[i];
		Verifier verifier;
		char *text;

		if (strncmp(part->name, "checkpoint ", 11) != 0)
			continue;
		text = strndup(part->bytes, part->len);
		verifier = verifier_of(options, part->name + 11);
		if (evidence->nnotes == MAX_LOGS || !open_note(text, &verifier, &evidence->notes[evidence->nnotes]))
			part_finding(part, "the checkpoint is not signed by the key given");
		else if (!is_cosigned_by_all(options, &evidence->notes[evidence->nnotes++]))
			part_finding(part, "not every witness has cosigned the checkpoint");
	}
}

/* Take in the rows that the parts show. */
static void
read_rows(Evidence *evidence)
{
	for (int i = 0; i < evidence->nparts; i++)
	{
		const Part *part = &evidence->parts[i];

		if (strncmp(part->name, "rows ", 5) == 0 &&
			!add_shown_rows(&evidence->rows, part->name + 5, part->bytes, part->len))
			part_finding(part, "a line of it is no row");
	}
	sort_shown_rows(evidence->rows);
}

/*
 * Return the number of the change that the part is named after, 1 for the last
 * of its row; 0 where it bears the name of another change: "proof <origin>
 * <table> <key> <number>".
 */
static unsigned long
number_in_name(const Part *part, const Note *note, const Proof *proof)
{
	Buffer name = { 0 };
	const char *number = NULL;

	append_text(&name, "proof ");
	append_text(&name, note->origin);
	append_text(&name, " ");
	append(&name, proof->table, proof->table_len);
	append_text(&name, " ");
	append(&name, proof->change.key, proof->change.key_len);
	append_text(&name, " ");
	for (size_t i = 0; i < name.len; i++)
	{
		if (name.bytes[i] == '\n' || name.bytes[i] == '\r')
			name.bytes[i] = ' ';
	}
	if (strncmp(part->name, (char *) name.bytes, name.len) == 0)
		number = part->name + name.len;
	free(name.bytes);
	return number ? strtoul(number, NULL, 10) : 0;
}

/* Hold the row that the proof covers against the one that is shown; returns what is wrong with the part. */
static const char *
check_row_of_proof(Evidence *evidence, const Part *part, const Note *note, const Proof *proof)
{
	unsigned long number = number_in_name(part, note, proof);
	char *table;

	/* The change that gave a row its key is found under the key that the row had before as well. */
	if (number == 0 && proof->change.former_key == NULL)
		return "it proves another change than its name says";
	if (number != 1)
		return NULL;
	table = strndup(proof->table, proof->table_len);
	check_shown_row(evidence->rows, table, proof);
	free(table);
	return NULL;
}

/* Verify a proof against the checkpoint of its log, whose origin its name begins with: "proof <origin> ...". */
static void
check_part_proof(Evidence *evidence, const Part *part)
{
	const char *origin = part->name + strlen("proof ");
	size_t origin_len = strcspn(origin, " ");
	const Note *note = NULL;
	const char *wrong;
	Proof proof;

	wrong = read_proof(part->bytes, part->len, &proof);
	if (wrong == NULL && proof.len != part->len)
		wrong = "there is something behind the proof";
	for (int i = 0; i < evidence->nnotes && note == NULL; i++)
	{
		if (strlen(evidence->notes[i].origin) == origin_len &&
			strncmp(evidence->notes[i].origin, origin, origin_len) == 0)
			note = &evidence->notes[i];
	}
	if (wrong == NULL && note == NULL)
		wrong = "there is no checkpoint of its log";
	if (wrong == NULL && !is_included(&proof, note))
		wrong = "the entry is not in the checkpoint's tree";
	if (wrong == NULL)
		wrong = check_row_of_proof(evidence, part, note, &proof);
	if (wrong)
		part_finding(part, wrong);
	else
		evidence->proofs++;
	free(proof.hashes);
	free(proof.longs);
}

/* Verify a file of evidence. */
int
verify_evidence(const Options *options)
{
	Evidence *evidence = allocate(sizeof(Evidence));
	size_t len;
	char *text = read_file(options->argument, &len);
	const char *parts;
	const char *release;

	if (text == NULL)
		trouble("there is no file %s", options->argument);
	len = restore_dashes(text, len);
	evidence->file = options->argument;
	parts = read_head(evidence, text, options);
	if (parts == NULL)
		finding("head", -1, NULL, NULL, "altered: it does not bear the signature of the key given");
	else
		check_digests(evidence, parts, text + len);
	if (findings == 0)
	{
		open_checkpoints(evidence, options);
		read_rows(evidence);
		for (int i = 0; i < evidence->nparts; i++)
		{
			if (strncmp(evidence->parts[i].name, "proof ", 6) == 0)
				check_part_proof(evidence, &evidence->parts[i]);
			progress("parts", (uint64_t) i + 1, (uint64_t) evidence->nparts);
		}
		report_unproved_rows(evidence->rows);
		progress_end();
	}
	if (findings > 0)
	{
		printf("%d findings\n", findings);
		return EXIT_FINDINGS;
	}
	release = strstr(text, "\nrelease ") + strlen("\nrelease ");
	printf("the evidence of release %.*s is sound: %d parts, %d changes proved\n", (int) strcspn(release, "\n"),
		   release, evidence->nparts, evidence->proofs);
	for (int i = 0; i < evidence->nnotes; i++)
		printf("up to the checkpoint of %" PRIu64 " leaves of %s\n", evidence->notes[i].size,
			   evidence->notes[i].origin);
	return EXIT_SOUND;
}
