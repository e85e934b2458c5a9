# Everything a developer does with this tree. Each target installs by itself what the machine lacks.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test simulate matrix soak bench footprint publish portable deb rpm dist test-packages lab test-xen \
        lab-shell clean

PROGRAMS := guest-agent host-bridge
SIMULATION := tests/simulation/bin/Release/net10.0/simulation
RUNTIME := linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)

help: ## What can be made here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: publish ## Four guests on this machine, two of them broken by real I/O errors, and what becomes of them; HOLD=1 for a shell to try the commands in (needs root or sudo)
	@tests/prepare.sh testbed
	@dotnet build tests/testbed --configuration Release --verbosity quiet
	@tests/contained.sh tests/testbed/bin/Release/net10.0/testbed demo --published out/publish $(if $(HOLD),--hold)

test: ## Publish, build, run every test; the last line is the sum
	@tests/run.sh

simulate: ## Recoveries in virtual time under every fault: SEEDS=1000000, or FROM=1 TO=500000; SEED=7 replays one with its timeline
	@dotnet build tests/simulation --configuration Release --verbosity quiet
	@$(SIMULATION) $(if $(SEED),replay $(SEED) $(if $(WITHOUT),without $(WITHOUT)),$(if \
	    $(TO),seeds $(or $(FROM),1) $(TO),run --seeds $(or $(SEEDS),10000)))

matrix: publish ## What the agent says of each fault on this kernel, measured: out/detection-matrix.md (WRITE=1 puts it into guest-agent/DETECTION.md; needs root or sudo)
	@tests/prepare.sh testbed
	@dotnet build tests/integration --verbosity quiet
	@rm -f out/detection-matrix.md
	@tests/contained.sh tests/integration/bin/Debug/net10.0/integration --no-progress --filter-class '*DetectionMatrixTests'
	@cat out/detection-matrix.md
	@[ -z "$(WRITE)" ] || sed -i -e '/^<!-- matrix -->$$/,/^<!-- end of matrix -->$$/{//!d}' \
	    -e '/^<!-- matrix -->$$/r out/detection-matrix.md' guest-agent/DETECTION.md

soak: publish ## Ten minutes of hard work on filesystems that are well: the agent must be silent (MINUTES=1 for less)
	@tests/prepare.sh testbed
	@dotnet build tests/testbed --configuration Release --verbosity quiet
	@tests/contained.sh tests/testbed/bin/Release/net10.0/testbed soak --minutes $(or $(MINUTES),10)

bench: ## Benchmarks, each beside a peer: PART="status storage" for some of them; BESIDE=COMMIT for ratios to that commit, ROUNDS=3 of each in turns (needs root or sudo)
	@BESIDE="$(BESIDE)" ROUNDS="$(ROUNDS)" tests/bench.sh $(PART)

footprint: ## What watching costs and what it notices, beside node_exporter and monit; BESIDE=COMMIT as above (needs root or sudo; five minutes)
	@BESIDE="$(BESIDE)" ROUNDS="$(ROUNDS)" tests/bench.sh footprint

lab: deb ## Build the Xen lab: a hypervisor, a Dom0 and guests in QEMU (needs root or sudo, and Debian's mirror)
	@tests/prepare.sh lab
	@tests/xen-lab/lab.sh build $(SCENARIO)

test-xen: lab ## Real Xen, real iSCSI failovers: every scenario, or SCENARIO=B; the last line is the sum
	@tests/xen-lab/lab.sh test $(SCENARIO)

# What builds reads nothing of what is meant for Dom0.
lab-shell: ## Look around by hand in the lab's Dom0, with a guest of KERNEL=6.1; or commands on standard input
	@$(MAKE) --no-print-directory lab SCENARIO=shell </dev/null
	@tests/xen-lab/lab.sh shell $(KERNEL)

publish: ## The two native programs, in out/publish/
	@tests/prepare.sh publish
	@for program in $(PROGRAMS); do \
	    echo "publishing $$program for $(RUNTIME)"; \
	    rm -rf "out/publish/$$program"; \
	    dotnet publish "$$program" --configuration Release --runtime $(RUNTIME) --output "out/publish/$$program" \
	        --verbosity quiet -p:CopyOutputSymbolsToPublishDirectory=false; \
	    rm -f "out/publish/$$program"/*.{dbg,pdb,xml}; \
	done

portable: ## The programs for every Linux since 2013 (C library 2.17), in out/portable/; what the packages hold
	@tests/prepare.sh packages
	@packaging/build.sh portable

deb: portable ## Debian's packages, in out/packages/
	@packaging/build.sh deb

rpm: portable ## The RPMs, in out/packages/
	@packaging/build.sh rpm

dist: ## Source archive, RPMs, source RPM and Debian packages of what is committed, with checksums, in out/packages/
	@tests/prepare.sh packages
	@packaging/build.sh dist

test-packages: deb rpm ## Install, configure, upgrade and remove the packages in trees, images and under a systemd (needs root or sudo)
	@tests/prepare.sh test-packages
	@tests/contained.sh tests/packages/run.sh

clean: ## Remove everything that was built
	@rm -rf out
	@find . -type d \( -name bin -o -name obj -o -name TestResults \) -not -path './.git/*' -prune -exec rm -rf {} +
