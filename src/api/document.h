/* document.h: a document of somebody else's that one worker keeps (a key set): fetched when it is first
 * needed, again when it is old, and, at a bounded rate, when what is looked for is not in it. However
 * many requests want it, it is fetched once; it is read on a helper's thread, as keys may take long. */
#ifndef API_DOCUMENT_H
#define API_DOCUMENT_H

#include "api/api.h"
#include "io/courier.h"
#include "io/pool.h"

/* So many fetches at once, then one a minute, whoever asks for what is not there. */
enum { DOCUMENT_FETCHES = 4, DOCUMENT_FETCH_MS = 60 * 1000 };

struct document_kind {
    const char *name; /* in sentences: "GitHub's public keys" */
    size_t max;       /* bytes */
    /* On a helper's thread; NULL and a sentence. */
    void *(*read)(struct str body, const void *with, struct fault *f);
    void (*drop)(void *what);
    /* For how long it is not asked for again, by its Cache-Control (-1: not told). NULL: an hour. */
    uint64_t (*fresh_ms)(int32_t max_age_s);
};

struct api_request;

struct document {
    const struct document_kind *kind;
    const void *with;   /* what its reader needs beside it; never changes */
    void *what;         /* as last read; NULL: nothing is known, or not any more */
    struct fault fault; /* why the last fetch brought nothing; message empty: it did */
    /* the rest is document.c's */
    char etag[COURIER_ETAG_MAX + 1];
    uint64_t fetched_ms; /* on the loop's clock; 0: never */
    uint64_t fresh_until_ms;
    uint64_t refilled_ms; /* when the last of these came; 0: never */
    uint32_t fetches_left;
    struct list waiting; /* struct api_request by document_link */
    struct courier_get get;
    struct api *api;
    struct io_job job;
    void *fresh; /* what the helper has read */
    struct fault reading;
    bool is_busy;
};

void document_init(struct document *d, const struct document_kind *k, const void *with);
void document_release(struct document *d); /* nobody waits */

/* True: go on with d->what, nothing is to come. False: then(q) will be called, or q is gone. url: lent
 * as long as somebody waits. is_missing: what is looked for is not in it. */
bool document_ask(struct document *d, struct api_request *q, struct str url, bool is_public_only,
                  bool is_missing, void (*then)(struct api_request *q));
/* What it says has turned out not to be so: who asks next makes it be fetched again. */
void document_doubt(struct document *d);

#endif
