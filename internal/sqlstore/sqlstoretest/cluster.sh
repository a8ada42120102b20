# Runs a PostgreSQL cluster for as long as somebody holds this script's
# standard input open. The kernel closes that pipe however the holder ends, so
# neither a process nor a folder is left behind, even after SIGKILL.
# $1: the folder of PostgreSQL's programs.
set -e
programs=$1
trap '' HUP INT TERM
server=
dir=$(mktemp -d "${TMPDIR:-/tmp}/orderflow-postgres-XXXXXX")
clean() {
    # A test may have restarted the server, which then is no child of this shell.
    test -z "$server" || server=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null || echo "$server")
    # QUIT is PostgreSQL's immediate shutdown: nothing here is worth saving.
    test -z "$server" || { kill -QUIT "$server" && while kill -0 "$server"; do sleep 0.02; done || true; }
    rm -rf "$dir"
}
trap clean EXIT

init() {
    rm -rf "$dir/data"
    "$programs/initdb" -D "$dir/data" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C --no-sync "$@" >"$dir/log" 2>&1
}
# Text sorts by the rules of a language, as in most installations and unlike
# SQLite, where this PostgreSQL can do it: a query that relies on the order of
# bytes must say so.
init --locale-provider=icu --icu-locale=en-US || init || { cat "$dir/log"; exit 1; }
"$programs/postgres" -D "$dir/data" \
    -c listen_addresses= -c unix_socket_directories="$dir" -c unix_socket_permissions=0777 \
    -c max_connections=400 -c shared_buffers=32MB \
    -c fsync=off -c full_page_writes=off \
    >"$dir/log" 2>&1 </dev/null &
server=$!
# The server writes its state to this file; pg_ctl waits for the same word.
until grep -qs '^ready' "$dir/data/postmaster.pid"; do
    kill -0 "$server" 2>/dev/null || { cat "$dir/log"; exit 1; }
    sleep 0.05
done

echo "ready $dir"
exec >/dev/null 2>&1
cat
