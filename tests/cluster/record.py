"""Record what the tools of one version of Pacemaker say of a real cluster; its two servers are namespaces of this one.

    mmdebstrap --variant=apt --include=pacemaker,pacemaker-cli-utils,corosync RELEASE ROOT
    PYTHONPATH=.:lib python -m tests.cluster.record ROOT FOLDER

As root. The servers share ROOT and write beside it, to memory. What they run is the kit's own configuration over agents
that only note what they were told, and fencing is real: it kills the other server. The answers go to FOLDER as they
were printed, one file for each, and those of tools that print no XML together to answers.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lvmkit.cluster.pacemaker import elements, location, patch, primitive, release, roles
from lvmkit.cluster.port import Change
from lvmkit.model.instance import AUTOMATIC, Dependency
from lvmkit.model.value import replace
from tests.unit.test_pacemaker import hierarchy, links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element

NAMES = ("n1", "n2")
PATIENCE = 120.0
LATER = "2036-01-01 00:00:00Z"
WITH_HISTORY = ("started", "stopped", "standby", "no_quorum", "unclean", "fenced")
BUSY = "fs1"
"""the tag that this makes fail"""
SETUP = """
name=$1 root=$2 work=$3 shared=$4
mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/overlay" "$work/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/overlay" "$work/root"
cd "$work/root"
mkdir -p shared
mount --bind "$shared" shared
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs tmpfs run
mkdir -p run/lock run/crm run/resource-agents var/log/cluster var/log/pacemaker
chown hacluster:haclient run/crm
hostname "$name"
ip link set lo up
touch "shared/ready-$name"
exec sleep 3600
"""
COROSYNC = """
totem {
  version: 2
  cluster_name: recorded
  transport: udpu
}
nodelist {
  node {
    name: n1
    nodeid: 1
    ring0_addr: 10.99.0.1
  }
  node {
    name: n2
    nodeid: 2
    ring0_addr: 10.99.0.2
  }
}
quorum {
  provider: corosync_votequorum
}
logging {
  to_logfile: yes
  logfile: /shared/corosync.log
}
"""
AGENT = """#!/bin/sh
state=/run/stub-$OCF_RESOURCE_INSTANCE
if [ -e "/shared/$1-fails-$OCF_RESOURCE_INSTANCE" ]; then
    echo "ocf-exit-reason:110014 it was told to fail" >&2
    exit 1
fi
case $1 in
    start) while [ -e "/shared/slow" ]; do sleep 0.2; done; touch "$state" ;;
    stop) rm -f "$state" ;;
    monitor) [ -e "$state" ] || exit 7 ;;
    meta-data) cat <<END
<?xml version="1.0"?>
<resource-agent name="stub"><version>1.0</version><longdesc lang="en">stub</longdesc><shortdesc lang="en">s</shortdesc>
<parameters/><actions><action name="start" timeout="20s"/><action name="stop" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s"/><action name="meta-data" timeout="5s"/></actions></resource-agent>
END
esac
"""
FENCE = """#!/bin/sh
while read -r line; do
    case $line in
        action=*) action=${line#*=} ;;
        port=*) port=${line#*=} ;;
    esac
done
case $action in
    reboot | off) touch "/shared/fence-$port"; while ! [ -e "/shared/dead-$port" ]; do sleep 0.2; done ;;
    metadata) cat <<END
<?xml version="1.0"?>
<resource-agent name="fence_stub" shortdesc="stub"><longdesc>stub</longdesc><vendor-url/><parameters>
<parameter name="action" unique="0" required="1">
<content type="string" default="reboot"/><shortdesc lang="en">s</shortdesc></parameter>
<parameter name="port" unique="0" required="0"><content type="string"/><shortdesc lang="en">s</shortdesc></parameter>
</parameters><actions><action name="reboot"/><action name="off"/><action name="monitor"/>
<action name="metadata"/><action name="list"/><action name="status"/></actions></resource-agent>
END
esac
exit 0
"""
FENCING = """<primitive id="fencing" class="stonith" type="fence_stub"><instance_attributes id="fencing-parameters">
<nvpair id="fencing-hosts" name="pcmk_host_list" value="n1 n2"/></instance_attributes></primitive>"""


class Server:
    """One server, in namespaces of its own."""

    def __init__(self, name: str, root: Path, folder: Path) -> None:
        """folder: shared by all."""
        self.name = name
        work = folder.parent / name
        work.mkdir()
        self._root = f"{work}/root"
        apart = ["unshare", "--net", "--pid", "--mount", "--ipc", "--uts", "--fork", "--kill-child"]
        setup = ["sh", "-euc", SETUP, "setup", name, str(root), str(work), str(folder)]
        self._process = subprocess.Popen([*apart, *setup])
        until((folder / f"ready-{name}").exists)
        own = self._process.pid
        self.pid = Path(f"/proc/{own}/task/{own}/children").read_text().split()[0]
        self._network = open(f"/proc/{self.pid}/ns/net")  # noqa: SIM115 - its end of the cable outlives the server

    def words(self, *argv: str) -> list[str]:
        """A command that runs argv on the server."""
        return ["nsenter", "--target", self.pid, "--all", "chroot", self._root, *argv]

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of the release there."""
        return subprocess.run(self.words(*argv), input=stdin, capture_output=True, text=True, check=False)

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file of the server."""
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && cat > {path} && chmod {mode} {path}", stdin=text)

    def join(self) -> None:
        """Become a server of the cluster."""
        self.write("/etc/corosync/corosync.conf", COROSYNC)
        for agent in ("lvmvg", "lvmlv", "filesys"):
            self.write(f"/usr/lib/ocf/resource.d/lvmkit/{agent}", AGENT, "755")
        self.write("/usr/sbin/fence_stub", FENCE, "755")
        began = self.run("corosync")
        assert began.returncode == 0, began.stderr
        self._pacemaker = subprocess.Popen(
            self.words("pacemakerd", "-f"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def die(self) -> None:
        """As by a power switch."""
        self._process.kill()
        self._process.wait()


class Recorder:
    """Asks n2, which outlives n1, and keeps the answers."""

    def __init__(self, folder: Path, shared: Path, servers: dict[str, Server]) -> None:
        self.folder, self.shared, self.servers = folder, shared, servers
        self.answers: dict[str, object] = {}

    def ask(self, *argv: str, stdin: str = "", server: str = "n2") -> subprocess.CompletedProcess[str]:
        """Run one of the tools."""
        return self.servers[server].run(f"/usr/sbin/{argv[0]}", *argv[1:], stdin=stdin)

    def keep(self, name: str, *argv: str, stdin: str = "") -> None:
        """Keep the answer of a tool that prints no XML."""
        answer = self.ask(*argv, stdin=stdin)
        shown = {"status": answer.returncode, "stdout": answer.stdout, "stderr": answer.stderr}
        self.answers[name] = {"command": " ".join(argv), **shown}

    def keep_state(self, name: str) -> None:
        """Keep what crm_mon says of the cluster at this moment, and the history where the kit's guard asks for it."""
        self._store(f"{name}.crm_mon.xml", "crm_mon", "--one-shot", "--inactive", "--output-as=xml")
        if name in WITH_HISTORY:
            self._store(f"{name}.status.xml", "cibadmin", "--query", "--scope", "status")

    def _store(self, file: str, *argv: str) -> None:
        answer = self.ask(*argv)
        assert answer.returncode == 0, answer.stderr
        (self.folder / file).write_text(answer.stdout)

    def close(self) -> None:
        """Write the answers that are no XML."""
        text = json.dumps(self.answers, indent=1, ensure_ascii=False)
        (self.folder / "answers.json").write_text(f"{text}\n")

    def cib(self) -> Element:
        """The CIB of this moment."""
        return elements.parse(self.ask("cibadmin", "--query").stdout, "cibadmin")

    def edit(self, work: Callable[[Element], Element]) -> None:
        """Replace the CIB."""
        made = work(self.cib())
        made.set("epoch", str(int(made.get("epoch", "0")) + 1))
        answer = self.ask("cibadmin", "--replace", "--xml-pipe", stdin=elements.written(made))
        assert answer.returncode == 0, answer.stderr

    def mon(self) -> Element:
        """crm_mon's answer of this moment; an empty one where there is none."""
        answer = self.ask("crm_mon", "--one-shot", "--inactive", "--output-as=xml")
        return elements.parse(answer.stdout if answer.returncode == 0 else "<x/>", "crm_mon")

    def resource(self, tag: str) -> Element:
        """What crm_mon says of one of ours."""
        return next((e for e in self.mon().iter("resource") if e.get("id") == f"lvmkit-{tag}"), elements.new("none"))

    def settle(self) -> None:
        """Wait until the cluster has nothing more to do."""
        time.sleep(2)
        self.ask("crm_resource", "--wait", "--timeout=60s")

    def option(self, name: str, value: str) -> None:
        """Set an option of the cluster."""
        self.ask("crm_attribute", "--type", "crm_config", "--name", name, "--update", value)

    def order(self, name: str) -> Path:
        """A file that tells the agents something."""
        return self.shared / name


def until(condition: Callable[[], object]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


def protect(root: Element) -> Element:
    """The kit's configuration of one file system on both servers, and a fencing device."""
    elements.at(root, elements.RESOURCES).append(elements.parse(FENCING, "this"))
    root = patch.apply(root, Change(add=hierarchy(1, "n1"), link=links(1)), "n1")
    return patch.apply(root, Change(add=hierarchy(1, "n2"), link=(Dependency("vg", "disk"),)), "n1")


def record_tools(to: Recorder) -> None:
    """What the tools answer that print no XML, or have an exit code that the kit knows."""
    root = to.cib()
    automatic = tuple(replace(each, switchback=AUTOMATIC) for each in hierarchy(1) if each.tag == "vg")
    left = patch.apply(root, Change(update=automatic), "n1")
    edits = {"draw": location.draw(root, "vg", "n2", LATER), "left": left, "let_go": release.let_go(root, ("fs1",))}
    for name, made in edits.items():
        to.keep(f"crm_verify {name}", "crm_verify", "--xml-pipe", "--verbose", stdin=elements.written(made))
    spoilt = elements.written(root).replace('kind="Mandatory"', 'kind="perhaps"')
    to.keep("crm_verify refused", "crm_verify", "--xml-pipe", "--verbose", stdin=spoilt)
    to.order("old.xml").write_text(elements.written(root))
    changed = roles.stopped(root, ("fs1",))
    changed.set("epoch", str(int(root.get("epoch", "0")) + 1))
    to.order("new.xml").write_text(elements.written(changed))
    words = ("crm_diff", "--cib", "--original", "/shared/old.xml", "--new")
    to.keep("crm_diff same", *words, "/shared/old.xml")
    to.keep("crm_diff", *words, "/shared/new.xml")
    difference = to.ask(*words, "/shared/new.xml").stdout
    to.ask("crm_attribute", "--type", "crm_config", "--name", "cluster-delay", "--update", "61s")
    to.keep("cibadmin old", "cibadmin", "--patch", "--xml-pipe", stdin=difference)
    to.keep("crm_node", "crm_node", "--name")
    unmark = ("crm_attribute", "--node", "n1", "--name", "nothing", "--delete", "--lifetime", "reboot")
    to.keep("crm_attribute none", *unmark)
    mark = ("crm_attribute", "--node", "n1", "--name", "nothing", "--update", "yes", "--lifetime", "reboot")
    to.keep("crm_attribute mark", *mark)
    to.keep("crm_attribute unmark", *unmark)
    to.keep("crm_resource refresh", "crm_resource", "--refresh", "--force", "--resource", "lvmkit-fs1")
    to.settle()
    to.keep("crm_resource cleanup", "crm_resource", "--cleanup", "--resource", "lvmkit-fs1", "--node", "n1")
    to.keep("crm_resource unknown", "crm_resource", "--cleanup", "--resource", "lvmkit-no", "--node", "n1")
    to.settle()
    to.keep("crm_resource wait", "crm_resource", "--wait", "--timeout=30s")
    simulate = ("crm_simulate", "--xml-pipe", "--run", "--output-as=xml")
    to.keep("crm_simulate stop", *simulate, stdin=elements.written(changed))
    to.keep("crm_simulate move", *simulate, stdin=elements.written(edits["draw"]))


def record(to: Recorder) -> None:
    """One situation after the other."""
    for name, words in COLD.items():
        to.keep(f"{name} without a cluster", *words)
    for server in to.servers.values():
        server.join()
    until(lambda: sum(node.get("online") == "true" for node in to.mon().iterfind("nodes/node")) == len(NAMES))
    to.edit(protect)
    until(lambda: to.resource(BUSY).get("role") == "Started")
    to.settle()
    to.keep_state("started")
    (to.folder / "cib.xml").write_text(to.ask("cibadmin", "--query").stdout)
    record_tools(to)
    record_failures(to)
    record_wishes(to)
    record_death(to)
    to.close()


COLD = {
    "cibadmin": ("cibadmin", "--query"),
    "crm_mon": ("crm_mon", "--one-shot", "--inactive", "--output-as=xml"),
    "crm_node": ("crm_node", "--name"),
    "crm_resource": ("crm_resource", "--wait", "--timeout=1s"),
    "crm_attribute": ("crm_attribute", "--node", "n1", "--name", "x", "--delete", "--lifetime", "reboot"),
}


def record_failures(to: Recorder) -> None:
    """A failure in place, one for good, and a start that is under way."""
    to.ask("crm_resource", "--fail", "--resource", f"lvmkit-{BUSY}", "--node", "n1")
    to.settle()
    until(lambda: to.resource(BUSY).get("role") == "Started")
    to.keep_state("failed_once")
    to.order(f"start-fails-lvmkit-{BUSY}").touch()
    to.ask("crm_resource", "--fail", "--resource", f"lvmkit-{BUSY}", "--node", "n1")
    to.settle()
    until(lambda: to.resource(BUSY).get("role") == "Stopped")
    to.keep_state("failed")
    to.order(f"start-fails-lvmkit-{BUSY}").unlink()
    to.order("slow").touch()
    to.ask("crm_resource", "--cleanup", "--resource", f"lvmkit-{BUSY}")
    until(lambda: to.resource(BUSY).get("pending") == "Starting" or to.resource(BUSY).get("role") == "Starting")
    to.keep_state("starting")
    to.keep("crm_resource wait too long", "crm_resource", "--wait", "--timeout=1s")
    to.order("slow").unlink()
    until(lambda: to.resource(BUSY).get("role") == "Started")
    to.settle()


def record_wishes(to: Recorder) -> None:
    """What an administrator may have wanted."""
    to.ask("crm_attribute", "--node", "n1", "--name", "standby", "--update", "on")
    to.settle()
    until(lambda: [n.get("name") for n in to.resource(BUSY).iterfind("node")] == ["n2"])
    to.keep_state("standby")
    to.ask("crm_attribute", "--node", "n1", "--name", "standby", "--delete")
    to.ask("crm_attribute", "--node", "n1", "--name", "maintenance", "--update", "true")
    to.settle()
    to.keep_state("server_in_maintenance")
    to.ask("crm_attribute", "--node", "n1", "--name", "maintenance", "--delete")
    to.option("maintenance-mode", "true")
    to.settle()
    to.keep_state("maintenance")
    to.option("maintenance-mode", "false")
    to.option("stonith-enabled", "false")
    to.settle()
    to.keep_state("fencing_off")
    to.option("stonith-enabled", "true")
    to.edit(lambda root: _with_meta(root, {"is-managed": "false"}))
    to.settle()
    to.keep_state("unmanaged")
    to.edit(lambda root: _with_meta(root, {"is-managed": None}))
    to.edit(lambda root: roles.stopped(root, ("fs1",)))
    to.settle()
    to.keep_state("stopped")
    to.edit(lambda root: roles.started(root, ("fs1",)))
    to.edit(lambda root: location.draw(root, "vg", "n1", LATER))
    to.settle()
    until(lambda: [n.get("name") for n in to.resource(BUSY).iterfind("node")] == ["n1"])
    to.keep_state("drawn")
    to.edit(location.settle)
    to.edit(_blocking)
    to.order(f"stop-fails-lvmkit-{BUSY}").touch()
    to.edit(lambda root: roles.stopped(root, ("fs1",)))
    to.settle()
    until(lambda: to.resource(BUSY).get("blocked") == "true")
    to.keep_state("blocked")
    to.order(f"stop-fails-lvmkit-{BUSY}").unlink()
    to.edit(lambda root: roles.started(root, ("fs1",)))
    to.ask("crm_resource", "--cleanup", "--resource", f"lvmkit-{BUSY}")
    to.settle()


def record_death(to: Recorder) -> None:
    """n1 dies: first nobody may do anything about it, then it is fenced, which takes its time."""
    to.option("no-quorum-policy", "freeze")
    to.settle()
    to.servers["n1"].die()
    until(lambda: to.mon().find("nodes/node[@name='n1'][@online='false']") is not None)
    until(lambda: to.mon().find("summary/current_dc[@with_quorum='false']") is not None)
    to.keep_state("no_quorum")
    to.option("no-quorum-policy", "ignore")
    until(to.order("fence-n1").exists)
    to.keep_state("unclean")
    to.order("dead-n1").touch()
    until(lambda: [n.get("name") for n in to.resource(BUSY).iterfind("node")] == ["n2"])
    to.settle()
    to.keep_state("fenced")


def _with_meta(root: Element, changes: dict[str, str | None]) -> Element:
    for element in primitive.own(root).values():
        primitive.set_meta(element, changes)
    return root


def _blocking(root: Element) -> Element:
    for operation in primitive.own(root)[BUSY].iter("op"):
        if operation.get("name") == "stop":
            operation.set("on-fail", "block")
    return root


@contextmanager
def cluster(root: Path) -> Iterator[tuple[Path, dict[str, Server]]]:
    """Two servers that reach each other. Gives the folder that they share, and them."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        shared = Path(folder) / "shared"
        shared.mkdir(mode=0o777)
        shared.chmod(0o777)
        servers: dict[str, Server] = {}
        try:
            for name in NAMES:
                servers[name] = Server(name, root, shared)
            _connect(*servers.values())
            yield shared, servers
        finally:
            for server in servers.values():
                with suppress(OSError):
                    server.die()


def _connect(first: Server, second: Server) -> None:
    _ip("link", "add", "recorded1", "type", "veth", "peer", "name", "recorded2")
    for number, server in enumerate((first, second), 1):
        _ip("link", "set", f"recorded{number}", "netns", server.pid)
        inside = ["nsenter", "--target", server.pid, "--net", "ip"]
        subprocess.run([*inside, "address", "add", f"10.99.0.{number}/24", "dev", f"recorded{number}"], check=True)
        subprocess.run([*inside, "link", "set", f"recorded{number}", "up"], check=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main(root: str, folder: str) -> None:
    """Record."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with cluster(Path(root)) as (shared, servers):
        record(Recorder(Path(folder), shared, servers))


if __name__ == "__main__":
    main(*sys.argv[1:])
