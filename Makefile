# plugdaemon: built and tested with Go and make alone; GNU make or a BSD's.
#
#   make            bin/plug and bin/plugctl
#   make demo       the daemon at work, every claim checked, under 30 s
#   make test       vet on four systems, gofmt, all tests; ends with the count
#   make check      its quick part, before each commit: vet on this system, gofmt, rings 1 and 2 without -race,
#                   and a few tests of the real binaries
#   make soak       the same tests with their whole counts: hours
#   make bench      plug beside its peers (Linux, root), over half an hour;
#                   BENCH="-rounds 9 -only plug,haproxy -workloads all -o FILE -svg FILE"
#   make install    what make has built, without Go; make uninstall takes it away
#                   DESTDIR, PREFIX=/usr/local, COMPLETIONS="bash zsh fish"
#   make help       these lines

GO      = go
PREFIX  = /usr/local
SBINDIR = $(PREFIX)/sbin
MANDIR  = $(PREFIX)/share/man
DOCDIR  = $(PREFIX)/share/doc/plugdaemon

# The shells for which plugctl's completion is installed: bin/plugctl prints it,
# so that of another system can't. COMPLETIONS= leaves it out.
COMPLETIONS = bash zsh fish

# -dev until it is released; of a changed tree the version says -dirty.
RELEASE  = 3.0.0-dev
REVISION != git rev-parse --short HEAD 2>/dev/null || true
DIRTY    != git diff --quiet HEAD 2>/dev/null || [ $$? -ne 1 ] || echo -dirty
VERSION  = $(RELEASE)$(REVISION:%=+%)$(DIRTY)

# A worker starts once a connection in fork mode: static, or a start costs
# half as much again.
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)"

# Rings 1 and 2 stand beside the code; ring 3, under test, starts the real
# binaries and measures them, so nothing else may run at the same time, not even
# another package of it (-p 1). What else is under test are tools.
TOOLS  = -e '/test/bench' -e '/test/demo$$' -e '/test/tally$$'
RING12 = $$($(GO) list ./worker ./supervisor ./pidfile ./... | grep -v '/test') $$($(GO) list ./test/... | grep $(TOOLS))
RING3  = $$($(GO) list ./test/... | grep -v $(TOOLS))
GOTEST = $(GO) test -json

# Tests of ring 3 that mostly wait run beside each other, so many at a time.
WAITING = 6

# Those of rings 1 and 2 wait, too: so many packages at a time, the longest first.
WAITING12 = 4

# -race needs cgo, and cgo a C compiler. With one, rings 1 and 2 are run with it, but
# for the tests' own tools and for board, a test of which reads what another process
# may be writing. Of ring 3 it takes the tests of this name in ./test, with a daemon
# that is built with -race too. Without one nothing is, and that is said.
RACED   = $$($(GO) list ./worker ./supervisor ./pidfile ./... | grep -v '/test')
UNRACED = $$($(GO) list ./... | grep $(TOOLS) -e '/board$$')
RACE    = Race
HAVE_CC = command -v "$$($(GO) env CC)" >/dev/null 2>&1

# What of ring 3 is in make check: each part of the program once.
SMOKE = ^Test(KillOneWorker|PortFreedInTime|ForegroundSaysThatItServes|UpgradeRunsTheNewBinary|ControlKillByID|PidfileComesBackAfterUpgrade|PromiseMasterKilled)$$

all: bin/plug bin/plugctl

# Always handed to go build, which knows better than make what has changed.
bin/plug: FORCE
	$(BUILD) -o $@ ./cmd/plug

bin/plugctl: FORCE
	$(BUILD) -o $@ ./cmd/plugctl

demo: bin/plug
	$(BUILD) -o bin/demo ./test/demo
	@bin/demo -plug bin/plug

test: vet fmt-check bin/tally bin/plug-test
	@if $(HAVE_CC); then \
		CGO_ENABLED=1 $(GO) build -race -o bin/plug-race ./cmd/plug || exit 1; \
		set -- env CGO_ENABLED=1 $(GOTEST) -race -timeout 15m -p $(WAITING12) $(RACED) -- $(GOTEST) -timeout 5m $(UNRACED); \
		if [ -n "$(RING3)" ]; then \
			set -- "$$@" -- env CGO_ENABLED=1 PLUG_RACE=1 PLUG_BIN="$$PWD/bin/plug-race" \
				$(GOTEST) -race -timeout 15m -count=1 -p 1 -run '$(RACE)' ./test; \
		fi; \
	else \
		echo "no C compiler: the tests are not run with -race"; \
		set -- $(GOTEST) -timeout 5m -p $(WAITING12) $(RING12); \
	fi; \
	if [ -n "$(RING3)" ]; then \
		set -- "$$@" -- env PLUG_BUILT="$$PWD/bin/plug-test" $(GOTEST) -timeout 40m -count=1 -p 1 -parallel $(WAITING) $(RING3); \
	fi; \
	bin/tally "$$@"

check: fmt-check bin/tally bin/plug-test
	CGO_ENABLED=0 $(GO) vet -trimpath ./...
	@set -- $(GOTEST) -timeout 5m -p $(WAITING12) $(RING12); \
	if [ -n "$(RING3)" ]; then \
		set -- "$$@" -- env PLUG_BUILT="$$PWD/bin/plug-test" $(GOTEST) -timeout 5m -count=1 -p 1 -run '$(SMOKE)' $(RING3); \
	fi; \
	bin/tally "$$@"

soak: vet fmt-check bin/tally bin/plug-test
	PLUG_SOAK=1 PLUG_BUILT="$$PWD/bin/plug-test" bin/tally $(GOTEST) -timeout 6h -count=1 -p 1 -parallel $(WAITING) ./...

bench: bin/plug
	$(BUILD) -o bin/bench ./test/bench
	@bin/bench -plug bin/plug $(BENCH)

# What ring 3 tests, built once for all its packages.
bin/plug-test: FORCE
	@CGO_ENABLED=0 $(GO) build -trimpath -o $@ ./cmd/plug

bin/tally: FORCE
	@$(BUILD) -o $@ ./test/tally

# With -trimpath it compiles the same as the builds, once for both.
vet:
	for os in linux freebsd openbsd darwin; do \
		echo "vet $$os"; GOOS=$$os CGO_ENABLED=0 $(GO) vet -trimpath ./... || exit 1; \
	done
	CGO_ENABLED=0 $(GO) vet -trimpath -tags portable ./...

fmt-check:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "not gofmt-clean:"; echo "$$out"; exit 1; }

# What is in bin is installed as it is: under sudo there may be no Go.
install:
	@for program in plug plugctl; do \
		[ -x bin/$$program ] || { echo "bin/$$program is not built; run make first" >&2; exit 1; }; \
		newer=$$(find cmd supervisor worker pidfile go.mod -name '*.go' -newer bin/$$program | head -n 1); \
		[ -z "$$newer" ] || echo "note: bin/$$program is older than $$newer; make builds it" >&2; \
	done
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(DOCDIR)
	install -m 755 bin/plug $(DESTDIR)$(SBINDIR)/plug
	install -m 755 bin/plugctl $(DESTDIR)$(SBINDIR)/plugctl
	for page in cmd/plug/*.8 cmd/plugctl/*.8; do \
		[ ! -f "$$page" ] || install -m 644 "$$page" $(DESTDIR)$(MANDIR)/man8/ || exit 1; \
	done
	install -m 644 cmd/plug/plug.hcl.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 LICENSE cmd/plugctl/NOTICES $(DESTDIR)$(DOCDIR)/
	for shell in $(COMPLETIONS); do \
		case $$shell in \
		bash) file=bash-completion/completions/plugctl;; \
		zsh) file=zsh/site-functions/_plugctl;; \
		fish) file=fish/vendor_completions.d/plugctl.fish;; \
		esac; \
		install -d "$(DESTDIR)$(PREFIX)/share/$${file%/*}" || exit 1; \
		bin/plugctl completion $$shell > "$(DESTDIR)$(PREFIX)/share/$$file" || exit 1; \
	done

uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/plug $(DESTDIR)$(SBINDIR)/plugctl
	rm -f $(DESTDIR)$(MANDIR)/man8/plug.8 $(DESTDIR)$(MANDIR)/man8/plugctl.8 $(DESTDIR)$(MANDIR)/man5/plug.hcl.5
	rm -f $(DESTDIR)$(DOCDIR)/LICENSE $(DESTDIR)$(DOCDIR)/NOTICES
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/plugctl
	rm -f $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_plugctl
	rm -f $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/plugctl.fish
	[ ! -d $(DESTDIR)$(DOCDIR) ] || rmdir $(DESTDIR)$(DOCDIR)

help:
	@sed -n 's/^#   //p' Makefile

clean:
	rm -rf bin

FORCE:

.PHONY: all demo test check soak bench vet fmt-check install uninstall help clean FORCE
