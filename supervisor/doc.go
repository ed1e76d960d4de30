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
// nursery, signals, what control clients ask, the pidfile's writer, ticks.
package supervisor
