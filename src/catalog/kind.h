/* kind.h: what sets one provider apart from others that speak the same dialect: rows of a table.
 * A provider is of the kind that it is named like, or of the one that its setting `kind` names. See
 * docs/adding-a-provider.md. */
#ifndef CATALOG_KIND_H
#define CATALOG_KIND_H

#include "catalog/parameter.h"

struct deadlines {
    uint32_t connect_ms;
    uint32_t first_ms; /* request sent to first content */
    uint32_t idle_ms;  /* between two bytes after that */
    uint32_t total_ms;
};

/* How it is shown who asks. */
enum kind_auth {
    KIND_BEARER,    /* Authorization: Bearer KEY */
    KIND_API_KEY,   /* api-key: KEY */
    KIND_X_API_KEY, /* x-api-key: KEY */
    KIND_NO_AUTH,
};

/* Something that the provider takes under another name. */
struct kind_rename {
    uint64_t from;     /* a parameter's bit */
    struct str member; /* of its value, what is given instead of the whole; empty: the whole */
    struct str to;
};

enum { KIND_RENAMES_MAX = 4, KIND_SIGNS_MAX = 4 };

struct kind {
    struct str name;   /* "mistral" */
    struct str title;  /* "Mistral" */
    struct str source; /* the documentation that the row follows */

    /* --- where, and with what credential --- */
    struct str dialect;                    /* empty: "openai" */
    struct str base_url;                   /* where it is the same for everybody; else empty.
                                              {region} in it stands for the provider's region */
    const char *key_variable;              /* of the environment, that configures it; or NULL */
    const char *address_variable;          /* "HOST", "HOST:PORT" or a URL: base_url's; or NULL */
    struct str address_port, address_path; /* for an address that states none: ":11434", "/v1" */
    const char *version_variable;          /* api_version's; or NULL */
    const char *region_variable;           /* aws.region's; or NULL */
    enum kind_auth auth;
    struct str path_prefix;  /* before "/chat/completions" and its like; {model} stands for the
                               endpoint's model */
    struct str query_name;   /* of the provider's api_version: "api-version"; empty: no query */
    struct str api_version;  /* unless the configuration has another */
    struct str headers;      /* fixed lines: "X-Name: value\r\n" */
    bool passes_attribution; /* the client's HTTP-Referer and X-Title go along */

    /* --- what it takes --- */
    uint64_t takes; /* parameters, renamed ones included */
    struct kind_rename renames[KIND_RENAMES_MAX];
    struct str
        max_tokens_field;  /* what an output bound is called there, where the client has none */
    bool takes_input_type; /* of embeddings: for what they are; and inputs that are made of parts */
    bool refuses_unknown;  /* members that nobody here knows are dropped: it would refuse them */
    bool is_guess;         /* nobody knows: what it may not take is sent all the same */

    /* --- what it does with it --- */
    struct deadlines deadlines; /* 0: as everywhere */
    bool may_train;
    int32_t retention_days;                   /* -1: not stated */
    struct str context_signs[KIND_SIGNS_MAX]; /* its words for a prompt that is too long */
    struct str privacy_url, terms_url, status_url;
};

/* Row 0 is for providers of which nothing is known but their dialect. NULL past the end. */
const struct kind *kind_at(unsigned i);
/* By name, its row; 0: none has this name. */
unsigned kind_find(struct str name);
/* The first row of a dialect that is not OpenAI's; 0: there is none. */
unsigned kind_of_dialect(struct str dialect);
/* Whether an error's text says that the prompt is too long for the model. */
bool kind_says_context(const struct kind *k, struct str text);
#endif
