/*
 * signer.c
 *		The log's signing key, and what was signed last.
 *
 * The key is a PEM file (RFC 8410) named by a setting that only the server's
 * configuration can hold.  The last checkpoint of each origin stands in a file
 * beside it, outside the data directory, so that a data directory put back in
 * time does not take it along.
 */
#include "postgres.h"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errcodes.h"
#include "ledger/signer.h"
#include "lib/stringinfo.h"
#include "storage/fd.h"
#include "utils/guc.h"

static char *signing_key_file = NULL;

/* Define the setting; called when a backend loads the library. */
void
rm_signer_init(void)
{
	DefineCustomStringVariable("release_mgmt.signing_key_file",
							   "File of the Ed25519 private key that signs checkpoints, in PEM.",
							   "Readable by the server's user alone, outside the data directory. The checkpoint signed "
							   "last is kept beside it.",
							   &signing_key_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

/* Return whether a key is configured. */
bool
rm_signer_has_key(void)
{
	return signing_key_file != NULL && signing_key_file[0] != '\0';
}

/* Raise unless a key is configured. */
static void
require_key(void)
{
	if (!rm_signer_has_key())
		ereport(ERROR, (errcode(ERRCODE_RM_WRONG_STATE), errmsg("no key to sign checkpoints with is configured"),
						errhint("Make one with \"openssl genpkey -algorithm ed25519\", name its file in "
								"release_mgmt.signing_key_file in postgresql.conf, and reload.")));
}

/* Raise that the key file can not serve. */
static void
refuse_key(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("can not sign with the key in file \"%s\"", signing_key_file),
			 errdetail("%s", detail),
			 errhint("Make one with \"openssl genpkey -algorithm ed25519\", mode 0600, owned by the server's user.")));
}

/* Load the key; free it with EVP_PKEY_free(). */
EVP_PKEY *
rm_signer_load_key(void)
{
	struct stat status;
	FILE *file;
	EVP_PKEY *key;

	require_key();
	file = AllocateFile(signing_key_file, "r");
	if (file == NULL || fstat(fileno(file), &status) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", signing_key_file)));
	if (status.st_mode & (S_IRWXG | S_IRWXO))
	{
		FreeFile(file);
		refuse_key("Others than its owner may use the file.");
	}
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	FreeFile(file);
	if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
	{
		EVP_PKEY_free(key);
		refuse_key("It holds no Ed25519 private key in PEM without a passphrase.");
	}
	return key;
}

/* Return the path of the file that holds the last checkpoint of the origin. */
static char *
last_checkpoint_path(const char *origin)
{
	char *path = psprintf("%s.%s.checkpoint", signing_key_file, origin);

	for (char *p = path + strlen(signing_key_file); *p != '\0'; p++)
	{
		if (*p == '/')
			*p = '~';
	}
	return path;
}

/* Return the note of that origin that was signed last; NULL if there is none. */
char *
rm_signer_read_last(const char *origin)
{
	char *path = last_checkpoint_path(origin);
	FILE *file = AllocateFile(path, "r");
	StringInfoData note;
	char buffer[1024];
	size_t count;

	if (file == NULL && errno == ENOENT)
		return NULL;
	if (file == NULL)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
	initStringInfo(&note);
	while ((count = fread(buffer, 1, sizeof(buffer), file)) > 0)
		appendBinaryStringInfo(&note, buffer, count);
	FreeFile(file);
	return note.data;
}

/* Keep the note as the one that was signed last; it is on disk when this returns. */
void
rm_signer_write_last(const char *origin, const char *note)
{
	char *path = last_checkpoint_path(origin);
	char *new_path = psprintf("%s.new", path);
	FILE *file = AllocateFile(new_path, "w");

	if (file == NULL || fwrite(note, 1, strlen(note), file) != strlen(note) || fflush(file) != 0 ||
		fsync(fileno(file)) != 0 || FreeFile(file) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", new_path)));
	(void) durable_rename(new_path, path, ERROR);
}
