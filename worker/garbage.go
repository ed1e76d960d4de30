//go:build linux && !portable

// Whether this engine's sessions leave garbage: see Env in attach.go.

package worker

// garbage tells Env whether sessions leave garbage; those of the event loop don't.
const garbage = false
