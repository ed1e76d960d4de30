// Package test tests the plug binary from outside, as an admin and a client
// see it: through sockets, /proc, the pidfile, the session file and syslog.
//
// It imports nothing of the project. TestMain builds the binary once; every
// plug that a test starts runs from its own hard link, so that its processes,
// orphans included, are exactly those whose /proc/PID/exe names that link.
//
//	PLUG_BIN=FILE    test this binary instead of building one
//	PLUG_RACE=1      PLUG_BIN was built with -race: run TestRace
//	PLUG_SOAK=1      whole counts; without it a tenth of them (make test)
//	PLUG_SEED=N      repeat a run's random choices
//	CI=true          a missing peer program fails instead of skipping
package test
