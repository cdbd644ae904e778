MODULE_big = release_mgmt
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/[!r]*/*.c src/release/*.c src/rollout/*.c))

EXTENSION = release_mgmt
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" release_mgmt.control)
DATA_built = release_mgmt--$(EXTVERSION).sql
SQL_FILES = $(sort $(wildcard sql/[0-9]*.sql sql/[0-9]*/*.sql))

PG_CPPFLAGS = -I$(srcdir)/src -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = -lcrypto -larchive
EXTRA_CLEAN = release_mgmt--$(EXTVERSION).sql

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

release_mgmt--$(EXTVERSION).sql: $(SQL_FILES)
	cat $^ > $@
