// Package harness starts plugs for tests, and clients and targets around them.
//
//	p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
//	harness.MustPing(t, harness.Dial(t, p.Addr()))
//
// It imports nothing of the project. Main, which each test package calls from
// its TestMain, builds the binary once; every plug that a test starts runs from
// its own hard link, so that its processes, orphans included, are exactly those
// whose /proc/PID/exe names that link. When a test ends, its plugs are stopped
// and must have left no process.
//
//	PLUG_BIN=FILE    test this binary instead of building one
//	PLUG_BUILT=FILE  what Main would build: make test builds it once for all packages
//	PLUG_RACE=1      PLUG_BIN was built with -race: run TestRace
//	PLUG_SOAK=1      whole counts; without it a tenth of them (make test)
//	PLUG_SEED=N      repeat a run's random choices
//	CI=true          a missing peer program fails instead of skipping
package harness
