# SPDX-License-Identifier: MIT
#
# The front door. The build itself is Meson's; these targets see to it that Meson and the libraries
# are there, and run it.

BUILD    := build
MESSAGES := 2000000
OWN_FEED := $(BUILD)/feed/itch-$(MESSAGES).bin
FEED     := $(OWN_FEED)
TAPE     := $(BUILD)/tape.csv
REPORT   := $(BUILD)/report.html
PREFIX   := /usr/local
LIBDIR   := lib
ARGS     :=

.DEFAULT_GOAL := build
.PHONY: help build run check bench install clean format

help:
	@echo 'make              build the library and the examples in $(BUILD)/'
	@echo 'make run          build order books from a generated feed of $(MESSAGES) messages'
	@echo '                  and draw what the workers did, as a page: $(REPORT)'
	@echo '                  (FEED=path: from that feed; ARGS="--workers 4": options of takt-book)'
	@echo 'make check        build and test three ways (release, address and undefined-behaviour'
	@echo '                  sanitizers, thread sanitizer), tidiness, fuzzers'
	@echo '                  (CHECK="release fuzz": only those; TAKT_FUZZ_SECONDS=n)'
	@echo 'make bench        takt-book over the pipeline against the same code in a plain loop'
	@echo 'make install      install library, headers and takt.pc (PREFIX=$(PREFIX))'
	@echo 'make format       lay out the C files with clang-format'
	@echo 'make clean        remove everything that was built, generated or fuzzed'

# Meson writes build.ninja last, so a set-up that was cut short is made again.
$(BUILD)/build.ninja:
	@tools/setup.sh build
	@mkdir -p $(@D)
	@meson setup $(@D) --prefix '$(PREFIX)' --libdir '$(LIBDIR)' >$(@D)/setup.log 2>&1 || \
		{ cat $(@D)/setup.log; exit 1; }

build: $(BUILD)/build.ninja
	@tools/setup.sh build
	@ninja -C $(BUILD) --quiet

$(BUILD)/feed/itch-%.bin: | build
	@mkdir -p $(@D)
	@echo 'takt: generating $@'
	@$(BUILD)/examples/itch-gen --messages $* --seed 1 --output $@.part
	@mv $@.part $@

run: build $(filter $(OWN_FEED),$(FEED))
	@echo 'takt: $(FEED) to the tape $(TAPE)'
	@$(BUILD)/examples/takt-book --tape $(TAPE) --report $(REPORT) $(ARGS) $(FEED)
	@echo 'takt: what the workers and the scheduler did: $(REPORT)'

check:
	@tools/setup.sh check
	@tools/check.py $(CHECK)

bench: build
	@perf/book.py $(BUILD)

install: build
	@meson configure $(BUILD) --prefix '$(PREFIX)' --libdir '$(LIBDIR)'
	@meson install -C $(BUILD)

format:
	@tools/setup.sh format
	@find . -path './build*' -prune -o -name '*.[ch]' -print | xargs clang-format-14 -i

clean:
	rm -rf build build-asan build-tsan build-fuzz
