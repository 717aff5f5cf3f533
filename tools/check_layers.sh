#!/bin/sh
# Fails on any #include "folder/..." in src/ that tools/layers.txt does not allow, and on a folder it does not know.
cd "$(dirname "$0")/.." || exit 2
awk '
FILENAME == "tools/layers.txt" {
    if ($0 ~ /^#/ || NF == 0) next
    layer = $1; sub(/:$/, "", layer); known[layer] = 1
    allowed[layer, layer] = 1
    for (i = 2; i <= NF; i++) {
        if (!($i in known)) { printf "tools/layers.txt: %s uses %s before it exists\n", layer, $i; bad = 1 }
        allowed[layer, $i] = 1
    }
    next
}
FNR == 1 { split(FILENAME, part, "/"); layer = part[2]; top = FILENAME ~ /^src\/[^\/]*$/ }
/^#include "/ && !top {
    split($0, quoted, "\""); split(quoted[2], path, "/")
    if (!(layer in known)) { printf "%s: folder %s is not in tools/layers.txt\n", FILENAME, layer; bad = 1 }
    else if (!((layer, path[1]) in allowed)) { printf "%s:%d: %s may not use %s\n", FILENAME, FNR, layer, path[1]; bad = 1 }
}
END { exit bad }' tools/layers.txt $(find src -name '*.[ch]' | sort) || exit 1

# Calls that overflow, keep hidden state, start programs or load code, or read numbers without telling of errors.
banned='\b(sprintf|vsprintf|strcpy|strcat|strtok|gets|gmtime|localtime|atoi|atol|atof)\('
banned="$banned|"'\b(system|popen|fork|vfork|posix_spawnp?|f?exec(l|le|lp|v|ve|vp|vpe|veat)|dlopen|dlsym)\('
if grep -nE "$banned" $(find src -name '*.[ch]'); then
    echo "banned calls: see tools/check_layers.sh" >&2
    exit 1
fi
# SQL has parameters, never text put into it (but for a pragma's number, which takes none), and no pattern that a client could make dear.
sql='"[^"]*\b(SELECT|INSERT|UPDATE|DELETE|REPLACE|WHERE|VALUES)\b[^"]*%[-0-9.*]*[a-z]|sqlite3_v?s?n?mprintf\(|"[^"]*\b(LIKE|GLOB|REGEXP|MATCH)\b'
if grep -nE "$sql" $(find src/store -name '*.[ch]'); then
    echo "SQL built from text, or a pattern in it: use parameters" >&2
    exit 1
fi
# A secret is shown where it is hashed, compared, encrypted or put on its wire, and nowhere else: no line of a log can hold one.
shown='^src/(base/secret\.h|crypto/(hmac\.[ch]|password\.c|seal\.c|sign\.c|sigv4\.c)|io/courier_(http|mail)\.c|relay/(attempt|upstream)\.c|api/oidc\.c|catalog/catalog\.c):'
if grep -nE '\bsecret_reveal\(|\.unprintable\b' $(find src -name '*.[ch]') | grep -vE "$shown"; then
    echo "a secret is revealed: see tools/check_layers.sh for who may" >&2
    exit 1
fi
# Only io may name the event loop's library.
if grep -nE '#include <uv\.h>|\buv_' $(find src -name '*.[ch]' -not -path 'src/io/*'); then
    echo "only src/io may name libuv" >&2
    exit 1
fi
