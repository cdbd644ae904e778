/*
 * hash.c
 *		SHA-2 through OpenSSL's EVP, fetched once per process.
 *
 * EVP_sha256() looks its implementation up at every initialization, which
 * costs more than hashing a short value; a fetched EVP_MD and a context that
 * is kept do not.  Every function returns false (or NULL) where OpenSSL
 * fails, which it does only when memory or the provider is missing.
 */
#include "types/hash.h"

#include <openssl/evp.h>
#include <string.h>

typedef struct HashInfo
{
	const char *name;
	const char *openssl_name;
	size_t size;
} HashInfo;

static const HashInfo hash_info[] = {
	[RM_HASH_INVALID] = { "", "", 0 },
	[RM_HASH_SHA256] = { "sha256", "SHA2-256", 32 },
	[RM_HASH_SHA384] = { "sha384", "SHA2-384", 48 },
	[RM_HASH_SHA512] = { "sha512", "SHA2-512", 64 },
};

#define HASH_COUNT ((int) (sizeof(hash_info) / sizeof(hash_info[0])))

static EVP_MD *fetched[HASH_COUNT];
static EVP_MD_CTX *contexts[HASH_COUNT];

/* Return the algorithm of that name, RM_HASH_INVALID if there is none. */
RmHashAlgorithm
rm_hash_algorithm(const char *name, size_t len)
{
	for (int i = 1; i < HASH_COUNT; i++)
	{
		if (strlen(hash_info[i].name) == len && memcmp(hash_info[i].name, name, len) == 0)
			return (RmHashAlgorithm) i;
	}
	return RM_HASH_INVALID;
}

/* Return the name as OCI and SRI write it. */
const char *
rm_hash_name(RmHashAlgorithm algorithm)
{
	return hash_info[algorithm].name;
}

/* Return the number of bytes of a hash; 0 for a number that is no algorithm. */
size_t
rm_hash_size(RmHashAlgorithm algorithm)
{
	return (int) algorithm > 0 && (int) algorithm < HASH_COUNT ? hash_info[algorithm].size : 0;
}

/* Return the implementation, fetching it at first use. */
static EVP_MD *
fetch_md(RmHashAlgorithm algorithm)
{
	if (fetched[algorithm] == NULL)
		fetched[algorithm] = EVP_MD_fetch(NULL, hash_info[algorithm].openssl_name, NULL);
	return fetched[algorithm];
}

/* Pieces of so many bytes together are put together before they are hashed. */
#define FLAT_SIZE 512

/* Add the pieces to the computation: short ones at once, since every call costs more than copying a few bytes. */
static bool
update_pieces(EVP_MD_CTX *context, const RmHashPiece *pieces, int npieces)
{
	unsigned char flat[FLAT_SIZE];
	size_t len = 0;

	for (int i = 0; i < npieces; i++)
	{
		if (pieces[i].len <= sizeof(flat) - len)
		{
			if (pieces[i].len > 0)
				memcpy(flat + len, pieces[i].data, pieces[i].len);
			len += pieces[i].len;
			continue;
		}
		if (!EVP_DigestUpdate(context, flat, len) || !EVP_DigestUpdate(context, pieces[i].data, pieces[i].len))
			return false;
		len = 0;
	}
	return EVP_DigestUpdate(context, flat, len) == 1;
}

/* Hash the concatenation of the pieces. */
bool
rm_hash_pieces(RmHashAlgorithm algorithm, const RmHashPiece *pieces, int npieces, unsigned char *out)
{
	EVP_MD_CTX *context = contexts[algorithm];

	if (context == NULL)
	{
		EVP_MD *md = fetch_md(algorithm);

		context = EVP_MD_CTX_new();
		if (md == NULL || context == NULL || !EVP_DigestInit_ex2(context, md, NULL))
		{
			EVP_MD_CTX_free(context);
			return false;
		}
		contexts[algorithm] = context;
	}
	else if (!EVP_DigestInit_ex2(context, NULL, NULL))
		return false;

	if (npieces == 1 ? !EVP_DigestUpdate(context, pieces->data, pieces->len) : !update_pieces(context, pieces, npieces))
		return false;
	return EVP_DigestFinal_ex(context, out, NULL) == 1;
}

/* Hash one piece. */
bool
rm_hash(RmHashAlgorithm algorithm, const void *data, size_t len, unsigned char *out)
{
	RmHashPiece piece = { data, len };

	return rm_hash_pieces(algorithm, &piece, 1, out);
}

/* Begin an incremental computation; free it with rm_hash_stream_free. */
RmHashStream *
rm_hash_stream_begin(RmHashAlgorithm algorithm)
{
	EVP_MD *md = fetch_md(algorithm);
	EVP_MD_CTX *context = md == NULL ? NULL : EVP_MD_CTX_new();

	if (context != NULL && !EVP_DigestInit_ex2(context, md, NULL))
	{
		EVP_MD_CTX_free(context);
		context = NULL;
	}
	return (RmHashStream *) context;
}

/* Add a piece. */
bool
rm_hash_stream_add(RmHashStream *stream, const void *data, size_t len)
{
	return EVP_DigestUpdate((EVP_MD_CTX *) stream, data, len) == 1;
}

/* Write the hash of everything added; only freeing may follow. */
bool
rm_hash_stream_end(RmHashStream *stream, unsigned char *out)
{
	return EVP_DigestFinal_ex((EVP_MD_CTX *) stream, out, NULL) == 1;
}

/* Free a computation, ended or not; NULL is ignored. */
void
rm_hash_stream_free(RmHashStream *stream)
{
	EVP_MD_CTX_free((EVP_MD_CTX *) stream);
}
