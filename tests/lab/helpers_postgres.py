"""PostgreSQL's kit in guests, with the files that are shipped: a database on a logical volume, and who writes rows."""

from __future__ import annotations

from lab.audit import Writing
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab

TAG, POINT = "pgsql-main", "/srv/db"
DATA, ADMIN = f"{POINT}/main", "/opt/LifeKeeper/lkadm/subsys/database/pgsql/bin"
INSTALL = "cp -r /usr/share/lvmkit/kits/postgres/subsys /usr/share/lvmkit/kits/postgres/lkadm /opt/LifeKeeper/"
PREPARE = f"""
vgcreate -qq db {BY_ID}SHARED1
lvcreate -qq -L 200M -n data db
mkfs.ext4 -q /dev/db/data
mkdir -p {POINT}
mount /dev/db/data {POINT}
install -d -o postgres -g postgres -m 700 {DATA}
runuser -u postgres -- "$(ls -d /usr/lib/postgresql/*/bin)"/initdb --auth=trust --wal-segsize=1 -D {DATA} > /dev/null
cat >> {DATA}/postgresql.conf <<END
shared_buffers = 8MB
listen_addresses = ''
min_wal_size = 2MB
max_wal_size = 32MB
END
"""
INSERTS = (
    'awk \'BEGIN { for (n = {first}; ; n++) { print "insert into t values (" n ") returning n;"; fflush();'
    ' system("sleep 0.1") } }\' | runuser -u postgres -- stdbuf -oL psql -v ON_ERROR_STOP=1 -Atq'
)


class Rows(Writing):
    """Inserts rows, each a transaction of its own; a number is acknowledged when its row is committed."""

    def __init__(self, lab: Lab, node: int, first: int) -> None:
        """Describe a writer of rows with the numbers from `first` on."""
        super().__init__(lab, node, "")
        self._first = first

    def _argv(self) -> list[bytes]:
        return [b"sh", b"-c", INSERTS.replace("{first}", str(self._first)).encode()]


TABLE = "create table t as select generate_series(1, 1000) as n"


def sql(guest: Guest, command: str) -> str:
    return guest.run("runuser", "-u", "postgres", "--", "psql", "-Atqc", command, timeout=60).stdout.strip()


def is_ready(guest: Guest) -> bool:
    """Whether it takes connections: the cluster shows a resource where it starts before its start has ended."""
    return guest.run("runuser", "-u", "postgres", "--", "pg_isready", "-q", check=False).returncode == 0
