// Package worker is the process that carries sessions.
//
//	accept → admit → choose → connect → negotiate → relay → settle
//
// A worker is a re-exec of the master's own image. It finds all it needs in the
// descriptors that it inherits (see attach.go) and on the board. It accepts clients
// itself on the shared listener, writes its own session lines and syslog records, and
// rings doorbells for its master. Its generation's capacity says how many sessions it
// carries at a time, and its uses say after how many sessions it exits: these two make
// the three modes. A pool's worker also differs in how it waits for clients, when it
// rings, its title, its scheduling class and its garbage collection.
//
// Two engines drive sessions: on Linux an event loop on one thread (engine.go);
// elsewhere, and with the build tag "portable", a goroutine for each session in Go's
// network poller (portable.go). What both decide is written once, without a build tag;
// an engine only waits and relays bytes:
//
//	decided in                      waits in, on Linux          elsewhere
//	places.go, deaf.go              accept.go                   portable_accept.go
//	connecting.go, fault.go         connect.go, negotiation.go  portable_connect.go, portable_negotiate.go
//	orders.go                       lifeline.go                 portable_orders.go, portable_kill.go
//	show.go, bell.go                duties.go                   portable_show.go
//	timers.go                       deadlines.go                portable_connect.go, portable_watch.go,
//	                                                            portable_timers.go
//	cause.go, settle.go             ending.go                   portable_session.go
//	                                relay.go, gather.go,        portable_relay.go, portable_meter.go
//	                                splice.go
//	                                delivering.go, visits.go,   portable_deliver.go
//	                                farewell.go
//
// When one side of a session fails, the session delivers that side's last bytes to the
// other side before it ends. When a timer ends a session, it delivers what it holds. System
// calls are in package kernel.
package worker
