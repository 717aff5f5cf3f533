#include "dialect/cohere.h"

#include "dialect/openai_form.h"

const struct dialect dialect_cohere = {
    .name = STR_INIT("cohere"),
    .auth = AUTH_BEARER,
    .read_error = openai_read_failure, /* {"message":"..."} */
};
