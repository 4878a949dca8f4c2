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
.PHONY: help build run check mutants bench bench-deps install clean format

help:
	@echo 'make              build the library and the examples in $(BUILD)/'
	@echo 'make run          build order books from a generated feed of $(MESSAGES) messages'
	@echo '                  and draw what the workers did, as a page: $(REPORT)'
	@echo '                  (FEED=path: from that feed; ARGS="--workers 4": options of takt-book)'
	@echo 'make check        build and test three ways (release, address and undefined-behaviour'
	@echo '                  sanitizers, thread sanitizer), tidiness, fuzzers'
	@echo '                  (CHECK="release fuzz": only those; TAKT_FUZZ_SECONDS=n)'
	@echo 'make mutants      plant faults in copies of disruptor/ and shard/, one at a time, and see'
	@echo '                  which test notices; goes on where it was interrupted; docs/mutants.md'
	@echo '                  (ARGS="--only REGEX --jobs N": some of them; ARGS=--help tells more)'
	@echo 'make bench        every microbenchmark beside its peers; writes $(BUILD)/perf/report.html'
	@echo '                  (ARGS="--rounds 3 unicast": options and scenarios of takt-perf)'
	@echo 'make bench-deps   install and build the peers that takt-perf compares with, using apt,'
	@echo '                  Maven and Cargo; a peer that is missing is skipped'
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

mutants:
	@tools/setup.sh check
	@tools/mutants.py $(ARGS)

# What was installed since the build was set up is looked for again. A failed row is in the report
# too, so that is written before the failure is passed on.
bench: $(BUILD)/build.ninja
	@tools/setup.sh bench
	@{ meson configure $(BUILD) --clearcache && meson configure $(BUILD) -Dperf=enabled && \
		ninja -C $(BUILD); } >$(BUILD)/bench.log 2>&1 || { cat $(BUILD)/bench.log; exit 1; }
	@rm -rf $(BUILD)/perf/latency
	@$(BUILD)/perf/takt-perf run --json --hgrm $(BUILD)/perf/latency $(ARGS) \
		>$(BUILD)/perf/report.jsonl; status=$$?; [ $$status -ne 2 ] || exit 2; \
	perf/tables.py $(BUILD)/perf/report.jsonl >$(BUILD)/perf/tables.md; \
	perf/report.py $(BUILD)/perf/takt-perf $(BUILD)/perf/report.jsonl $(BUILD)/perf/latency \
		$(BUILD)/perf/report.html && exit $$status

bench-deps:
	@tools/bench-deps.sh $(BUILD)

install: build
	@meson configure $(BUILD) --prefix '$(PREFIX)' --libdir '$(LIBDIR)'
	@meson install -C $(BUILD)

format:
	@tools/setup.sh format
	@find . -path './build*' -prune -o -name '*.[ch]' -print | xargs clang-format-14 -i

clean:
	rm -rf build build-asan build-tsan build-fuzz
