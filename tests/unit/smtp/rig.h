#ifndef PP_TESTS_UNIT_SMTP_RIG_H
#define PP_TESTS_UNIT_SMTP_RIG_H

#include "../test.h"

#include "../../wire/smtp_recorder.h"
#include "../../wire/wire.h"

/* A session of the SMTP engine with the recorder behind it. */
struct rig {
	bool lmtp;
	struct smtp_recorder recorder;
	struct smtp_server *server;
	struct wire_session w;
};

void rig_open(struct rig *g);
void rig_open_lmtp(struct rig *g); /* speaks LMTP */
void rig_open_with(struct rig *g,
		   void (*serve)(void *rig, const struct listener_client *c));

/* rig_serve - what the session's thread runs. */
void rig_serve(void *rig, const struct listener_client *c);

/* rig_close - ends the session and checks what the engine promises a policy;
 * stored < 0: any number of messages. */
void rig_close(struct rig *g, int stored);

/* rig_reply - the code of the next reply, or -1 when there is none. */
int rig_reply(struct rig *g);

/*
 * rig_play - the first `budget` bytes of a whole conversation (login, message,
 * RSET, QUIT), sent in pieces of `piece`, its replies waited for.  Returns
 * whether the message's end of data was sent.
 */
bool rig_play(struct rig *g, size_t budget, size_t piece);
size_t rig_conversation_size(void);

#endif
