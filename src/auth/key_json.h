/* key_json.h: the key object as clients see it (openrouter's: hash, label, limits, usage in
 * dollars; never the key). */
#ifndef AUTH_KEY_JSON_H
#define AUTH_KEY_JSON_H

#include "json/write.h"
#include "store/records.h"

/* `name` is the member's name, or NULL in an array and at the top. */
void key_write_json(struct json_writer *w, const char *name, const struct key *k, int64_t now_ms);

/* What the audit log tells of a key that is made: what bounds it, and no figures. An object. */
void key_write_terms(struct json_writer *w, const struct key *k);

/* And of one that is disabled or enabled. A view of `room`. */
enum { KEY_DISABLED_ROOM = 48 };
struct str key_disabled_text(const struct key *k, bool disabled, char room[KEY_DISABLED_ROOM]);

/* A list (a newline behind each item) as an array; p NULL: null. */
void key_write_list(struct json_writer *w, const char *name, struct str list);
void key_write_rates(struct json_writer *w, const char *name, const struct key *k);

/* There are no workspaces here, but clients' types want a string. */
#define THE_WORKSPACE "00000000-0000-0000-0000-000000000000"

#endif
