/* The reader's tests again, without the processor's vector instructions. */
#define JSON_PORTABLE 1

#include "../../../src/json/read.c"
#include "read_test.c"
