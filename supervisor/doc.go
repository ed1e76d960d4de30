// Package supervisor is the master: it binds, spawns workers, keeps the roster
// of them, buries dead workers, and never touches a client.
//
//	process   | started by        | talks to           | by
//	----------+-------------------+--------------------+------------------------------------
//	shepherd  | the admin, -n     | master             | signals, starter socket
//	master    | shepherd or shell | every worker       | board (assignment), lifeline, fork
//	worker    | master            | master             | board (state), report pipe
//	worker    |                   | clients, targets   | the shared listener; its own sockets
//	plugctl   | an admin          | master             | control socket
//
// One goroutine, in loop.go, owns all state. Everything else reaches it over a
// channel: what the watcher has seen (doorbells and deaths), workers from the
// spawner, signals, control clients' requests, the pidfile's writer, ticks.
//
// # Words
//
//   - A plug is a set of listeners, rules, targets and workers.
//   - The master, the workers and the shepherd are the kinds of process. A spare
//     is a worker without a session.
//   - A client connects to a plug, and the plug to a target. A session is one
//     such pair of connections; its outcome is how it ended.
//   - The board is the memory that a master shares with its workers: the
//     assignment, which workers only read, and the state. A row is a session's
//     place on it. The gate is the word on it that allows workers to accept.
//   - The report pipe carries doorbells, short records that tell the master where
//     to look. A lifeline is the socket pair between the master and one worker; it
//     carries orders, and its end of file says that the other side is gone.
//   - The roster is the master's table of workers. A generation is the workers of
//     one binary version or configuration, with their board and report pipe.
//   - To nudge a spare is to have it check the listener, because a wake-up may
//     have been lost. To drain is to finish the current sessions and accept no
//     new ones. To bury a worker is to settle what it has left on the board.
//   - A handover passes the service from the old master to the new one; the new
//     one adopts the workers that the old one has started.
//
// # The path of a client
//
//	client ──► kernel: the queue of one shared listening socket
//	              │              │              │
//	 worker:   accept → admit → choose → connect → negotiate → relay → settle ──► target
//	                     -a    rotation   next one    CONNECT            │
//	                           -o -f -r   if it fails   -h               └─► session line (-S), syslog (-l)
//	              │ doorbells: ready, begin, end         ▲ board: targets and their states, rules,
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
// "→" lists what a package may import of this project, besides worker/version;
// "its parts" are the packages below it. arrows_test.go compares this list with
// the import statements.
//
//	cmd/plug        command line, manual page, choice of process        → supervisor/…, worker/…
//	cmd/plugctl     the admin's client: commands, manual page           → its parts, supervisor/control
//	  reach         finds a master and sends it requests                → supervisor/control, pidfile
//	  show          text and JSON of the replies                        → supervisor/control
//	  pick          selects sessions                                    → supervisor/control
//	  top           the live screen                                     → cmd/plugctl/pick, cmd/plugctl/reach, cmd/plugctl/show, supervisor/control
//	  metrics       the exporter for Prometheus, the status page        → cmd/plugctl/show, supervisor/control
//	  service       units and scripts, quoting, checks, installation    → supervisor/control
//	supervisor      the master: loop, roster, spawning, burial, upgrade → its parts, worker/…, pidfile
//	  policy        how many workers: pure                              → nothing
//	  counters      what a plug has counted, and its words              → worker/board
//	  config        the options, the file, checked values               → nothing
//	  control       the control socket: messages, server, client        → nothing
//	  host          the facts of this host: sockets, limits, processes  → supervisor/config, worker/address, worker/record
//	  handover      the upgrade's wire and records, the launcher        → supervisor/host, supervisor/counters
//	  sink          writers that never block: stderr, syslog, logger   → supervisor/host, worker/record
//	  watch         deaths, doorbells and ticks as events               → supervisor/host, worker/report
//	  shepherd      the process that an admin starts: -n, daemon start  → supervisor/host
//	  scribe        a process that writes to files that may block       → supervisor/host, worker/record
//	worker          the engine: accept, connect, relay, settle          → its parts
//	  early         starts a worker before the rest of the program is initialised (why the module path starts with a d) → worker
//	  board         the shared memory: targets, rules, marks, rows      → worker/address
//	  board/memory  makes and maps a board's memory                     → worker/board
//	  address       an address on the board, as text                    → nothing
//	  address/convert  netip's addresses and those of the board         → worker/address
//	  kernel        system calls, epoll, io_uring, scheduler classes    → worker/address/…
//	  report        doorbells and orders on the wire                    → nothing
//	  record        session line, syslog, log lines                     → worker/address, worker/board
//	  negotiate     CONNECT                                             → nothing
//	  title         what ps shows                                       → worker/address
//	  version       the program's version and those of its protocols    → nothing
//	  await         how tests wait for a condition                      → nothing
//	pidfile         the locked list of PIDs                             → nothing
//	test            tests of the real binary (they run it)              → test/harness
//	  harness       starts plugs, clients and targets for tests         → nothing
//	  upgrade       tests of upgrades                                   → test/harness
//	  chaos         tests with killed and stopped processes             → test/harness
//	  resource      tests of limits that are reached                    → test/harness
//	  control       tests of the control socket and plugctl             → test/harness
//	  service       tests under service managers                        → test/harness
//	  lastbytes     tests of the last bytes of a session                → test/harness
//	  demo          make demo                                           → nothing
//	  bench         make bench                                          → its parts
//	  tally         runs the tests and counts                           → nothing
//
// # Where to change what
//
//   - An option is a field and a row in supervisor/config/table.go, which makes it a
//     directive of a file too; finish.go there checks how it fits the others. What a worker needs of it is a field in
//     worker/board/layout.go, which generation.go sets.
//   - The number of processes is decided in supply.go, which asks package policy.
//   - A worker's life is the table in roster.go; a session's states are in
//     worker/session.go, and its end is in worker/ending.go and delivering.go.
//     worker/doc.go says which file decides what for both engines. A timer is a row
//     in worker/timers.go, and a case in session.go for what its end means. An option
//     that only the event loop has is named in worker/portable_lacks.go.
//   - What belongs to one plug is a field of plug (plug.go); what belongs to the
//     process, of master (master.go). A generation points to its plug, and so a
//     doorbell or a worker's death reaches the right one.
//   - In an upgrade, the old master's side is in upgrade.go and upgrade_state.go,
//     and the new master's in takeover.go and received.go; package handover
//     starts the new master and defines what passes between them. The switch from
//     one generation to the next is in switch.go.
//   - Tests are beside the code; those with real processes are in test.
package supervisor
