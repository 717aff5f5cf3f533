/* codec.h: numbers and bytes as text: decimal, hex, CRC-32 (IEEE 802.3), random numbers. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/str.h"

/* The digits of v so that they end before `end`, where there is room for DECIMAL_MAX of them;
 * returns where they begin. */
enum { DECIMAL_MAX = 20 };
char *decimal_before(char *end, uint64_t v);

void hex_encode(char *out, const void *bytes, size_t n); /* 2n characters, lowercase, no NUL */
/* Exactly 2n hex digits, lowercase. */
bool hex_decode(void *out, size_t n, struct str hex);

uint32_t crc32_ieee(struct str bytes); /* the zlib one: "123456789" -> 0xcbf43926 */
uint32_t crc32_ieee_more(uint32_t crc, struct str bytes);

/* From the kernel; ends the process if there is none (it cannot go on safely). */
void random_bytes(void *out, size_t n);

#endif
