/* key.h: the form of an API key: prefix, 56 random hex digits, CRC-32 of those 56 characters as 8
 * hex digits. An inference key begins with the configured prefix ("sk-tp-v1-"), a management key
 * with "sk-tp-mgmt-v1-" (the prefix with "mgmt-" before its version: see key_management_prefix()).
 */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "base/err.h"
#include "store/records.h"

enum { KEY_PREFIX_MAX = 32, KEY_DIGITS = 64, KEY_TEXT_MAX = KEY_PREFIX_MAX + 5 + KEY_DIGITS };

/* Lowercase letters, digits, '-', ending in "-v<digit>-"; at most KEY_PREFIX_MAX. */
bool key_prefix_is_valid(struct str prefix);
/* "sk-tp-v1-" -> "sk-tp-mgmt-v1-". */
struct str key_management_prefix(struct str prefix, char out[KEY_PREFIX_MAX + 5]);

/* A new key: its text (terminated; shown once, then forgotten), hash and label. */
void key_make(struct str prefix, bool is_management, char text[KEY_TEXT_MAX + 1], struct key *row);

enum key_shape { KEY_SHAPE_BAD, KEY_SHAPE_INFERENCE, KEY_SHAPE_MANAGEMENT };
/* Prefix, length, digits and checksum; no look-up. */
enum key_shape key_shape(struct str text, struct str prefix);
/* Identity of a key. */
void key_hash(struct str text, uint8_t out[KEY_HASH_BYTES]);

#endif
