/* ticket.h: what a browser or an app holds and the store knows by its SHA-256 only: sessions,
 * one-time links, codes. 256 random bits as hex. */
#ifndef AUTH_TICKET_H
#define AUTH_TICKET_H

#include "store/people.h"

enum { TICKET_CHARS = 64 };

void ticket_make(char text[TICKET_CHARS + 1], uint8_t hash[TICKET_HASH_BYTES]);
/* False: it has not the shape of one. */
bool ticket_hash(struct str text, uint8_t hash[TICKET_HASH_BYTES]);
/* Another secret that follows from this one and does not tell it, as 64 hex digits: a form's token,
 * a nonce. `use` says for what. */
void ticket_derive(struct str text, struct str use, char out[TICKET_CHARS + 1]);

#endif
