/* codec.h: bytes as text: hex, CRC-32 (IEEE 802.3), random numbers. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/str.h"

void hex_encode(char *out, const void *bytes, size_t n); /* 2n characters, lowercase, no NUL */
/* Exactly 2n hex digits, lowercase. */
bool hex_decode(void *out, size_t n, struct str hex);

uint32_t crc32_ieee(struct str bytes); /* the zlib one: "123456789" -> 0xcbf43926 */
uint32_t crc32_ieee_more(uint32_t crc, struct str bytes);

/* From the kernel; ends the process if there is none (it cannot go on safely). */
void random_bytes(void *out, size_t n);

#endif
