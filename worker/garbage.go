//go:build linux && !portable

package worker

// garbage tells Env whether sessions leave some; the event loop's don't.
const garbage = false
