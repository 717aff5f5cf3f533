#include "base/bug.h"

#include <stdio.h>
#include <stdlib.h>

void bug_die(const char *what, const char *file, int line)
{
    fprintf(stderr, "turnpike: bug: %s at %s:%d\n", what, file, line);
    abort();
}
