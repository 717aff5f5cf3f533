#!/bin/sh
# Installs the Debian packages of the groups named (tools/packages.txt) that are missing. As root or with sudo.
cd "$(dirname "$0")/.." || exit 2
missing=
for group in "$@"; do
    for entry in $(sed -n "s/^$group: *//p" tools/packages.txt); do
        package=${entry%%:*}
        [ "$package" = "$entry" ] || ! command -v "${entry#*:}" >/dev/null || continue
        for choice in $(echo "$package" | tr '|' ' '); do
            dpkg-query -W -f='${Status}' "$choice" 2>/dev/null | grep -q 'ok installed' && continue 2
        done
        for choice in $(echo "$package" | tr '|' ' '); do
            if apt-cache show "$choice" >/dev/null 2>&1; then break; fi
        done
        missing="$missing $choice"
    done
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "missing:$missing; this is no Debian system, install their counterparts" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >&2 || exit 1
$as_root apt-get install -y -qq --no-install-recommends $missing >&2
