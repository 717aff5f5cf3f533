/* confine.h: what this process gives up before it reads a byte of anybody's. */
#ifndef APP_CONFINE_H
#define APP_CONFINE_H

#include <stdbool.h>

/* From then on no thread of this process, nor any child, can start a program: execve fails with
 * EPERM. There is no way back. False: this system cannot do that (no seccomp, another processor, or
 * a build whose sanitizer starts one for its reports). */
bool confine_no_programs(void);

#endif
