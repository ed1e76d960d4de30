// Package control is the language of a plug's control socket: what an admin's
// program asks of a running master, and what that answers. It owns the messages,
// their bounds, and both ends of the wire: Client for who asks, Server for the
// master. It knows nothing of a master's inside: the verbs are its caller's.
//
// A conversation is a connection to a stream socket (unix(7)): one JSON object
// a line each way (RFC 8259, newline-delimited). A client sends one Request and
// reads Replies until one is Done; then it may send the next. Unknown fields are
// ignored on both sides, so that the messages can only grow; Version changes
// when that is not enough. A Reply with Again comes from a plug between two
// masters: nothing was done, and whoever connects anew reaches the next one.
package control

import "daemon/plug/worker/version"

// Version is the protocol's: a Request of another one is refused with it.
const Version = version.Control

// Bounds of the wire. Whoever exceeds one is told so and disconnected.
const (
	MaxRequest = 1 << 20  // bytes of a request's line: the ids of more sessions than a kill will name
	MaxReply   = 64 << 10 // bytes of a reply's line; longer answers take several
	MaxClients = 128      // connections at once
	Batch      = 64       // sessions, targets or workers in a reply

	MetricsBatch = 32 // targets in a reply to GetMetrics
)
