/* faults.c: what a provider does wrong, by name. Catalogues and help texts list this table with
 * sim_fault_name(). */
#include "sim/internal.h"

static const struct sim_fault faults[] = {
    {"429-retry-after", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_RATE,
     .traits = SIM_RETRY_AFTER},
    {"429", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_RATE},
    {"500-once", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_SERVER,
     .traits = SIM_EVERY_SECOND},
    {"503", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_OVERLOADED},
    {"reset", .start = SIM_START_RESET},
    /* Meant for sim_refused_port(); asked over HTTP it can only leave as early as possible. */
    {"refused", .start = SIM_START_RESET},
    {"silent", .start = SIM_START_SILENT},
    {"slow-first", .traits = SIM_LATE},
    {"cut", .middle = SIM_MIDDLE_CUT},
    {"stall", .middle = SIM_MIDDLE_STALL},
    {"malformed", .middle = SIM_MIDDLE_MALFORMED},
    {"no-done", .traits = SIM_NO_DONE},
    {"context", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_CONTEXT},
    {"filter", .traits = SIM_FILTERED},
    {"error-first", .start = SIM_START_PROBLEM_IN_OK, .problem = SIM_PROBLEM_OVERLOADED},
    {"flapping", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_SERVER,
     .traits = SIM_EVERY_SECOND},
    {"no-usage", .traits = SIM_NO_USAGE},
    {"huge", .traits = SIM_HUGE},
    {"auth", .start = SIM_START_PROBLEM, .problem = SIM_PROBLEM_KEY},
};
_Static_assert(COUNT_OF(faults) <= SIM_FAULTS_MAX, "struct sim has a counter for each");

const struct sim_fault sim__no_fault = {.name = ""};

const struct sim_fault *sim__fault(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        if (str_eq(name, str_c(faults[i].name)))
            return &faults[i];
    }
    return NULL;
}

unsigned sim__fault_index(const struct sim_fault *f)
{
    BUG_ON(f < faults || f >= faults + COUNT_OF(faults));
    return (unsigned)(f - faults);
}

const char *sim_fault_name(unsigned i)
{
    return i < COUNT_OF(faults) ? faults[i].name : NULL;
}
