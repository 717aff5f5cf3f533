/* github.h: GitHub's public keys, as one worker keeps them. */
#ifndef API_GITHUB_H
#define API_GITHUB_H

#include "api/document.h"
#include "auth/exposure.h"

extern const struct document_kind github_document; /* what: struct github_keys */

#endif
