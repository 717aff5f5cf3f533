/* client.h: what readers of clients' requests share beside the canonical form: members that every
 * format has under one name or nearly, checked and refused in one voice. */
#ifndef DIALECT_CLIENT_H
#define DIALECT_CLIENT_H

#include "dialect/canon.h"
#include "dialect/member.h"
#include "dialect/shape.h"

/* ERR_INVALID: "WHERE: expected EXPECTED, got KIND". */
enum err client_want(struct json v, enum json_type type, const char *where, const char *expected,
                     struct fault *f) MUST_USE;
/* ERR_INVALID: "WHERE.MEMBER: expected a string, got KIND"; else an object is wanted. */
enum err client_want_member(struct json v, enum json_type type, const char *where,
                            const char *member, struct fault *f) MUST_USE;
/* The body is an object, and no name in it stands twice. */
enum err client_open(struct json root, struct fault *f) MUST_USE;
/* All its members are of the kinds that `rows` and chat_shape_ours say. After what is read has been
 * checked, so that its more exact sentences come first. */
enum err client_check(struct json root, const struct shape *rows, struct fault *f) MUST_USE;
/* A cache mark among the members of `holder`; else *out stays. */
void client_read_cache(struct json holder, struct canon_cache *out);

/* One more of the models to be tried, once each. */
enum err client_add_model(struct chat_request *facts, struct canon_room *room, struct json v,
                          const char *where, struct fault *f) MUST_USE;
/* Each of `models`; what is no list adds none. */
enum err client_add_models(struct chat_request *facts, struct canon_room *room, struct json models,
                           struct fault *f) MUST_USE;
/* `stream`, `provider`, and that there is one choice; a cache mark for the whole is one. */
enum err client_read_facts(struct canon_request *r, struct json root, struct fault *f) MUST_USE;

/* Members that go through as they are, with the kind that they must be; what has the name of a chat's
 * must be what a chat's must (member.h). */
struct client_setting {
    struct str name;
    enum canon_param param;
    enum json_type type;
    const char *expected;
};
enum err client_read_settings(struct canon_request *r, struct json root,
                              const struct client_setting *settings, size_t n,
                              struct fault *f) MUST_USE;
/* What is not null and not known goes to the extras. What is the gateway's own is what it is in a chat,
 * whatever the format. */
enum err client_read_extras(struct canon_request *r, struct canon_room *room, struct json root,
                            bool (*is_known)(struct str name), struct fault *f) MUST_USE;
bool client_is_one_of(struct str name, const struct str *names, size_t n);

#endif
