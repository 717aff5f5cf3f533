/* Any configuration file is either used and can be shown, or refused with a sentence that names the file. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char name[64];
    struct config c;
    struct fault f = {.err = ERR_OK};
    struct buf shown;
    if (file < 0) {
        file = memfd_create("config", MFD_CLOEXEC);
        BUG_ON(file < 0);
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    }
    BUG_ON(ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size);
    struct config_flags flags = {.config = str_c(name)};
    if (config_load(&c, &flags, &f) != ERR_OK) {
        BUG_ON(!str_starts(str_c(f.message), str_c(name)));
        return 0;
    }
    config_release(&c);
    buf_init(&shown, 1 << 24);
    BUG_ON(config_show(&flags, &shown, &f) != ERR_OK || shown.n == 0);
    buf_release(&shown);
    return 0;
}
