#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/serve.h"
#include "sim/sim.h"

struct stopper {
    struct io_post post;
    struct io_loop *loop;
};

static void stop(struct io_post *p)
{
    io_loop_stop(container_of(p, struct stopper, post)->loop);
}

static void *run(void *loop)
{
    io_loop_run(loop);
    return NULL;
}

static void log_listening(struct str host, uint16_t port)
{
    char address[300];
    struct log_line l;
    int n = snprintf(address, sizeof address, "%.*s:%u", STR_ARG(host), port);
    log_begin(&l, LOG_INFO, "listening");
    log_str(&l, "address", str_of(address, (size_t)n));
    log_end(&l);
}

/* "ID:SECRET" or "ID:SECRET:TOKEN", lent from the environment. Without it anybody may ask. */
static void take_aws_key(struct sim *s)
{
    struct str all = str_c(getenv("TURNPIKE_SIM_AWS_KEY"));
    struct sim_aws aws = {.key_id = str_cut(&all, ':')};
    aws.secret = secret_of(str_cut(&all, ':'));
    aws.session = secret_of(all);
    sim_set_aws(s, &aws);
}

int serve_sim(struct str host, uint16_t port)
{
    struct fault f;
    pthread_t thread;
    sigset_t signals;
    int got;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct io_loop *l = io_loop_new(&f);
    bool is_free = l && io_port_check(host, port, &f) == ERR_OK;
    struct sim *s = is_free ? sim_new(l, host, port, &f) : NULL;
    if (s)
        take_aws_key(s);
    bool is_running = s && pthread_create(&thread, NULL, run, l) == 0;
    if (is_running) {
        struct stopper stopper = {.post = {.run = stop}, .loop = l};
        log_listening(host, sim_port(s));
        fprintf(stderr, "The simulated provider listens on http://%.*s:%u/v1\n", STR_ARG(host),
                sim_port(s));
        sigwait(&signals, &got);
        io_post(l, &stopper.post);
        pthread_join(thread, NULL);
    } else {
        fprintf(stderr, "turnpike: %s\n", s ? "cannot start a thread" : f.message);
    }
    if (s)
        sim_free(s);
    if (l)
        io_loop_free(l);
    return is_running ? 0 : 1;
}
