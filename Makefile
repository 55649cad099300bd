# make test   installs what the tests need and runs them
# make lint   format, vet, staticcheck, known vulnerabilities, workflows
# make build  bin/keysweep and bin/keysweep-sweep
# make release VERSION=v1.2.3 [BASE=ADDRESS]  all that is published of the commit (bin/release)
# make installed  installs, tries and removes all of that (Debian, as root)
# make bench, make fuzz [FUZZTIME=20s]
# make faults [FAULTS=all]  fails every system call in turn; FAULTS=2000 draws some
# make soak   what make test takes a sample of, whole: hours
# make windows    the Windows build under Wine, compared with the Linux build (Debian, as root)
# make page       the HTML report in a browser and by a validator; part of make corpus
# make corpus     keys in files of many formats that real programs write (Debian, as root)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

FUZZTIME ?= 20s
# Of make soak: repositories to make, and how long each fuzz target runs. 5m for each
# takes four and a half hours.
SOAK_REPOSITORIES ?= 3000
SOAK_FUZZTIME ?= 20s
# Without the documentation that the library of the command line writes.
TAGS := urfave_cli_no_docs
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
# Packages of Debian, from the command that each brings.
NEEDED := git:git gcc:gcc bash:bash setpriv:util-linux mkfifo:coreutils \
	zip:zip 7zz:7zip bsdtar:libarchive-tools cpio:cpio xz:xz-utils bzip2:bzip2 zstd:zstd lz4:lz4 compress:ncompress \
	dpkg-deb:dpkg rpmbuild:rpm python3:python3
ifeq ($(shell uname -s),Linux)
NEEDED += strace:strace dulwich:python3-dulwich lighttpd:lighttpd sshd:openssh-server ssh-agent:openssh-client
endif
# The validator of SARIF and the programs that run hooks for people, where there
# are ones to install: versions and hashes are in tools/sarif-multitool and
# tools/runners.
ifeq ($(shell uname -sm),Linux x86_64)
MULTITOOL := bin/sarif-multitool/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
RUNNERS := bin/runners/node_modules/.package-lock.json
RUNNERS_PATH := $(subst $() ,:,$(addprefix $(CURDIR)/bin/runners/node_modules/,@j178/prek-linux-x64-gnu lefthook-linux-x64/bin .bin))
NEEDED += npm:npm pre-commit:pre-commit
# pre-commit brings the Python.
SMALL_CORPUS := bin/corpus -script small.py -exact 99 bin/keysweep
endif

CORPUS_NODE := bin/corpus-node/node_modules/.package-lock.json

.PHONY: windows build release installed test lint bench faults fuzz soak corpus page reftables needed tools clean

build:
	CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -o bin/keysweep .
	CGO_ENABLED=0 go -C sweep build -trimpath -tags $(TAGS) -o ../bin/keysweep-sweep .

# BASE is the address of the folder that the files will be published in.
# docs/releasing.md says what is done with them.
BASE ?=
RELEASE ?= bin/release
# Of keysweep-sweep, whose libraries take minutes to compile for all of them.
SWEEP_PLATFORMS ?= $(PLATFORMS)
release:
	@go -C tools build -o ../bin/release-tool ./release
	bin/release-tool -base '$(BASE)' -platforms '$(PLATFORMS)' -sweep-platforms '$(SWEEP_PLATFORMS)' -o '$(RELEASE)' '$(VERSION)'

installed: $(RUNNERS) bin/windows/prefix
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends skopeo umoci unzip ruby groff-base rpm qemu-user-static
	$(MAKE) release VERSION=v0.0.0-installed BASE=file://$(CURDIR)/bin/installed RELEASE=bin/installed
	tools/release/installed.sh bin/installed

# The tests make repositories with git, and the race detector wants gcc.
needed:
	@missing=; PATH=$$PATH:/usr/sbin; \
	for pair in $(NEEDED); do \
		command -v $${pair%:*} >/dev/null || missing="$$missing $${pair#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			echo "apt-get install$$missing"; \
			apt-get update -q; \
			DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing \
				$$(case "$$missing" in *gcc*) echo libc6-dev;; esac) \
				$$(case "$$missing" in *lighttpd*) echo lighttpd-mod-openssl;; esac); \
		else \
			echo "the tests need:$$missing" >&2; \
			exit 1; \
		fi; \
	fi

# npm ci checks the hash. Scripts of packages do not run; the one of this package
# would do no more than the chmod.
bin/sarif-multitool/%/Sarif.Multitool: tools/sarif-multitool/package.json tools/sarif-multitool/package-lock.json
	mkdir -p bin/sarif-multitool
	cp $^ bin/sarif-multitool
	npm ci --prefix bin/sarif-multitool --ignore-scripts --no-audit --no-fund
	chmod u+x $@
	touch $@

# Scripts of packages do not run: they would install hooks here.
bin/runners/node_modules/.package-lock.json: tools/runners/package.json tools/runners/package-lock.json
	mkdir -p bin/runners
	cp $^ bin/runners
	npm ci --prefix bin/runners --ignore-scripts --no-audit --no-fund
	chmod u+x bin/runners/node_modules/@j178/prek-linux-x64-gnu/prek bin/runners/node_modules/lefthook-linux-x64/bin/lefthook
	touch $@

# Runs make again, since gcc may have come only now.
test: needed
	@$(MAKE) --no-print-directory run-tests

.PHONY: run-tests
run-tests: export KEYSWEEP_SARIF_MULTITOOL = $(MULTITOOL:%=$(CURDIR)/%)
run-tests: export KEYSWEEP_HOOK_RUNNERS = $(RUNNERS_PATH)
run-tests: $(MULTITOOL) $(RUNNERS)
	@go -C tools build -o ../bin/gotest ./gotest
	@# make lint has vetted everything. Tests that run at once mostly wait.
	bin/gotest go test -vet=off -parallel 4 -timeout 14m ./...
	@# As make build has it, so that NATS is compiled once.
	cd sweep && CGO_ENABLED=0 ../bin/gotest go test -trimpath -tags $(TAGS) -vet=off -parallel 4 -timeout 14m ./...
ifdef SMALL_CORPUS
	@# One archive of each program, as users get it.
	@$(MAKE) --no-print-directory release VERSION=v0.0.0-test PLATFORMS=linux/amd64 RELEASE=bin/release-test
	tools/release/installed.sh bin/release-test sums archive sweep
	@# Keys in the files that Python's own library writes: 10 s.
	@$(MAKE) --no-print-directory build
	@go -C tools build -o ../bin/corpus ./corpus
	$(SMALL_CORPUS)
endif
	@# The race detector slows everything down five times and more: here only what
	@# shares memory between goroutines, with shorter tests. A program built with it
	@# sleeps a second when it ends, and the tests of the whole run one hundreds of
	@# times: here less.
	GORACE=atexit_sleep_ms=10 bin/gotest go test -race -short -vet=off -parallel 4 -timeout 14m . ./verify ./scanner ./scanner/container ./scanner/gitdb/history ./scanner/gitdb/lookup ./scanner/gitdb/pack ./scanner/worktree ./screen

tools:
	@go -C tools build -o ../bin/ tool

lint: tools
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	@for platform in $(filter windows/% darwin/%,$(PLATFORMS)); do \
		export GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
		echo "go vet for $$platform"; \
		go vet ./...; \
	done
	go -C tools vet ./...
	CGO_ENABLED=0 go -C sweep vet -trimpath -tags $(TAGS) ./...
	bin/staticcheck ./...
	GOOS=windows bin/staticcheck ./...
	cd tools && ../bin/staticcheck ./gotest ./release
	cd sweep && CGO_ENABLED=0 ../bin/staticcheck -tags $(TAGS) ./...
	.ci/vulnerabilities
	bin/actionlint
	bash -n .ci/run .ci/vulnerabilities tools/release/installed.sh
	sh -n .ci/source-sum
	@# Keys are made when a test runs: none that looks real may stand in the tree.
	@! git grep -nIE --untracked '\b[sr]k_(live|test)_[A-Za-z0-9]{16,}'

bin/windows/prefix: tools/windows/bcryptprimitives.c
	@command -v wine x86_64-w64-mingw32-gcc >/dev/null || { apt-get update -q; \
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends wine wine64 gcc-mingw-w64-x86-64; }
	rm -rf $@
	mkdir -p bin/windows
	WINEPREFIX=$(CURDIR)/$@ WINEDEBUG=-all wine wineboot -i
	@# Debian 12's Wine lacks it, and Go programs do not start without it.
	[ -e $@/drive_c/windows/system32/bcryptprimitives.dll ] || \
		x86_64-w64-mingw32-gcc -shared -o $@/drive_c/windows/system32/bcryptprimitives.dll $< -ladvapi32
	touch $@

# Single rows: make windows ROWS='/files/a_report_.*'
windows: bin/windows/prefix
	CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -o bin/windows/keysweep .
	GOOS=windows CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -o bin/windows/keysweep.exe .
	GOOS=windows CGO_ENABLED=0 go -C tools build -o ../bin/windows ./windows/...
	KEYSWEEP_WINE=$(CURDIR)/bin/windows go test -vet=off -tags wine -count=1 -run '^TestUnderWine$(ROWS)$$|^TestNothingThatContentNames' -v -parallel 4 -timeout 120m .
	cat bin/windows/table.md

bench:
	go test -run '^$$' -bench . -benchmem ./...

# Packages whose targets are fuzzed, and options of go test.
FUZZED ?= ./...
FUZZFLAGS ?=
fuzz:
	@for package in $$(go list $(FUZZED)); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $(FUZZFLAGS) $$package; \
		done; \
	done

# Each call of the program fails in turn; a number instead of all draws as many.
FAULTS ?= all
faults: needed
	KEYSWEEP_FAULTS=$(FAULTS) go test -run '^TestNoFaultIsSilent$$' -count=1 -timeout 0 -v .

# What make test takes a sample of, whole: every fault, every damaged byte, many repositories,
# each decoder fuzzed by one process, so that a second is one of a processor.
soak: needed
	$(MAKE) faults
	KEYSWEEP_SOAK=$(SOAK_REPOSITORIES) go test -count=1 -timeout 0 -run '^TestSoak' -v ./scanner
	cd sweep && CGO_ENABLED=0 go test -trimpath -tags $(TAGS) -count=10 -timeout 0 -run 'Killed' -v .
	cd sweep && KEYSWEEP_SOAK=1000 CGO_ENABLED=0 go test -trimpath -tags $(TAGS) -count=1 -timeout 0 -run '^TestSoak' -v .
	$(MAKE) fuzz FUZZTIME=$(SOAK_FUZZTIME) FUZZFLAGS='-parallel 1'

# Packages of Debian that a security update replaced are there in the new version.
corpus: build $(CORPUS_NODE)
	apt-get update -q
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
	apt-get install -q -y --no-install-recommends $$(cat tools/corpus/debian.txt) || \
		{ echo "not in the pinned versions:" >&2; apt-get install -q -y --no-install-recommends $$(sed 's/=.*//' tools/corpus/debian.txt); }
	go -C tools build -o ../bin/corpus ./corpus
	bin/corpus bin/keysweep
	bin/corpus -places -scripts tools/corpus/documents bin/keysweep
	tools/corpus/scanners/run.sh bin/keysweep bin
	$(MAKE) page
	$(MAKE) installed
	$(MAKE) reftables

# The HTML report in Chromium, and read by a validator of HTML: one minute.
PAGE_NODE := bin/page/node_modules/.package-lock.json
page: build $(PAGE_NODE)
	command -v chromium >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium
	node tools/page/check.mjs bin/keysweep

$(PAGE_NODE): tools/page/package.json tools/page/package-lock.json
	mkdir -p bin/page
	cp $^ bin/page
	npm ci --prefix bin/page --ignore-scripts --no-audit --no-fund
	touch $@

# Refs and reflogs as a git that knows reftables has them.
REFTABLE_REPOSITORIES ?= 60
reftables: build bin/newer-git/git
	KEYSWEEP_NEWER_GIT=$(CURDIR)/bin/newer-git/git KEYSWEEP_NEWER_GIT_REPOSITORIES=$(REFTABLE_REPOSITORIES) \
		go test -vet=off -tags newergit -count=1 -run 'NewerGit' -v -timeout 60m . ./scanner/gitdb

bin/newer-git/git: tools/corpus/newer/git.sh
	rm -rf bin/newer-git
	$< bin/newer-git
	touch $@

$(CORPUS_NODE): tools/corpus/node/package.json tools/corpus/node/package-lock.json
	mkdir -p bin/corpus-node
	cp $^ bin/corpus-node
	npm ci --prefix bin/corpus-node --ignore-scripts --no-audit --no-fund
	touch $@

clean:
	rm -rf bin
