# make && sudo make install     plain PGXS; PG_CONFIG selects the server
# make installcheck             the regression scripts and isolation specs against a running server
# make check [TESTS=pattern]    everything: set-up, build, throwaway cluster, all tests
# make check HOUSE=yes          with format and house rules
# make check ORACLES=yes        with the larger programs that some tests compare with; .ci/run asks for both
# make demo [STORY=full]        set-up, build, throwaway cluster, the story; in full, every statement of it
# make bench                    set-up, build, throwaway cluster, the measurements
# make dist                     the archive for PGXN, META.json filled in with the control file's version

TOP := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
PG_CONFIG ?= pg_config
ON_BARE_MACHINE = setup check soak demo bench

ifneq (,$(filter $(ON_BARE_MACHINE),$(MAKECMDGOALS)))

# These goals start where PGXS may not be installed yet: set up first, then build in a make of its own.
.PHONY: $(MAKECMDGOALS)
setup:
	@$(TOP)/tools/setup $(if $(ORACLES),--oracles)
check: setup
	@$(MAKE) --silent --no-print-directory --jobs=$(shell nproc) stage
	@HOUSE=$(HOUSE) ORACLES=$(ORACLES) $(TOP)/test/run $(TESTS)
soak: export RM_SOAK_CLIENTS ?= 32
soak: export RM_SOAK_ROUNDS ?= 50
soak: export RM_SOAK_LEAVES ?= 10000000
soak: export RM_SOAK_TABLES ?= 1000
soak: export RM_SOAK_SECONDS ?= 300
soak: export RM_SOAK_HISTORIES ?= $(shell seq 100)
soak: export RM_TEST_TIMEOUT ?= 14400
soak: setup
	@$(MAKE) --silent --no-print-directory --jobs=$(shell nproc) stage
	@$(TOP)/test/run 21_ledger_crash 29_ledger_size 66_lifecycle_soak 98_trace_random
demo: setup
	@$(MAKE) --silent --no-print-directory --jobs=$(shell nproc) stage
	@RM_DEMO_STORY=$(STORY) $(TOP)/tools/cluster $(TOP)/demo/run.sh
bench: setup
	@$(MAKE) --silent --no-print-directory --jobs=$(shell nproc) stage
	@$(TOP)/tools/cluster -c fsync=on -c shared_buffers=256MB -c shared_preload_libraries=release_mgmt -c release_mgmt.worker=off $(TOP)/bench/run
$(filter-out $(ON_BARE_MACHINE),$(MAKECMDGOALS)):
	@$(MAKE) --no-print-directory $@

else

MODULE_big = release_mgmt
C_FILES := $(filter-out src/rmverify/%,$(patsubst $(TOP)/%,%,$(sort $(wildcard $(TOP)/src/*.c $(TOP)/src/*/*.c))))
OBJS = $(C_FILES:.c=.o)

EXTENSION = release_mgmt
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(TOP)/release_mgmt.control)
SQL_FILES := $(sort $(wildcard $(TOP)/sql/[0-9]*.sql $(TOP)/sql/[0-9]*/*.sql))
INSTALL_SCRIPT_SQL = release_mgmt--$(EXTVERSION).sql
DATA = $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/sql/upgrade/*.sql))
DATA_built = $(INSTALL_SCRIPT_SQL)

PG_CPPFLAGS = -I$(TOP)/src -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
# Objects are made again when a header changes.
PG_CFLAGS = -MMD -MP
SHLIB_LINK = -lcrypto -larchive
EXTRA_CLEAN = build $(OBJS:.o=.d)

# Scripts that read files from beside the project are left to make check, which knows how to skip them.
REGRESS = $(patsubst $(TOP)/test/sql/%.sql,%,$(sort $(shell grep -L '^-- requires:' $(TOP)/test/sql/*.sql)))
REGRESS_OPTS = --inputdir=$(TOP)/test --outputdir=build --launcher=$(abspath $(TOP))/test/lib/fresh-database
ISOLATION = $(patsubst $(TOP)/test/specs/%.spec,%,$(sort $(wildcard $(TOP)/test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(TOP)/test --outputdir=build/isolation --launcher=$(abspath $(TOP))/test/lib/fresh-database

PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq (,$(wildcard $(PGXS)))
$(error $(PG_CONFIG) finds no server headers; "tools/setup --dry-run" says what to install, PG_CONFIG selects a server)
endif
include $(PGXS)

$(INSTALL_SCRIPT_SQL): $(SQL_FILES)
	cat $^ > $@

# Another server's pg_config makes everything again.  PGXS calls every file secondary, and what is secondary and missing makes
# nothing again: so what was made for the other server goes.
SERVER_STAMP = $(CURDIR)/build/server-$(VERSION)
ifneq (,$(filter-out $(SERVER_STAMP),$(wildcard $(CURDIR)/build/server-*)))
$(shell rm -f $(CURDIR)/build/server-* $(OBJS) $(OBJS:.o=.bc) $(MODULE_big).so build/rmverify)
endif
$(SERVER_STAMP):
	@mkdir -p $(sort $(dir $(OBJS))) build/isolation
	@rm -f build/server-*
	@touch $@
$(OBJS): $(SERVER_STAMP)
$(OBJS:.o=.bc): %.bc: %.o
-include $(wildcard $(OBJS:.o=.d))

# The independent verifier of the ledger, a client program: libpq, OpenSSL, and of ours the hash code alone.
RMVERIFY_C := $(wildcard $(TOP)/src/rmverify/*.c) $(TOP)/src/types/hash.c $(TOP)/src/types/merkle.c
build/rmverify: $(RMVERIFY_C) $(wildcard $(TOP)/src/rmverify/*.h $(TOP)/src/types/hash.h $(TOP)/src/types/merkle.h) | $(SERVER_STAMP)
	$(CC) -O2 -g -Wall -Wextra -Werror -Wno-sign-compare -I$(TOP)/src -I$(includedir) -o $@ $(RMVERIFY_C) -L$(libdir) -lpq -lcrypto
all: build/rmverify
install: install-rmverify
.PHONY: install-rmverify
install-rmverify: build/rmverify
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) build/rmverify '$(DESTDIR)$(bindir)/rmverify'
uninstall: uninstall-rmverify
.PHONY: uninstall-rmverify
uninstall-rmverify:
	rm -f '$(DESTDIR)$(bindir)/rmverify'

# What a throwaway cluster loads.
.PHONY: stage
stage: all
	@rm -rf build/stage
	@$(MAKE) --silent --no-print-directory install DESTDIR=$(CURDIR)/build/stage

DISTRIBUTION = release_mgmt-$(EXTVERSION).0
.PHONY: dist
dist:
	@mkdir -p build
	git archive --format=zip --prefix=$(DISTRIBUTION)/ \
		--add-virtual-file="$(DISTRIBUTION)/META.json:$$(sed 's/@VERSION@/$(EXTVERSION).0/' META.json)" \
		--output=build/$(DISTRIBUTION).zip HEAD

endif
