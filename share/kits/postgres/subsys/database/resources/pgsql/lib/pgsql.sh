# What all scripts of this kit share. The caller has set LKROOT; $action and $tag are for messages.

bin=$LKROOT/bin
separator=$(printf '\001')

# say LEVEL NUMBER TEXT: a message as LifeKeeper's log has it.
say() {
    echo "$action[$$]: $1:pgsql:$action:${tag:-}:$2:$3" >&2
}

fail() {
    say ERROR "$1" "$2"
    exit 1
}

# record [-d SYSTEM] -t TAG: reads the instance into app, type, id, info, switchback.
record() {
    line=$("$bin/ins_list" "$@") || return 1
    IFS=$separator read -r system app type _tag id info state reason initialisation switchback rest <<END
$line
END
}

# told NAME: a value of the info field, 'version=15 user=postgres'.
told() {
    for pair in $info; do
        case $pair in "$1="*) echo "${pair#*=}" ;; esac
    done
}

# A data directory says which version it is of and whose it is.
version_of() {
    cat "$1/PG_VERSION" 2>/dev/null
}

programs_of() {
    echo "/usr/lib/postgresql/$1/bin"
}

# pg_ctl DIRECTORY ARGUMENTS...: PostgreSQL's own tool, as the owner of the directory.
pg_ctl() {
    directory=$1
    shift
    (cd / && runuser -u "$(stat -c %U "$directory")" -- \
        "$(programs_of "$(version_of "$directory")")/pg_ctl" -D "$directory" "$@")
}

# is_running DIRECTORY: whether the server that postmaster.pid names runs. The number alone does not say so: where the
# server died elsewhere, another process may have it here. One that works nowhere is just ending.
is_running() {
    pg_ctl "$1" -s status >/dev/null 2>&1 || return 1
    server=$(sed -n 1p "$1/postmaster.pid" 2>/dev/null)
    [ ! -e "/proc/$server/cwd" ] || [ "/proc/$server/cwd" -ef "$1" ]
}

# is_used DIRECTORY: whether any process works in it, as all those of a server do.
is_used() {
    for each in /proc/[0-9]*/cwd; do
        [ ! "$each" -ef "$1" ] || return 0
    done
    return 1
}

# Takes -t TAG and -i ID.
options() {
    while [ $# -gt 1 ]; do
        case $1 in
        -t) tag=$2 ;;
        -i) id=$2 ;;
        -p) path=$2 ;;
        -s) switchback=$(echo "$2" | tr '[:lower:]' '[:upper:]') ;;
        *) fail 900001 "unknown option $1" ;;
        esac
        shift 2
    done
    [ $# -eq 0 ] || fail 900001 "unknown argument $1"
}
