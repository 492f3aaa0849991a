#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/daemon.h"
#include "base/log.h"
#include "receiver/receiver_private.h"
#include "store/leftovers.h"
#include "store/mounts.h"
#include "store/volume.h"

enum {
	PATH_BYTES = 4096,
	JOURNAL_RETRY_MS = 1000, /* on a full disk */
};

/* The mailboxes, and the data directory that stands behind them. */

static bool
has_data_dir(const struct receiver *r)
{
	return r->o->data_dir != NULL && r->o->data_dir[0] != '\0';
}

/* Its path, with a NUL. */
static int
name_data_dir(const struct receiver *r, struct buf *path, struct err *e)
{
	/* no domain begins with a dot, so this is no mailbox */
	int rc = has_data_dir(r)
		     ? buf_addf(path, "%s%c", r->o->data_dir, 0)
		     : buf_addf(path, "%s/.postpair%c", r->o->maildirs, 0);

	return rc == 0 ? 0 : err_set(e, ERR_PERM, errno, "data directory");
}

static int
open_data_dir(struct receiver *r, struct err *e)
{
	struct buf path;

	if (r->data_dir >= 0)
		return 0;
	buf_init(&path, PATH_BYTES);
	if (name_data_dir(r, &path, e) == 0)
		r->data_dir = daemon_open_data(path.p, &r->data_lock, e);
	buf_free(&path);
	return r->data_dir < 0 ? -1 : 0;
}

static int
claim_volume(struct receiver *r, struct err *e)
{
	struct buf path;
	int rc = -1;

	buf_init(&path, PATH_BYTES);
	if (name_data_dir(r, &path, e) == 0)
		rc = volume_claim(r->data_dir, path.p,
				  maildir_tree_volume(r->tree), e);
	buf_free(&path);
	return rc;
}

static void
log_recovery(const struct ledger_report *found)
{
	struct log_line l;

	if (found->accepted == 0)
		return;
	log_begin(&l, LOG_WARN, "journal-replayed");
	log_num(&l, "messages", (int64_t)found->accepted);
	log_num(&l, "placed", (int64_t)found->placed);
	log_num(&l, "repaired", (int64_t)found->repaired);
	log_num(&l, "removed", (int64_t)found->removed);
	log_num(&l, "failed", (int64_t)found->failed);
	log_end(&l);
}

static int
open_ledger(struct receiver *r, struct err *e)
{
	struct ledger_report found;
	struct ledger_options o = {
		.tree = r->tree,
		.dirfd = r->data_dir,
		.keeps_messages = r->o->durability == RECEIVER_JOURNAL,
		.message_max = (size_t)r->o->journal_message_max,
		.retry_ms = JOURNAL_RETRY_MS,
		.id_days = (unsigned)r->o->delivery_id_days,
		.ids_max = (size_t)r->o->delivery_ids_max,
		.checkpoint_bytes = (size_t)r->o->checkpoint_size,
		.checkpoint_ms = r->o->checkpoint_interval,
	};

	if (ledger_open(&r->ledger, &o, &found, e) != 0)
		return -1;
	log_recovery(&found);
	maildir_tree_set_ledger(r->tree, r->ledger);
	return 0;
}

/* Who may have a mailbox. */
static int
is_owner(void *ctx, const char *address, struct err *e)
{
	struct receiver *r = ctx;
	struct user user;

	int found = users_find(r->users, address, &user, e);
	return found > 0 ? strcmp(user.address, address) == 0 : found;
}

/* The Maildirs.  A data directory of its own that has a journal shows that they
 * have been begun: an empty directory is then one without its volume. */
static int
open_tree(struct receiver *r, struct err *e)
{
	int claimed = 0;

	if (has_data_dir(r)) {
		if (open_data_dir(r, e) != 0)
			return -1;
		claimed = volume_is_claimed(r->data_dir, e);
		if (claimed < 0)
			return -1;
	}
	if (maildir_tree_open(&r->tree, r->o->maildirs, r->hostname,
			      claimed == 0, e) != 0)
		return -1;
	maildir_tree_set_owners(r->tree, is_owner, r);
	if (maildir_tree_is_doubtful(r->tree))
		log_event(LOG_ERROR, "maildirs-not-synced", NULL, NULL);
	return 0;
}

int
receiver_store_open(struct receiver *r, struct err *e)
{
	struct log_line l;

	if (open_tree(r, e) != 0 || fitness_new(&r->fitness, r->tree, e) != 0 ||
	    open_data_dir(r, e) != 0 || claim_volume(r, e) != 0 ||
	    mounts_open(&r->mounts, r->data_dir, e) != 0)
		return -1;
	maildir_tree_set_mounts(r->tree, r->mounts);
	if (open_ledger(r, e) != 0)
		return -1;
	/* After the recovery, which looks for its files in tmp/. */
	int64_t gone = leftovers_remove(r->tree, e);
	if (gone < 0)
		return -1;
	if (gone > 0) {
		log_begin(&l, LOG_WARN, "leftovers-removed");
		log_num(&l, "files", gone);
		log_end(&l);
	}
	return 0;
}

void
receiver_store_close(struct receiver *r)
{
	ledger_close(&r->ledger);
	fitness_free(&r->fitness);
	maildir_tree_free(&r->tree);
	mounts_free(&r->mounts);
	if (r->data_lock >= 0)
		(void)close(r->data_lock);
	if (r->data_dir >= 0)
		(void)close(r->data_dir);
	r->data_lock = r->data_dir = -1;
}
