// Package worker is the process that carries sessions.
//
//	accept → admit → choose → connect → negotiate → relay → settle
//
// A worker is a re-exec of the master's own image. It finds all it needs in the
// descriptors that it inherits (see attach.go) and on the board, accepts by
// itself on the shared listener, writes its own session lines and syslog
// records, and rings doorbells for its master. It carries as many sessions at a
// time as its generation's capacity says, and exits after as many as its uses
// say: that makes the three modes. A worker of a pool differs in more: how it waits
// for clients, when it rings, its title, its scheduling class and its garbage
// collector.
//
// A session whose one side fails delivers that side's last bytes to the other side
// before it ends (on Linux: delivering.go).
//
// Two engines drive sessions: on Linux an event loop on one thread (engine.go
// and the files behind it), elsewhere and with the build tag "portable" a
// goroutine for each session in Go's network poller (portable.go).
package worker
