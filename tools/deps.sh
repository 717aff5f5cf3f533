#!/bin/sh
# Installs the Debian packages of the groups named (tools/packages.txt) that are missing. As root or with sudo.
cd "$(dirname "$0")/.." || exit 2

# PACKAGE[|OTHER][:COMMAND]: whether it is there already.
is_here() {
    package=${1%%:*}
    [ "$package" = "$1" ] || ! command -v "${1#*:}" >/dev/null || return 0
    for choice in $(echo "$package" | tr '|' ' '); do
        dpkg-query -W -f='${Status}' "$choice" 2>/dev/null | grep -q 'ok installed' && return 0
    done
    return 1
}

# The first that this Debian has.
choose() {
    for choice in $(echo "${1%%:*}" | tr '|' ' '); do
        apt-cache show "$choice" >/dev/null 2>&1 && break
    done
    echo "$choice"
}

missing=
for group in "$@"; do
    for entry in $(sed -n "s/^$group: *//p" tools/packages.txt); do
        is_here "$entry" || missing="$missing $entry"
    done
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "missing:$missing; this is no Debian system, install their counterparts" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >&2 || exit 1
packages=
for entry in $missing; do packages="$packages $(choose "$entry")"; done
echo "installing:$packages" >&2
$as_root apt-get install -y -qq --no-install-recommends $packages >&2
