#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Sees to it that what a make target needs is on this machine:
#
#     tools/setup.sh build|check|bench|format
#
# Every need is probed by using it (does the command exist, does pkg-config know the library), not
# by asking the package manager, so a second run costs a few milliseconds, works without a network,
# and is content with tools that came from elsewhere. What is missing is installed with apt-get, as
# root or through sudo. Without apt, or without the right to use it, the packages are named and the
# script fails.
set -u

missing=

# need PACKAGES COMMAND...: PACKAGES (Debian's names) are missing if COMMAND fails.
need() {
    packages=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $packages"
}

compiles() {
    echo '#include <stdio.h>' | "${CC:-cc}" -E - || echo '#include <stdio.h>' | gcc -E -
}

# A sanitizer needs clang's runtime as well as clang; clang names the file that it would link.
clang_runtime() {
    test -e "$(clang-14 -print-file-name=libclang_rt.fuzzer-"$(uname -m)".a)" ||
        test -e "$(clang-14 --print-runtime-dir)/libclang_rt.fuzzer-$(uname -m).a"
}

# Another Python may stand before the system's, whose packages apt installs.
metrics_parser() {
    python3 -c 'import prometheus_client' || /usr/bin/python3 -c 'import prometheus_client'
}

need_build() {
    need 'gcc libc6-dev' compiles
    need meson command -v meson
    need ninja-build command -v ninja
    need pkg-config command -v pkg-config
    need libck-dev pkg-config --exists ck
    need libjemalloc-dev pkg-config --exists jemalloc
    need zlib1g-dev pkg-config --exists zlib
    need libncurses-dev pkg-config --exists ncursesw
}

includes() {
    echo "#include <$1>" | "${CC:-cc}" -E -
}

# takt-perf; its peers are tools/bench-deps.sh's business.
need_bench() {
    need_build
    need python3 command -v python3
    need libcjson-dev pkg-config --exists libcjson
    need libpfm4-dev includes perfmon/pfmlib_perf_event.h
}

need_check() {
    need_bench
    need g++ command -v g++
    need binutils command -v nm
    need util-linux command -v setarch
    need valgrind command -v valgrind
    need libcriterion-dev pkg-config --exists criterion
    need spin command -v spin
    need clang-14 command -v clang-14
    need libclang-rt-14-dev clang_runtime
    need python3-prometheus-client metrics_parser
    need chromium command -v chromium
}

# apt_get ARGUMENT...: apt-get as root, asking nothing.
apt_get() {
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 "$@"
    if [ "$(id -u)" -eq 0 ]; then
        "$@" </dev/null
    else
        sudo "$@" </dev/null
    fi
}

give_up() {
    echo "takt: $1; install these (the names are Debian's) and try again:" >&2
    echo "$missing" | sed 's/^/   /' >&2
    exit 1
}

case ${1:-} in
build) need_build ;;
check) need_check ;;
bench) need_bench ;;
format) need clang-format-14 command -v clang-format-14 ;;
*)
    echo "usage: tools/setup.sh build|check|bench|format" >&2
    exit 2
    ;;
esac

[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || give_up 'this system has no apt-get'
[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || give_up 'not root, and there is no sudo'

echo "takt: installing with apt-get:$missing"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# The package lists are fetched only when the ones at hand do not do.
# shellcheck disable=SC2086 # one word for each package
if ! apt_get install --no-install-recommends $missing >"$log" 2>&1; then
    echo 'takt: fetching the package lists'
    if ! apt_get update >"$log" 2>&1 ||
        ! apt_get install --no-install-recommends $missing >>"$log" 2>&1; then
        cat "$log" >&2
        give_up 'apt-get could not install what is missing'
    fi
fi
