// Package supervisor is the master: it binds, spawns workers, keeps the roster
// of them, buries the dead, and never touches a client.
//
//	process   | started by        | talks to           | by
//	----------+-------------------+--------------------+------------------------------------
//	shepherd  | the admin, -n     | master             | signals, starter socket
//	master    | shepherd or shell | every worker       | board (assignment), lifeline, fork
//	worker    | master            | master             | board (state), report pipe
//	worker    |                   | clients, targets   | the shared listener; its own sockets
//	plugctl   | an admin          | master             | control socket
//
// One goroutine, in loop.go, owns all state. Everything else is a channel to
// it: what the watcher has seen (doorbells and deaths), births from the
// spawner, signals, what control clients ask, the pidfile's writer, ticks.
//
// # The way of a client
//
//	client ──► kernel: the queue of one shared listening socket
//	              │              │              │
//	 worker:   accept → admit → choose → connect → negotiate → relay → settle ──► target
//	                     -a    rotation   next one    CONNECT            │
//	                           -o -f -r   if it fails   -h               └─► session line (-S), syslog (-l)
//	              │ doorbells: ready, begin, end         ▲ board: targets, rules, failed marks,
//	              ▼ (report pipe)                        │        one row per session (shared memory)
//	 master:   roster ──► spawn and bury workers ──► pidfile, lines of killed workers
//	              ▲
//	 shepherd: with -n, the process that was started: relays signals, waits for the master
//
// The master binds, starts workers and keeps the pidfile; it never touches a
// client. Each worker accepts clients while it has room, writes its own records,
// and sends the master a short "look here" message; the data itself is on the
// board, in shared memory. So killing a worker leaks nothing: the master finds
// its sessions on the board and writes their lines.
//
// # Packages
//
// "→" lists what a package may import of this project.
//
//	cmd/plug        command line, manual page, choice of process        → supervisor, worker
//	cmd/plugctl     the admin's client: commands, manual page           → its parts, supervisor/control
//	  reach         finds a master and sends it requests
//	  show          text and JSON of the replies
//	  pick          selects sessions
//	  top           the live screen
//	  metrics       the exporter for Prometheus, the status page
//	  service       units and scripts, their quoting, checks before an installation
//	supervisor      the master: loop, roster, spawning, burial, upgrade → its parts, worker/…, pidfile
//	  config        the configuration of one plug, parsed and checked
//	  control       the control socket: messages, server, client
//	  shepherd      the process that an admin starts: -n, daemon start
//	  scribe        a process that writes to files that may block
//	worker          the engine: accept, connect, relay, settle          → its parts
//	  early         starts a worker before the rest of the program is initialised (why the module path starts with a d)
//	  board         the shared memory: targets, rules, marks, rows
//	  address       an address on the board, as text
//	  report        doorbells and orders on the wire
//	  record        session line, syslog, log lines
//	  negotiate     CONNECT
//	  title         what ps shows
//	  await         how tests wait for a condition
//	pidfile         the locked list of PIDs                             → nothing
//	test            tests of the real binary; demo, bench               → nothing (they run the binary)
//
// # Where to change what
//
//   - An option begins in cmd/plug/options.go and is checked in supervisor/config;
//     generation.go puts what a worker needs of it on the board.
//   - The number of processes is decided in policy.go, probe.go and nudge.go.
//   - A worker's life is the table in roster.go; a session's states are in
//     worker/session.go, and its end is in worker/ending.go and delivering.go.
//   - In an upgrade, the old master's side is in upgrade.go and upgrade_state.go,
//     and the new master's in launcher.go, which starts it, and takeover.go;
//     wire.go and received.go define what passes between them.
//   - Tests are beside the code; those with real processes are in test.
package supervisor
