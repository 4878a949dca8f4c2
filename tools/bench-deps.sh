#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs and builds the peers that takt-perf measures itself against:
#
#     tools/bench-deps.sh BUILD
#
# The native ones are Debian packages (perf/peers/debian-packages.txt), the Java and Rust ones are
# built into BUILD/perf/peers/ with Maven and Cargo. takt-perf skips a peer that is not there, so
# what fails is said and the rest goes on; the exit status is 1 then. What is there already is
# neither installed nor built again, nothing is said of it but in the list at the end, and a second
# run needs no network.
set -u

case ${1:-} in
'' | -*)
    echo "usage: tools/bench-deps.sh BUILD" >&2
    exit 2
    ;;
esac
mkdir -p "$1/perf/peers" && build=$(cd "$1" && pwd) || exit 1
cd "$(dirname "$0")/.." || exit 1
peers=$build/perf/peers
log=$peers/bench-deps.log
: >"$log" || exit 1

# Crates that are not pinned by us come in their newest versions, which ask for this much.
rust_least=85
java_least=17

ready=
skipped=

say() {
    echo "takt: $*"
}

# have PEERS WHAT, fail PEERS WHAT: PEERS are there, as WHAT, or will be missing because of WHAT.
have() {
    ready="$ready$(printf '\n   %-30s %s' "$1" "$2")"
}

fail() {
    skipped="$skipped$(printf '\n   %-30s %s' "$1" "skipped: $2")"
    echo "takt: without $1: $2" >&2
}

# run COMMAND...: into the log; its end is shown if it fails.
run() {
    echo "\$ $*" >>"$log"
    "$@" >"$log.last" 2>&1 </dev/null
    status=$?
    cat "$log.last" >>"$log"
    [ $status -eq 0 ] || tail -n 15 "$log.last" >&2
    rm -f "$log.last"
    return $status
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 "$@"
}

can_apt() {
    command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }
}

# The package lists are fetched once, and only when there is something to install.
lists_fetched=
fetch_lists() {
    [ -z "$lists_fetched" ] || return 0
    lists_fetched=yes
    say 'fetching the package lists'
    run apt_get update || echo 'takt: could not fetch them; going on with those at hand' >&2
}

# install PACKAGE...: all or none.
install() {
    can_apt || return 1
    fetch_lists
    say "installing with apt-get: $*"
    run apt_get install --no-install-recommends "$@"
}

# The version of a package that is installed.
installed() {
    dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$1" 2>/dev/null | sed -n 's/^ii  *//p'
}

# Whether the first file is there and newer than all under the second.
up_to_date() {
    [ -e "$1" ] && [ -z "$(find "$2" -newer "$1" -type f)" ]
}

cxx() {
    echo '#include <atomic>' | "${CXX:-c++}" -x c++ -E - >/dev/null 2>&1
}

newly_installed=
native() {
    can_build=yes
    if ! cxx; then
        newly_installed=yes
        install g++ && cxx || can_build=
    fi
    # Not in a pipe, so that what is noted stays.
    while read -r package peers_of; do
        case $package in '' | '#'*) continue ;; esac
        names=$(echo "$peers_of" | sed 's/ /, /g')
        if [ -z "$(installed "$package")" ] && install "$package"; then
            newly_installed=yes
        fi
        version=$(installed "$package")
        if [ -z "$version" ]; then
            fail "$names" "Debian's package $package could not be installed"
        elif [ -z "$can_build" ]; then
            fail "$names" 'it needs a C++ compiler: c++'
        else
            have "$names" "$package $version"
        fi
    done <perf/peers/debian-packages.txt
}

java_version() {
    java -XshowSettings:properties -version 2>&1 |
        sed -n 's/^ *java\.specification\.version = \([0-9]*\).*/\1/p'
}

java_is_new() {
    command -v javac >/dev/null && [ "$(java_version)" -ge $java_least ] 2>/dev/null
}

lmax() {
    if ! java_is_new && { ! install default-jdk-headless || ! java_is_new; }; then
        fail lmax "it needs a JDK $java_least or newer: java and javac"
        return
    fi
    if ! command -v mvn >/dev/null && ! install maven; then
        fail lmax 'it needs Maven: mvn'
        return
    fi
    if ! up_to_date "$peers/lmax/lmax.jar" perf/peers/lmax; then
        say 'building the LMAX peer with Maven'
        if ! run mvn --batch-mode --quiet -f perf/peers/lmax/pom.xml -Dbuild="$peers/lmax" package
        then
            fail lmax "Maven could not build perf/peers/lmax ($log)"
            return
        fi
    fi
    have lmax "built with Maven, Java $(java_version)"
}

# The second number of Rust's version, as in 1.85.
rust_version() {
    rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p'
}

rust_is_new() {
    command -v cargo >/dev/null && [ "$(rust_version)" -ge $rust_least ] 2>/dev/null
}

# The second number of the version of Rust that apt would install as the package.
rust_offered() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: 1\.\([0-9]*\)\..*/\1/p'
}

# Debian 12 has Rust twice: rustc is too old, rustc-web, kept for browsers, is new enough. The two
# exclude each other, so an old one that is installed is left alone.
install_rust() {
    if command -v rustc >/dev/null; then
        echo "takt: Rust 1.$(rust_version) is too old; bring it up to date (rustup update stable," \
            "or Debian's cargo-web and rustc-web instead of cargo and rustc)" >&2
        return 1
    fi
    can_apt || return 1
    fetch_lists
    for kind in '' -web; do
        if [ "$(rust_offered rustc$kind)" -ge $rust_least ] 2>/dev/null; then
            install cargo$kind rustc$kind
            return
        fi
    done
    echo "takt: apt offers no Rust 1.$rust_least; rustc is 1.$(rust_offered rustc)" >&2
    return 1
}

rust() {
    rust_peers='disruptor-rs, crossbeam'
    if ! rust_is_new && { ! install_rust || ! rust_is_new; }; then
        fail "$rust_peers" "they need Rust 1.$rust_least or newer: cargo and rustc"
        return
    fi
    if ! up_to_date "$peers/rust/release/takt-perf-rust" perf/peers/rust; then
        say 'building the Rust peers with Cargo'
        if ! run cargo build --release --manifest-path perf/peers/rust/Cargo.toml \
            --target-dir "$peers/rust"; then
            fail "$rust_peers" "Cargo could not build perf/peers/rust ($log)"
            return
        fi
    fi
    have "$rust_peers" "built with Cargo, Rust 1.$(rust_version)"
}

can_apt || echo 'takt: no apt-get, or neither root nor sudo: only what is there is used' >&2
native
lmax
rust

# What Meson did not find before it looks for again.
if [ -n "$newly_installed" ] && [ -e "$build/build.ninja" ]; then
    say "looking for the new packages in $1"
    run meson setup --reconfigure "$build" ||
        echo "takt: Meson could not set $1 up again ($log says more)" >&2
fi

say "peers:$ready$skipped"
[ -z "$skipped" ]
