#include "crypto/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/codec.h"
#include "crypto/hmac.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG   crypto_aead_xchacha20poly1305_ietf_ABYTES

enum { VERSION = 1 };

_Static_assert((int)SEAL_KEY_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert((int)SEAL_MORE == 1 + (int)NONCE + (int)TAG, "overhead");

/* --- the master key --- */

static bool is_same_case_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return s.n == 2 * SEAL_KEY_BYTES;
}

static bool parse(struct str text, struct seal_key *out)
{
    size_t n;
    text = str_trim(text);
    if (is_same_case_hex(text)) {
        char lower[2 * SEAL_KEY_BYTES];
        for (size_t i = 0; i < sizeof lower; i++)
            lower[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'F' ? text.p[i] + 32 : text.p[i]);
        bool done = hex_decode(out->hidden, SEAL_KEY_BYTES, str_of(lower, sizeof lower));
        explicit_bzero(lower, sizeof lower);
        return done;
    }
    return (base64_decode(BASE64_PLAIN, text, out->hidden, SEAL_KEY_BYTES, &n) ||
            base64_decode(BASE64_URL, text, out->hidden, SEAL_KEY_BYTES, &n)) &&
           n == SEAL_KEY_BYTES;
}

static enum err file_read(const char *path, struct seal_key *out, struct fault *f)
{
    struct stat st;
    uint8_t room[SEAL_KEY_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1)
        return errno == ENOENT ? ERR_NOT_FOUND
                               : fault_set(f, ERR_STORE, "%s: %s", path, strerror(errno));
    bool is_open_to_others = fstat(fd, &st) == 0 && (st.st_mode & 077);
    ssize_t n = read(fd, room, sizeof room);
    close(fd);
    if (n == SEAL_KEY_BYTES)
        memcpy(out->hidden, room, SEAL_KEY_BYTES);
    explicit_bzero(room, sizeof room);
    if (is_open_to_others)
        return fault_set(f, ERR_STORE, "%s may be read by others: chmod 600 it", path);
    if (n != SEAL_KEY_BYTES)
        return fault_set(f, ERR_STORE, "%s must hold %d bytes: it is no master key, or damaged",
                         path, SEAL_KEY_BYTES);
    return ERR_OK;
}

static bool write_whole(int fd, const uint8_t *p, size_t n)
{
    return write(fd, p, n) == (ssize_t)n && fsync(fd) == 0;
}

/* Written whole beside it, then linked: of two processes that start at once one wins, and both
 * read its file. */
static enum err file_make(const char *dir, const char *path, struct fault *f)
{
    char beside[PATH_MAX];
    uint8_t key[SEAL_KEY_BYTES];
    int n = snprintf(beside, sizeof beside, "%s.new-%d", path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof beside)
        return fault_set(f, ERR_INVALID, "the data directory's name is too long");
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return fault_set(f, ERR_STORE, "%s: %s", beside, strerror(errno));
    random_bytes(key, sizeof key);
    bool is_written = write_whole(fd, key, sizeof key);
    explicit_bzero(key, sizeof key);
    close(fd);
    bool is_there = is_written && (link(beside, path) == 0 || errno == EEXIST);
    int why = errno;
    unlink(beside);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd != -1) {
        fsync(fd);
        close(fd);
    }
    return is_there ? ERR_OK : fault_set(f, ERR_STORE, "%s: %s", path, strerror(why));
}

enum err seal_key_open(struct seal_key *out, struct secret text, const char *dir, struct fault *f)
{
    char path[PATH_MAX];
    if (!secret_is_empty(text))
        return parse(secret_reveal(text), out)
                   ? ERR_OK
                   : fault_set(
                         f, ERR_INVALID,
                         "TURNPIKE_MASTER_KEY must be 32 bytes as 64 hexadecimal digits or as "
                         "base64");
    int n = snprintf(path, sizeof path, "%s/master.key", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(f, ERR_INVALID, "the data directory's name is too long");
    enum err e = file_read(path, out, f);
    if (e != ERR_NOT_FOUND)
        return e;
    e = file_make(dir, path, f);
    if (e == ERR_OK)
        e = file_read(path, out, f);
    return e == ERR_NOT_FOUND ? fault_set(f, ERR_STORE, "%s is gone again", path) : e;
}

void seal_key_derive(const struct seal_key *master, struct str purpose, uint8_t out[SEAL_KEY_BYTES])
{
    _Static_assert((int)SEAL_KEY_BYTES == (int)SHA256_BYTES, "one block of HKDF's kind");
    hmac_sha256(secret_of(str_of((const char *)master->hidden, SEAL_KEY_BYTES)), purpose, out);
}

void seal_key_forget(struct seal_key *k)
{
    explicit_bzero(k, sizeof *k);
}

/* --- sealing --- */

enum err seal(struct buf *out, const struct seal_key *k, struct str label, struct secret plain)
{
    struct str p = secret_reveal(plain);
    enum err e = buf_grow(out, p.n + SEAL_MORE);
    if (e != ERR_OK)
        return e;
    uint8_t *to = (uint8_t *)out->p + out->n;
    unsigned long long n;
    to[0] = VERSION;
    random_bytes(to + 1, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to + 1 + NONCE, &n, (const uint8_t *)p.p, p.n,
                                               (const uint8_t *)label.p, label.n, NULL, to + 1,
                                               k->hidden);
    out->n += 1 + NONCE + n;
    return ERR_OK;
}

enum err seal_open(struct buf *out, const struct seal_key *k, struct str label, struct str sealed,
                   struct fault *f)
{
    const uint8_t *from = (const uint8_t *)sealed.p;
    unsigned long long n;
    if (sealed.n < SEAL_MORE || from[0] != VERSION)
        return fault_set(f, ERR_INVALID, "a sealed secret is damaged");
    enum err e = buf_grow(out, sealed.n);
    if (e != ERR_OK)
        return fault_set(f, e, "no room for a sealed secret");
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            (uint8_t *)out->p + out->n, &n, NULL, from + 1 + NONCE, sealed.n - 1 - NONCE,
            (const uint8_t *)label.p, label.n, from + 1, k->hidden) != 0)
        return fault_set(
            f, ERR_INVALID,
            "a sealed secret does not open: the master key is another one than it was, "
            "or the secret is damaged");
    out->n += n;
    return ERR_OK;
}
