#include "app/serve.h"

#ifndef TURNPIKE_VERSION
#define TURNPIKE_VERSION "unknown"
#endif

const char *turnpike_version(void)
{
    return TURNPIKE_VERSION;
}
