#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "crypto/seal.h"

static struct seal_key key_of(uint8_t first)
{
    struct seal_key k;
    for (size_t i = 0; i < sizeof k.hidden; i++)
        k.hidden[i] = (uint8_t)(first + i);
    return k;
}

/* draft-irtf-cfrg-xchacha-03, A.3.1. */
static void the_published_vector_opens(void **state)
{
    (void)state;
    static const char hex[] =
        "01"
        "404142434445464748494a4b4c4d4e4f5051525354555657"
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4e"
        "da7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2"
        "383565d3fff921f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49";
    struct str label = STR("\x50\x51\x52\x53\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7");
    struct seal_key k = key_of(0x80);
    char sealed[sizeof hex / 2];
    struct buf out;
    buf_init(&out, 1000);
    assert_true(hex_decode(sealed, sizeof sealed, str_c(hex)));
    assert_int_equal(seal_open(&out, &k, label, str_of(sealed, sizeof sealed), NULL), ERR_OK);
    assert_str(
        buf_view(&out),
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.");
    buf_release(&out);
}

static void nothing_else_opens(void **state)
{
    (void)state;
    struct seal_key k = key_of(1), other = key_of(2);
    struct buf sealed, out;
    struct fault f;
    buf_init(&sealed, 1000);
    buf_init(&out, 1000);
    assert_int_equal(seal(&sealed, &k, STR("row:1"), secret_of(STR("sk-canary"))), ERR_OK);
    assert_int_equal(sealed.n, 9 + SEAL_MORE);
    assert_int_equal(seal_open(&out, &k, STR("row:1"), buf_view(&sealed), &f), ERR_OK);
    assert_str(buf_view(&out), "sk-canary");
    assert_int_equal(seal_open(&out, &k, STR("row:2"), buf_view(&sealed), &f), ERR_INVALID);
    assert_int_equal(seal_open(&out, &other, STR("row:1"), buf_view(&sealed), &f), ERR_INVALID);
    for (size_t i = 0; i < sealed.n; i++) {
        sealed.p[i] ^= 4;
        assert_int_equal(seal_open(&out, &k, STR("row:1"), buf_view(&sealed), &f), ERR_INVALID);
        sealed.p[i] ^= 4;
        assert_int_equal(seal_open(&out, &k, STR("row:1"), str_head(buf_view(&sealed), i), &f),
                         ERR_INVALID);
    }
    assert_str(buf_view(&out), "sk-canary");
    buf_release(&sealed);
    buf_release(&out);
}

static void nothing_is_sealed_twice_alike(void **state)
{
    (void)state;
    struct seal_key k = key_of(1);
    struct buf a, b;
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    assert_int_equal(seal(&a, &k, STR("x"), secret_of(STR(""))), ERR_OK);
    assert_int_equal(seal(&b, &k, STR("x"), secret_of(STR_NONE)), ERR_OK);
    assert_false(str_eq(buf_view(&a), buf_view(&b)));
    buf_release(&a);
    buf_release(&b);
}

static void the_master_key_is_made_once_and_kept(void **state)
{
    (void)state;
    char dir[] = "/tmp/seal_test.XXXXXX", path[64];
    struct seal_key a, b;
    struct stat st;
    struct fault f;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/master.key", dir);
    assert_int_equal(seal_key_open(&a, secret_of(STR_NONE), dir, &f), ERR_OK);
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, SEAL_KEY_BYTES);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_STORE);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 31), 0);
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_STORE);
    assert_int_equal(truncate(path, 33), 0);
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_STORE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_STORE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_OK);
    assert_memory_not_equal(&a, &b, sizeof a); /* made anew: nobody's is the default */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* nothing else is left there */
    assert_int_equal(seal_key_open(&b, secret_of(STR_NONE), dir, &f), ERR_STORE);
}

static void the_master_key_may_come_as_text(void **state)
{
    (void)state;
    struct seal_key expected = key_of(0), k;
    struct fault f;
    static const char *const right[] = {
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8 "};
    static const char *const wrong[] = {
        "00", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g", "hunter2",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(seal_key_open(&k, secret_of(str_c(right[i])), "/nowhere", &f), ERR_OK);
        assert_memory_equal(&k, &expected, sizeof k);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(seal_key_open(&k, secret_of(str_c(wrong[i])), "/nowhere", &f),
                         ERR_INVALID);
        struct str told = str_c(f.message);
        assert_int_equal(str_find(told, str_c(wrong[i] + 1)), told.n);
    }
    uint8_t a[SEAL_KEY_BYTES], b[SEAL_KEY_BYTES];
    seal_key_derive(&expected, STR("a"), a);
    seal_key_derive(&expected, STR("b"), b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, expected.hidden, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_opens),
        cmocka_unit_test(nothing_else_opens),
        cmocka_unit_test(nothing_is_sealed_twice_alike),
        cmocka_unit_test(the_master_key_is_made_once_and_kept),
        cmocka_unit_test(the_master_key_may_come_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
