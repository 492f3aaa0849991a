#include "auth/scram_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/sasl_private.h"

static const struct {
	const char *scheme;
	Gsasl_hash hash;
	size_t size;
} hashes[SCRAM_HASHES] = {
	[SCRAM_SHA_1] = { "SCRAM-SHA-1", GSASL_HASH_SHA1,
			  GSASL_HASH_SHA1_SIZE },
	[SCRAM_SHA_256] = { "SCRAM-SHA-256", GSASL_HASH_SHA256,
			    GSASL_HASH_SHA256_SIZE },
};

const char *
scram_key_scheme(enum scram_hash hash)
{
	return hashes[hash].scheme;
}

size_t
scram_key_digest_size(enum scram_hash hash)
{
	return hashes[hash].size;
}

/* ---- text -----------------------------------------------------------------
 */

static bool
is_separator(char c)
{
	return c == ',' || c == ':' || c == '$';
}

/* The next part of *rest; false when there is none. */
static bool
next_part(struct span *rest, struct span *part)
{
	size_t n = 0;

	if (rest->p == NULL)
		return false;
	while (n < rest->n && !is_separator(rest->p[n]))
		n++;
	*part = span_head(*rest, n);
	*rest = n < rest->n ? span_skip(*rest, n + 1) : span_make(NULL, 0);
	return true;
}

static int
bad(enum scram_hash hash, const char *what, struct err *e)
{
	return err_set(e, ERR_PERM, 0, "{%s}: %s", hashes[hash].scheme, what);
}

static int
parse_digest(struct span *rest, unsigned char *out, size_t size)
{
	struct span part;
	size_t n;

	if (!next_part(rest, &part) ||
	    sasl_base64_decode(part, out, size, &n) != 0 || n != size)
		return -1;
	return 0;
}

int
scram_key_parse(struct scram_key *key, enum scram_hash hash, struct span value,
		struct err *e)
{
	size_t size = hashes[hash].size;
	struct span part;
	uint64_t count;

	memset(key, 0, sizeof(*key));
	key->hash = hash;
	if (!next_part(&value, &part) || span_u64(part, &count) != 0)
		return bad(hash, "a number of iterations comes first", e);
	if (count < SCRAM_ITERATIONS_MIN || count > SCRAM_ITERATIONS_MAX)
		return err_set(e, ERR_PERM, 0,
			       "{%s}: the iterations are not %d to %d",
			       hashes[hash].scheme, SCRAM_ITERATIONS_MIN,
			       SCRAM_ITERATIONS_MAX);
	key->iterations = (unsigned)count;
	if (!next_part(&value, &part) ||
	    sasl_base64_decode(part, key->salt, sizeof(key->salt),
			       &key->salt_n) != 0 ||
	    key->salt_n == 0)
		return err_set(e, ERR_PERM, 0,
			       "{%s}: the salt is not 1 to %d bytes in base64",
			       hashes[hash].scheme, SCRAM_SALT_MAX);
	if (parse_digest(&value, key->stored, size) != 0)
		return bad(hash, "StoredKey is not a digest in base64", e);
	if (parse_digest(&value, key->server, size) != 0)
		return bad(hash, "ServerKey is not a digest in base64", e);
	if (value.p != NULL)
		return bad(hash, "something follows ServerKey", e);
	return 0;
}

int
scram_key_write(const struct scram_key *key, char *buf, size_t size,
		struct err *e)
{
	size_t digest = hashes[key->hash].size;
	struct buf b;

	buf_init(&b, size - 1);
	int rc =
	    buf_addf(&b, "{%s}%u,", hashes[key->hash].scheme, key->iterations);
	if (rc == 0)
		rc = sasl_base64_add(&b, key->salt, key->salt_n);
	if (rc == 0)
		rc = buf_add_char(&b, ',');
	if (rc == 0)
		rc = sasl_base64_add(&b, key->stored, digest);
	if (rc == 0)
		rc = buf_add_char(&b, ',');
	if (rc == 0)
		rc = sasl_base64_add(&b, key->server, digest);
	if (rc == 0)
		rc = span_copy(buf_span(&b), buf, size);
	if (rc != 0)
		(void)err_set(e, ERR_TEMP, ENOMEM, "SCRAM key");
	if (b.p != NULL)
		explicit_bzero(b.p, b.n);
	buf_free(&b);
	return rc;
}

/* ---- computing ------------------------------------------------------------
 */

static int
compute(struct scram_key *key, const char *password)
{
	char salted[GSASL_HASH_MAX_SIZE], client[GSASL_HASH_MAX_SIZE];

	int rc = gsasl_scram_secrets_from_password(
	    hashes[key->hash].hash, password, key->iterations,
	    (const char *)key->salt, key->salt_n, salted, client,
	    (char *)key->server, (char *)key->stored);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	return rc;
}

int
scram_key_derive(struct scram_key *key, const char *password, struct err *e)
{
	int rc = compute(key, password);

	if (rc == GSASL_OK)
		return 0;
	if (rc == GSASL_SASLPREP_ERROR)
		return err_set(e, ERR_PERM, 0,
			       "the password holds a character that SCRAM "
			       "cannot take (RFC 4013)");
	return err_set(e, ERR_TEMP, 0, "SCRAM key: %s", gsasl_strerror(rc));
}

int
scram_key_matches(const struct scram_key *key, const char *password,
		  struct err *e)
{
	struct scram_key got = *key;
	volatile unsigned char diff = 0;

	int rc = compute(&got, password);
	bool usable = rc == GSASL_OK;
	if (rc == GSASL_SASLPREP_ERROR)
		rc = compute(&got, "x"); /* wrong, but no sooner known */
	for (size_t i = 0; i < hashes[key->hash].size; i++)
		diff = (unsigned char)(diff | (got.stored[i] ^ key->stored[i]));
	explicit_bzero(&got, sizeof(got));
	if (rc != GSASL_OK)
		return err_set(e, ERR_TEMP, 0, "SCRAM key: %s",
			       gsasl_strerror(rc));
	return usable && diff == 0;
}
