# lvmkit. `make help` lists the targets.

LKROOT  ?= /opt/LifeKeeper
DESTDIR ?=
PREFIX  ?= /usr
PYTHON  := /usr/bin/python3
VENV    := .venv
UV      := 0.13.9
BIN     := $(VENV)/bin
AGENTS  := $(notdir $(wildcard lib/ocf/resource.d/lvmkit/*))
MINUTES ?= 60
RELEASE ?=
# Where sos has its plugins: in the folder that Python packages of the distribution are in.
SOS     ?= $(PREFIX)/lib/python3/dist-packages/sos/report/plugins
# Where zsh looks for completion; other distributions than Debian have site-functions.
ZSH     ?= $(PREFIX)/share/zsh/vendor-completions
STAGE   ?= $(DESTDIR)$(LKROOT)/.new
LIBRARY  = lib
DEB     := build/deb
RPM     := build/rpm
OLDER   := b2745a4
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Debian packages: the kit itself, its tests, and the lab's guests.
NEEDS_KIT  := python3 python3-click lvm2 mount util-linux
NEEDS_TEST := python3-venv mandoc
# what make kits protects
NEEDS_KITS := postgresql
NEEDS_LAB  := qemu-system-x86 qemu-utils mmdebstrap e2fsprogs cpio zstd
NEEDS      := $(NEEDS_KIT) $(NEEDS_TEST) $(NEEDS_LAB)
# A SCSI target and initiator in user space, for the tests of persistent reservations.
NEEDS_TARGET := tgt libiscsi7
NEEDS_LUN    := tgt qemu-block-extra
# The page's tests: Cockpit without its shell, and a browser.
NEEDS_WEB  := cockpit-ws cockpit-bridge chromium
# Those that packages are built with; make check does not need them.
NEEDS_DEB  := python3-click dpkg-dev debhelper lintian
NEEDS_RPM  := python3-click rpm rpmlint

# LifeKeeper's own commands and its File System kit, where its core is installed, stay; else the kit has its own.
HAS_CORE = $(shell there=$(DESTDIR)$(LKROOT)/bin/ins_list; [ "$$(readlink $$there)" = lcdi ] || ls $$there 2>/dev/null)
WITHOUT_CORES = $(if $(HAS_CORE),-path '*subsys/gen' -prune -o)

# Installs those of the packages $(1) that are missing; quiet when none is.
apt_install = missing=$$(for p in $(1); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	    echo "installing:" $$missing; \
	    $(SUDO) apt-get -q update && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	fi

# The same, where package $(2) brings the service $(3), which the tests start themselves: on this machine it serves nobody.
install_idle = $(call apt_install,$(1)); \
	case " $$missing " in *" $(2) "*) $(SUDO) systemctl disable --now -q $(3) || true ;; esac
install_target = $(call install_idle,$(1),tgt,tgt.service)

# A run of many tests in guests, which goes on where it was broken off, unless something has changed since.
RESUMING = PYTHONPATH=tests $(BIN)/pytest -q -p lab.resuming tests/lab --resume build/lab$(addprefix -,$(RELEASE))-

# Which Debian the guests run; empty: 12, and 13 too in tests where the two may differ.
export LVMKIT_LAB_RELEASE := $(RELEASE)

.DEFAULT_GOAL := help
.PHONY: help bench web page-css demo demo-local test check check-long check-old lint unit mutants mutants-all metadata target cluster kits ansible \
    lab cluster-lab storm faults deb debs rpm rpms packages deps pages lock stage files unpackaged packaged install uninstall clean

help:  ## print every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: deps  ## show the main job on two servers that are a cluster, in guests; KEEP=1: which stay up
	@KEEP=$(KEEP) PYTHONPATH=tests $(BIN)/python -m lab.demo_cluster

demo-local: deps  ## show the main job on one server, in a guest
	@KEEP=$(KEEP) PYTHONPATH=tests $(BIN)/python -m lab.demo

test: check metadata target web packages lab  ## all checks and tests; does all of its own set-up

check: lint unit  ## ruff, mypy --strict, import-linter, oxlint, unit tests

lint: deps
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy -p storm -p faults
	PYTHONPATH=lib $(BIN)/lint-imports --no-cache
	$(BIN)/oxlint -c web/oxlint.json --deny-warnings share/cockpit/lvmkit

unit: deps  ## unit tests, seconds
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -q -n auto --maxprocesses 4 tests/unit tests/contract \
	    -m "not pacemaker"

check-long: deps  ## look for a story in which two servers come to hold one volume group, at random, for minutes
	LVMKIT_SEARCH=long $(BIN)/pytest -q -n auto --maxprocesses 4 tests/unit/world/test_property.py
	LVMKIT_PROGRAMS=real LVMKIT_LCDI_SECONDS=30 $(BIN)/pytest -q -n auto --maxprocesses 4 tests/contract \
	    tests/unit/test_lifekeeper.py tests/unit/test_lcdi_servers.py tests/unit/test_lcdi_events.py -m "not pacemaker"

check-old: deps  ## the same search in an older version of the kit, whose faults it must find; minutes
	rm -rf build/older && mkdir -p build/older && git archive $(OLDER) lib | tar -x -C build/older
	LVMKIT_SEARCH=long $(BIN)/python -m tests.unit.world.older build/older/lib $(SEARCH)

mutants: deps  ## put known faults into a copy of the code, one at a time: the unit tests must notice each; minutes
	PYTHONPATH=tests $(BIN)/python -m mutants $(MUTANTS)

mutants-all: deps  ## the same with every small fault of the modules that decide who may do what; an hour or more
	PYTHONPATH=tests $(BIN)/python -m mutants all $(MUTANTS)

target: deps  ## what the kit sends for persistent reservations, to a real SCSI target in user space
	@$(call install_target,$(NEEDS_TARGET))
	$(BIN)/pytest -q tests/target

metadata: deps  ## tests on real LVM metadata on loop devices (root)
	$(BIN)/pytest -q -n 2 tests/metadata

cluster: deps  ## the Pacemaker adapter and the port's contract with Pacemaker's own tools, which this installs; not part of test
	@$(call apt_install,pacemaker-cli-utils)
	$(BIN)/pytest -q tests/cluster tests/contract

web: deps  ## the page in a browser, on Cockpit and the kit's command line, which this installs
	@$(call install_idle,$(NEEDS_WEB),cockpit-ws,cockpit.socket)
	$(BIN)/pytest -q -n 2 --durations=5 tests/web

page-css:  ## cut PatternFly's CSS anew to what the page uses; for maintainers, needs npm
	cd web && npm ci --ignore-scripts --no-audit --no-fund && node css.mjs

kits: deps  ## the recovery kits below share/kits with what they protect, which this installs (root); not part of test
	@$(call apt_install,$(NEEDS_KITS))
	$(BIN)/pytest -q tests/kits

ansible: deps  ## the Ansible role, run by a pinned Ansible on servers in memory; not part of test
	[ -x build/ansible/bin/ansible-playbook ] || $(PYTHON) -m venv --clear build/ansible
	build/ansible/bin/pip install -q --disable-pip-version-check --require-hashes -r tests/ansible/requirements.txt
	$(BIN)/pytest -q tests/ansible

lab: deps  ## tests in guests with a real kernel; RELEASE=trixie: Debian 13's, here and in the other targets with guests
	$(BIN)/pytest -q -n 2 --dist loadgroup --no-loadscope-reorder --durations=20 -m "not cluster and not slow" tests/lab

cluster-lab: deps  ## tests with two and three guests that are a Pacemaker cluster, and slow ones; hours, goes on where it was broken off
	@$(call install_target,$(NEEDS_LUN))
	@$(call install_idle,$(NEEDS_WEB),cockpit-ws,cockpit.socket)
	$(RESUMING)slow.json -n 2 --dist loadgroup --no-loadscope-reorder -m "slow and not cluster and not three"
	$(RESUMING)two.json -m "cluster and not three"
	$(RESUMING)three.json -m three

storm: deps  ## random actions on two guests that are a cluster: MINUTES=60 SEED=n, again: ONLY=EPISODE or REPLAY=FILES
	@PYTHONPATH=tests $(BIN)/python -m storm --minutes $(MINUTES) $(addprefix --seed ,$(SEED)) \
	    $(if $(ONLY),--only $(ONLY)) $(addprefix --replay ,$(REPLAY)) $(STORM)

faults: deps  ## break storage in every way below the kit and below Pacemaker's own agents, and write docs/faults.md; hours, goes on where it was broken off
	@PYTHONPATH=tests $(BIN)/python -m faults $(if $(FAULTS),$(FAULTS),--write)

bench: deps  ## compare with a hand-made cluster of LVM-activate and Filesystem, in turn on the same guests
	@PYTHONPATH=tests:lib $(BIN)/python -m bench $(BENCH)

deb: debs  ## Debian packages into build/deb; lintian must find nothing wrong with them
	lintian --fail-on error,warning --allow-root $(DEB)/*.changes

debs:
	@$(call apt_install,$(NEEDS_DEB))
	rm -rf '$(DEB)' && mkdir -p '$(DEB)/source'
	cp -a Makefile README.md bin debian lib lkadm opt share '$(DEB)/source'
	cd '$(DEB)/source' && dpkg-buildpackage -us -uc -b

rpm: rpms  ## rpm packages into build/rpm; rpmlint must find nothing wrong with them
	rpmlint --strict -c rpm/rpmlint.toml $(RPM)/RPMS/noarch/*.rpm

rpms: VERSION = $(shell sed -n "s/^VERSION = ['\"]\(.*\)['\"]/\1/p" lib/lvmkit/__init__.py)
rpms:
	@$(call apt_install,$(NEEDS_RPM))
	rm -rf '$(RPM)' && mkdir -p '$(RPM)/SOURCES'
	tar --exclude=__pycache__ --sort=name --transform 's,^,lvmkit-$(VERSION)/,S' -czf '$(RPM)/SOURCES/lvmkit-$(VERSION).tar.gz' \
	    Makefile README.md CHANGELOG.md LICENSE bin lib lkadm opt rpm share
	rpmbuild -bb --quiet --nodeps --define "_topdir $(abspath $(RPM))" rpm/lvmkit.spec

packages: deps  ## build packages; install, upgrade and remove them in clean roots of Debian 12 and 13 (root)
	@$(call apt_install,$(NEEDS_DEB) $(NEEDS_RPM))
	$(BIN)/pytest -q -n 2 --durations=10 tests/packages

deps: $(VENV)/.stamp  ## install what the targets need
	@$(call apt_install,$(NEEDS))

$(VENV)/.stamp: tests/requirements.txt
	@$(call apt_install,python3-venv)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

pages:  ## write what manual pages and README say of commands and options anew, and bring catalogues up to the sentences; prose stays
	PYTHONPATH=lib $(PYTHON) -m lvmkit.cli.reference .
	$(PYTHON) -m tests.features
	PYTHONPATH=lib $(PYTHON) -m tests.translations

lock:  ## write tests/requirements.txt anew from tests/requirements.in
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/pip install -q --disable-pip-version-check uv==$(UV)
	build/lock/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
	    tests/requirements.in -o tests/requirements.txt
	build/lock/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
	    tests/ansible/requirements.in -o tests/ansible/requirements.txt

stage:
	rm -rf $(STAGE)
	cd lib && find lvmkit -name '*.py' -exec install -D -m 644 {} $(abspath $(STAGE))/$(LIBRARY)/{} \;
	$(PYTHON) -IS share/install/catalogues.py share/locale $(STAGE)/$(LIBRARY)/lvmkit/locale
	cd opt/LifeKeeper && find subsys $(WITHOUT_CORES) -type f -exec install -D -m 755 {} $(abspath $(STAGE))/{} \;
	find lkadm $(WITHOUT_CORES) -type f -exec install -D -m 755 {} $(STAGE)/{} \;
	install -D -m 755 -t $(STAGE)/lib/ocf/resource.d/lvmkit lib/ocf/resource.d/lvmkit/*
	install -D -m 755 -t $(STAGE)/bin bin/lvmkit bin/adddelpv bin/lvmkit-boot-guard bin/lvmkit-peer \
	    bin/lvmkit-watch bin/lcdi
	install -d $(STAGE)/lkadm/bin
	$(if $(HAS_CORE),,for name in $$($(PYTHON) -IS bin/lcdi); do ln -s lcdi $(STAGE)/bin/$$name; done)
	$(if $(HAS_CORE),,ln -s ../../bin/lcdi $(STAGE)/lkadm/bin/getlocks; ln -s ../../bin/lcdi $(STAGE)/lkadm/bin/rlslocks)

# Two kits on one server would change each other's records; the package refuses in the same way (110453).
unpackaged:
	@[ -n "$(DESTDIR)" ] || [ ! -e $(PREFIX)/lib/lvmkit/dist ] || \
	    { echo "The package lvmkit is installed here. Remove it first, or build and install a newer one (make deb)." >&2; exit 1; }

install: unpackaged stage files  ## install the kit below LKROOT, honouring DESTDIR; one that is running goes on meanwhile
	$(PYTHON) -m compileall -q -s $(STAGE) -p $(LKROOT) $(STAGE)/lib/lvmkit
	$(PYTHON) share/install/exchange.py $(STAGE) $(DESTDIR)$(LKROOT)
	[ -e $(DESTDIR)/etc/default/lvmkit ] || install -D -m 644 -t $(DESTDIR)/etc/default share/default/lvmkit
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system/timers.target.wants
	ln -sfn ../lvmkit-check.timer $(DESTDIR)$(PREFIX)/lib/systemd/system/timers.target.wants/lvmkit-check.timer
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system/multi-user.target.wants
	ln -sfn ../lvmkit-boot-guard.service $(DESTDIR)$(PREFIX)/lib/systemd/system/multi-user.target.wants/lvmkit-boot-guard.service

# For a package: the library waits in a place of its own until the package's script exchanges it, as install does here,
# and what the boot starts is for the package manager to enable.
packaged: STAGE = $(DESTDIR)$(LKROOT)
packaged: LIBRARY = dist
packaged: stage files
	install -D -m 644 -t $(STAGE)/dist share/install/exchange.py
	install -D -m 644 -t $(DESTDIR)/etc/default share/default/lvmkit

# What install and packages have in common outside LKROOT.
files:
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/resource-agents/ocft/configs share/ocft/*
	install -d $(DESTDIR)$(PREFIX)/lib/ocf/resource.d/lvmkit
	ln -sfn $(addprefix $(LKROOT)/lib/ocf/resource.d/lvmkit/,$(AGENTS)) $(DESTDIR)$(PREFIX)/lib/ocf/resource.d/lvmkit
	install -d $(DESTDIR)$(PREFIX)/sbin
	ln -sfn $(LKROOT)/bin/lvmkit $(LKROOT)/bin/adddelpv $(DESTDIR)$(PREFIX)/sbin
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system share/systemd/lvmkit-check.service share/systemd/lvmkit-check.timer \
	    share/systemd/lvmkit-watch.service share/systemd/lvmkit-metrics.service share/systemd/lvmkit-metrics.timer
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system share/systemd/lvmkit-boot-guard.service
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system/resource-agents-deps.target.d \
	    share/systemd/resource-agents-deps.target.d/lvmkit.conf
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/systemd/system-generators share/systemd/lvmkit-check-interval
	sed -i 's|/opt/LifeKeeper|$(LKROOT)|' $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-check.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-boot-guard.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-watch.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-metrics.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system-generators/lvmkit-check-interval
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/bash-completion/completions share/bash-completion/*
	install -d $(DESTDIR)$(ZSH) $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	for name in lvmkit adddelpv; do \
	    PYTHONPATH=lib $(PYTHON) -m lvmkit.cli.completion zsh $$name > $(DESTDIR)$(ZSH)/_$$name && \
	    PYTHONPATH=lib $(PYTHON) -m lvmkit.cli.completion fish $$name > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$name.fish \
	        || exit 1; \
	done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 share/man/man5/*.5
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 share/man/man8/*.8
	for name in $$($(PYTHON) -IS bin/lcdi); do \
	    ln -sf lcdi $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name || exit 1; \
	done
	PYTHONPATH=lib $(PYTHON) -m lvmkit.cli.lcdi_manual $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/share/man/man7
	PYTHONPATH=lib $(PYTHON) -m lvmkit.cli.manual > $(DESTDIR)$(PREFIX)/share/man/man7/lvmkit-messages.7
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	PYTHONPATH=lib $(PYTHON) -m lvmkit.cli.journal_catalog > $(DESTDIR)$(PREFIX)/lib/systemd/catalog/lvmkit.catalog
	[ -n "$(DESTDIR)" ] || ! command -v journalctl > /dev/null || journalctl --update-catalog
	cd share && find kits -type f ! -perm /100 -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/share/lvmkit/{} \;
	cd share && find kits -type f -perm /100 -exec install -D -m 755 {} $(abspath $(DESTDIR)$(PREFIX))/share/lvmkit/{} \;
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lvmkit/prometheus share/prometheus/*
	install -D -m 644 -t $(DESTDIR)$(SOS) share/sos/lvmkit.py
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/cockpit/lvmkit share/cockpit/lvmkit/*
	sed -i 's|/usr/sbin/lvmkit|$(PREFIX)/sbin/lvmkit|' $(DESTDIR)$(PREFIX)/share/cockpit/lvmkit/kit.js \
	    $(DESTDIR)$(PREFIX)/share/cockpit/lvmkit/manifest.json
	cd share && find ansible -type f ! -name '*.pyc' -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/share/lvmkit/{} \;
	install -d $(DESTDIR)$(PREFIX)/share/lvmkit/schema
	names=$$($(PYTHON) bin/lvmkit schema) && for name in $$names; do \
	    $(PYTHON) bin/lvmkit schema $$name > $(DESTDIR)$(PREFIX)/share/lvmkit/schema/$$name.json || exit 1; \
	done

uninstall:  ## remove what install put there; protected data, /etc/default/lvmkit, /etc/lkvgs and /var/lib/lvmkit stay
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/resource-agents/ocft/configs/,$(AGENTS))
	rm -rf $(DESTDIR)$(LKROOT)/lib/lvmkit $(DESTDIR)$(LKROOT)/lib/.lvmkit-* $(DESTDIR)$(LKROOT)/lib/ocf $(DESTDIR)$(PREFIX)/lib/ocf/resource.d/lvmkit \
	    $(DESTDIR)$(PREFIX)/share/lvmkit $(DESTDIR)$(PREFIX)/share/cockpit/lvmkit \
	    $(DESTDIR)$(LKROOT)/subsys/scsi/resources/lvmvg \
	    $(DESTDIR)$(LKROOT)/subsys/scsi/resources/lvmlv \
	    $(DESTDIR)$(LKROOT)/lkadm/subsys/scsi/lvmvg $(DESTDIR)$(LKROOT)/lkadm/subsys/scsi/lvmlv
	$(if $(HAS_CORE),,rm -rf $(addprefix $(DESTDIR)$(LKROOT)/,subsys/gen/resources/filesys lkadm/subsys/gen/filesys))
	for name in $$($(PYTHON) -IS bin/lcdi); do rm -f $(DESTDIR)$(PREFIX)/share/man/man8/$$name.8; done
	for folder in $(LKROOT)/bin $(LKROOT)/lkadm $(PREFIX)/share/bash-completion/completions; do \
	    [ ! -d $(DESTDIR)$$folder ] || \
	    find $(DESTDIR)$$folder -type l '(' -lname lcdi -o -lname ../../bin/lcdi ')' -delete; \
	done
	rm -f $(DESTDIR)$(LKROOT)/bin/lcdi $(DESTDIR)$(LKROOT)/bin/lvmkit $(DESTDIR)$(LKROOT)/bin/adddelpv $(DESTDIR)$(LKROOT)/bin/lvmkit-boot-guard \
	    $(DESTDIR)$(LKROOT)/bin/lvmkit-peer $(DESTDIR)$(LKROOT)/bin/lvmkit-watch \
	    $(DESTDIR)$(PREFIX)/lib/systemd/catalog/lvmkit.catalog \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-watch.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-metrics.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-metrics.timer \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-boot-guard.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/multi-user.target.wants/lvmkit-boot-guard.service \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/resource-agents-deps.target.d/lvmkit.conf $(DESTDIR)$(PREFIX)/sbin/lvmkit \
	    $(DESTDIR)$(PREFIX)/sbin/adddelpv $(DESTDIR)$(PREFIX)/lib/systemd/system/lvmkit-check.* \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/timers.target.wants/lvmkit-check.timer \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system-generators/lvmkit-check-interval \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lvmkit $(DESTDIR)$(SOS)/lvmkit.py \
	    $(DESTDIR)$(ZSH)/_lvmkit $(DESTDIR)$(ZSH)/_adddelpv \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/lvmkit.fish \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/adddelpv.fish \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/adddelpv \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lcdi \
	    $(DESTDIR)$(PREFIX)/share/man/man8/lvmkit.8 $(DESTDIR)$(PREFIX)/share/man/man8/adddelpv.8 \
	    $(DESTDIR)$(PREFIX)/share/man/man8/lvmkit-watch.8 $(DESTDIR)$(PREFIX)/share/man/man5/lvmkit.conf.5 \
	    $(DESTDIR)$(PREFIX)/share/man/man7/lvmkit-messages.7

clean:  ## remove what the targets made in this folder
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
