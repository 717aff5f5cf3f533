# Turnpike. `make help` lists what can be made. One binary, several flavours, objects apart by compiler and flavour.

ifeq ($(origin CC),default)
CC := gcc
endif
FLAVOUR ?= release
PREFIX ?= /usr/local
SECONDS_EACH ?= 30

LAYERS := $(shell sed -n 's/^\([a-z]*\):.*/\1/p' tools/layers.txt)
OUT := build/$(notdir $(CC))-$(FLAVOUR)

# --- flags -------------------------------------------------------------------------------------------------------
PACKAGES := libuv openssl libsodium sqlite3 yaml-0.1 libcurl libarchive libgit2
LLHTTP_SOURCES := $(wildcard /usr/share/llhttp/*.c)
ifneq ($(LLHTTP_SOURCES),)
LLHTTP_CFLAGS := -I/usr/share/include/llhttp
LLHTTP_LIB := $(OUT)/libllhttp.a
LLHTTP_LIBS := $(LLHTTP_LIB)
else
LLHTTP_LIBS := $(shell pkg-config --libs libllhttp 2>/dev/null)
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wformat=2 -Werror
FLAGS_release := -O3 -fno-plt -g -D_FORTIFY_SOURCE=2
# The binary is optimised across files (a sixth off its own processor time); tests link the same objects without that.
ifeq ($(notdir $(CC))-$(FLAVOUR),gcc-release)
LTO := -flto=auto
FLAGS_release += $(LTO) -ffat-lto-objects
AR := gcc-ar
endif
FLAGS_debug := -O0 -g -DDEBUG
FLAGS_asan := -O1 -g -DDEBUG_SANITIZED -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan := -O1 -g -DDEBUG_SANITIZED -fsanitize=thread -fno-omit-frame-pointer
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDENING := -fstack-protector-strong -fPIE
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

CFLAGS = -std=c11 -D_GNU_SOURCE -Isrc $(WARNINGS) $(HARDENING) $(FLAGS_$(FLAVOUR)) -pthread -MMD -MP \
         $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS = $(filter-out $(LTO),$(FLAGS_$(FLAVOUR))) $(if $(LTO),-fno-lto) -pie -pthread -Wl,-z,relro,-z,now
LIBS = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

# --- the binary: one archive a layer, linked from the top down ---------------------------------------------------
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
objects = $(patsubst %.c,$(OUT)/%.o,$(wildcard $(1)))
ARCHIVES := $(foreach l,$(call reverse,$(LAYERS)),$(OUT)/lib$(l).a)

.PHONY: all
all: build/turnpike

build/turnpike: $(OUT)/turnpike
	@mkdir -p build && ln -f $< $@

$(OUT)/turnpike: $(OUT)/src/main.o $(ARCHIVES)
	@echo link $@
	@$(CC) $(filter-out -fno-lto,$(LDFLAGS)) $(LTO) -o $@ $(OUT)/src/main.o -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

$(OUT)/src/app/version.o: CFLAGS += -DTURNPIKE_VERSION='"$(VERSION)"'

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo compile $<
	@$(CC) $(CFLAGS) -c -o $@ $<

define layer_rule
$(OUT)/lib$(1).a: $(call objects,src/$(1)/*.c)
	@mkdir -p $(OUT)
	@rm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

# --- llhttp: only tests use it, to compare our reading of heads with
$(OUT)/libllhttp.a: $(LLHTTP_SOURCES)
	@mkdir -p $(OUT)/llhttp
	@for f in $^; do $(CC) -O2 -g $(LTO) $(if $(LTO),-ffat-lto-objects) -fPIE $(filter -fsanitize=%,$(FLAGS_$(FLAVOUR))) -w $(LLHTTP_CFLAGS) \
	    -c -o $(OUT)/llhttp/$$(basename $$f .c).o $$f || exit 1; done
	@rm -f $@ && $(AR) rcs $@ $(OUT)/llhttp/*.o

# --- unit tests: tests/unit/<layer>/<file>_test.c links its layer and those below, so an upward call fails here ----
UNIT_SOURCES := $(wildcard tests/unit/*/*_test.c)
UNIT_TESTS := $(UNIT_SOURCES:%.c=$(OUT)/%)
below = $(1) $(shell sed -n 's/^$(1)://p' tools/layers.txt)
archives_for = $(foreach l,$(call reverse,$(filter $(call below,$(1)),$(LAYERS))),$(OUT)/lib$(l).a)

define unit_rule
$(OUT)/tests/unit/$(1)/%_test: $(OUT)/tests/unit/$(1)/%_test.o $(call archives_for,$(1)) $(LLHTTP_LIB)
	@echo link $$@
	@$$(CC) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $(call archives_for,$(1)) -Wl,--end-group $$(LLHTTP_LIBS) $$(LIBS) -lcmocka
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rule,$(l))))
$(OUT)/tests/%.o: CFLAGS += -Itests $(LLHTTP_CFLAGS)
.SECONDARY:

.PHONY: units
units: $(UNIT_TESTS)

# --- what is run ---------------------------------------------------------------------------------------------------
.PHONY: run test check asan tsan fuzz bench format lint headers layers clang install clean help deps

run: ## install what is missing, build, serve on http://127.0.0.1:8080 with data in ./data
	@tools/deps.sh build
	@$(MAKE) --no-print-directory -j$$(nproc) build/turnpike >&2
	@exec build/turnpike serve --data ./data

test: ## install what is missing, build, run every test; the last line is "N passed, N failed"
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory -j$$(nproc) all units lint >&2
	@tests/run.py --binary build/turnpike --units $(OUT)/tests/unit --flows --clients

check: all units ## the tests that take two minutes: units and quick flows
	@tests/run.py --binary build/turnpike --units $(OUT)/tests/unit --flows --quick

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer, with gcc and with clang
	@tools/deps.sh build test
	@tests/sanitize.sh asan gcc clang

tsan: ## the tests under ThreadSanitizer, with gcc and with clang
	@tools/deps.sh build test
	@tests/sanitize.sh tsan gcc clang

fuzz: ## run each fuzzer for SECONDS_EACH seconds (clang)
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory -j$$(nproc) CC=clang FLAVOUR=fuzz fuzzers >&2
	@tests/fuzz/run.sh build/clang-fuzz $(SECONDS_EACH)

bench: ## measure beside nginx and HAProxy in one run; keeps build/bench.json
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory -j$$(nproc) all bench-tools >&2
	@bench/run.py --binary build/turnpike --tools $(OUT)/bench --json build/bench.json

format: ## lay out all C as .clang-format says
	clang-format -i $$(git ls-files '*.c' '*.h')

lint: layers headers clang ## layers, headers that compile alone, banned calls, clang's warnings

layers:
	@tools/check_layers.sh

headers: $(patsubst %.h,$(OUT)/%.h.ok,$(wildcard src/*/*.h))
$(OUT)/%.h.ok: %.h
	@mkdir -p $(@D)
	@echo 'extern int alone;' | $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -fsyntax-only -x c -include $< - && touch $@

# The other compiler's warnings, without building: its sanitizers run these sources too.
clang:
	@echo $(wildcard src/*.c src/*/*.c tests/*/*.c tests/unit/*/*.c bench/*.c) | xargs -P $$(nproc) -n 8 \
	    clang $(filter-out -MMD -MP $(LTO) -ffat-lto-objects,$(CFLAGS)) -Itests $(LLHTTP_CFLAGS) -fsyntax-only

install: all ## install the binary under PREFIX
	install -D -m 755 build/turnpike $(DESTDIR)$(PREFIX)/bin/turnpike

clean: ## remove what was built
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

# --- fuzzers and bench tools -----------------------------------------------------------------------------------------
FUZZERS := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzzers bench-tools
fuzzers: $(FUZZERS)
$(OUT)/fuzz/%: $(OUT)/tests/fuzz/%.o $(ARCHIVES) $(LLHTTP_LIB)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LLHTTP_LIBS) $(LIBS)

BENCH_TOOLS := $(patsubst bench/%.c,$(OUT)/bench/%,$(wildcard bench/*.c))
bench-tools: $(BENCH_TOOLS)
$(OUT)/bench/bench_json: LIBS += $(shell pkg-config --libs jansson libcjson 2>/dev/null)
$(OUT)/bench/%: $(OUT)/bench/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
