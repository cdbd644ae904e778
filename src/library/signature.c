/*
 * signature.c
 *		Verification of Ed25519 signatures.
 *
 * RFC 8032, through OpenSSL's EVP; keys are PEM (RFC 7468) holding a
 * SubjectPublicKeyInfo (RFC 8410), as "openssl pkey -pubout" writes them.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* Read an Ed25519 public key; NULL where the text is none. */
static EVP_PKEY *
read_public_key(const text *pem)
{
	BIO *bio = BIO_new_mem_buf(VARDATA_ANY(pem), VARSIZE_ANY_EXHDR(pem));
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (key != NULL && EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
	{
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

PG_FUNCTION_INFO_V1(rm_verify_signature);

/*
 * Tell whether signature is that of message by the holder of public_key.
 *
 * verify_signature(message bytea, signature bytea, public_key text) returns
 * boolean.  A signature of another length than 64 bytes is simply not it.
 */
Datum
rm_verify_signature(PG_FUNCTION_ARGS)
{
	bytea *message = PG_GETARG_BYTEA_PP(0);
	bytea *signature = PG_GETARG_BYTEA_PP(1);
	EVP_PKEY *key = read_public_key(PG_GETARG_TEXT_PP(2));
	EVP_MD_CTX *context;
	int verdict = -1;

	if (key == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the public key is not an Ed25519 key in PEM"),
						errhint("Give what \"openssl pkey -in key.pem -pubout\" writes.")));
	context = EVP_MD_CTX_new();
	if (context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1)
		verdict =
			EVP_DigestVerify(context, (const unsigned char *) VARDATA_ANY(signature), VARSIZE_ANY_EXHDR(signature),
							 (const unsigned char *) VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message));
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	ERR_clear_error();
	PG_RETURN_BOOL(verdict == 1);
}
