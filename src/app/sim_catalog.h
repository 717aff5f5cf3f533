/* sim_catalog.h: the models of the simulated provider, for a gateway that has no provider
 * configured. */
#ifndef APP_SIM_CATALOG_H
#define APP_SIM_CATALOG_H

#include "catalog/catalog.h"

/* Adds `sim/echo`, `sim/lorem`, and `sim/fault-NAME` and `sim/only-NAME` for each fault, served on
 * 127.0.0.1:port; connections to refused_port are refused. */
enum err sim_catalog_add(struct catalog *c, uint16_t port, uint16_t refused_port,
                         struct fault *f) MUST_USE;

#endif
