// Package control is the protocol of a plug's control socket: the requests of
// an admin's program to a running master, and the master's replies. It owns
// the messages, their limits, and both ends of the connection: Client for the
// program, Server for the master. It does not know the master's internals: its
// caller implements the verbs.
//
// A conversation is a connection to a stream socket (unix(7)), with one JSON
// object per line in each direction (RFC 8259, newline-delimited). A client
// sends one Request and reads Replies until one is Done; then it may send the
// next. Unknown fields are ignored on both sides, so that the messages can
// only grow; Version changes when that is not enough. A Reply with Again comes
// from a plug between two masters: nothing was done, and a client that
// connects again reaches the next one.
package control

import "daemon/plug/worker/version"

// Version is the version of the protocol; a Request with another one is
// refused.
const Version = version.Control

// Limits of the protocol. A client that exceeds one gets an error and is
// disconnected.
const (
	MaxRequest = 1 << 20  // bytes of a request's line: more IDs of sessions than a kill will ever name
	MaxReply   = 64 << 10 // bytes of a reply's line; longer answers consist of several
	MaxClients = 128      // connections at once
	Batch      = 64       // sessions, targets or workers per reply

	MetricsBatch = 32 // targets per reply to GetMetrics
)
