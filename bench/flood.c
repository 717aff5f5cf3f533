/* flood.c: asks for GET /api/v1/key at a given rate, with keys that were never issued or with those
 * of a file, and tells what came back.
 *
 *     flood PORT RATE SECONDS [FILE]      RATE 0: as fast as it answers
 *
 * Prints one line of JSON: answers by status class, and the rate that was reached. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth/key.h"
#include "base/clock.h"

enum { THREADS = 4, BATCH_MAX = 64, KEYS_MAX = 1 << 20, LINE = 120 };

static struct {
    unsigned port;
    double rate, seconds;
    char (*keys)[LINE];
    size_t keys_n;
} job;

struct part {
    pthread_t thread;
    size_t number;
    uint64_t ok, refused, other;
};

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)job.port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1 || connect(fd, (struct sockaddr *)&a, sizeof a) == -1) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static size_t write_request(char *out, size_t size, size_t n)
{
    char text[KEY_TEXT_MAX + 1];
    const char *key = text;
    struct key row;
    if (job.keys_n)
        key = job.keys[n % job.keys_n];
    else
        key_make(STR("sk-tp-v1-"), false, text, &row);
    return (size_t)snprintf(
        out, size, "GET /api/v1/key HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", key);
}

/* Counts the answers in what came, keeping what may be the beginning of one. */
static size_t count(struct part *p, char *in, size_t *n)
{
    size_t answers = 0;
    char *at = in, *found;
    in[*n] = '\0';
    while ((found = strstr(at, "HTTP/1.1 ")) && (size_t)(in + *n - found) >= 12) {
        p->ok += found[9] == '2';
        p->refused += found[9] == '4';
        p->other += found[9] != '2' && found[9] != '4';
        at = found + 12;
        answers++;
    }
    size_t rest = (size_t)(in + *n - at) < 12 ? (size_t)(in + *n - at) : 11;
    memmove(in, in + *n - rest, rest);
    *n = rest;
    return answers;
}

static void exchange(struct part *p, int fd, size_t batch, size_t *at)
{
    static _Thread_local char out[BATCH_MAX * 256], in[1 << 16];
    size_t n = 0, in_n = 0, got = 0;
    for (size_t i = 0; i < batch; i++)
        n += write_request(out + n, sizeof out - n, (*at)++);
    if (send(fd, out, n, MSG_NOSIGNAL) != (ssize_t)n)
        exit(1);
    while (got < batch) {
        ssize_t r = recv(fd, in + in_n, sizeof in - 1 - in_n, 0);
        if (r <= 0)
            exit(1);
        in_n += (size_t)r;
        got += count(p, in, &in_n);
    }
}

static void wait_until(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *run(void *arg)
{
    struct part *p = arg;
    int fd = dial();
    uint64_t began = clock_mono_ns(), end = began + (uint64_t)(job.seconds * 1e9), turns = 0;
    size_t batch = 16, at = p->number * 7919;
    double per_batch = (double)batch * (double)THREADS;
    double period_ns = job.rate > 0 ? 1e9 * per_batch / job.rate : 0;
    while (clock_mono_ns() < end) {
        exchange(p, fd, batch, &at);
        if (period_ns > 0)
            wait_until(began + (uint64_t)(period_ns * (double)++turns));
    }
    close(fd);
    return NULL;
}

static void read_keys(const char *path)
{
    FILE *f = fopen(path, "r");
    job.keys = calloc(KEYS_MAX, LINE);
    if (!f || !job.keys) {
        perror(path);
        exit(1);
    }
    while (job.keys_n < KEYS_MAX && fscanf(f, "%119s", job.keys[job.keys_n]) == 1)
        job.keys_n++;
    fclose(f);
}

int main(int argc, char **argv)
{
    struct part parts[THREADS] = {0};
    uint64_t ok = 0, refused = 0, other = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: flood PORT RATE SECONDS [FILE]\n");
        return 2;
    }
    job.port = (unsigned)strtoul(argv[1], NULL, 10);
    job.rate = strtod(argv[2], NULL);
    job.seconds = strtod(argv[3], NULL);
    if (argc > 4)
        read_keys(argv[4]);
    for (size_t i = 0; i < THREADS; i++) {
        parts[i].number = i;
        pthread_create(&parts[i].thread, NULL, run, &parts[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(parts[i].thread, NULL);
        ok += parts[i].ok;
        refused += parts[i].refused;
        other += parts[i].other;
    }
    printf("{\"ok\":%llu,\"refused\":%llu,\"other\":%llu,\"rate\":%.0f}\n", (unsigned long long)ok,
           (unsigned long long)refused, (unsigned long long)other,
           (double)(ok + refused + other) / job.seconds);
    return 0;
}
