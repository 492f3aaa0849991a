#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/daemon.h"
#include "base/log.h"
#include "receiver/receiver_private.h"
#include "store/leftovers.h"

enum { PATH_BYTES = 4096 };

/* The mailboxes, and the data directory that stands behind them. */

static int
open_data_dir(struct receiver *r, struct err *e)
{
	const char *path = r->o->data_dir;
	struct buf below;

	buf_init(&below, PATH_BYTES);
	if (path == NULL || path[0] == '\0') {
		/* no domain begins with a dot, so this is no mailbox */
		if (buf_addf(&below, "%s/.postpair%c", r->o->maildirs, 0) != 0)
			return err_set(e, ERR_PERM, errno, "maildirs");
		path = below.p;
	}
	r->data_dir = daemon_open_data(path, &r->data_lock, e);
	buf_free(&below);
	return r->data_dir < 0 ? -1 : 0;
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
		.id_days = (unsigned)r->o->delivery_id_days,
		.checkpoint_bytes = (size_t)r->o->checkpoint_size,
		.checkpoint_ms = r->o->checkpoint_interval,
	};

	if (ledger_open(&r->ledger, &o, &found, e) != 0)
		return -1;
	log_recovery(&found);
	maildir_tree_set_ledger(r->tree, r->ledger);
	return 0;
}

int
receiver_store_open(struct receiver *r, struct err *e)
{
	struct log_line l;

	if (maildir_tree_open(&r->tree, r->o->maildirs, r->hostname, e) != 0 ||
	    open_data_dir(r, e) != 0 || open_ledger(r, e) != 0)
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
	maildir_tree_free(&r->tree);
	if (r->data_lock >= 0)
		(void)close(r->data_lock);
	if (r->data_dir >= 0)
		(void)close(r->data_dir);
	r->data_lock = r->data_dir = -1;
}
