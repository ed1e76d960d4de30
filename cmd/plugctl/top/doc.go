// Package top is the live screen of a plug: its sessions and targets, sorted
// and filtered, with keys that end a session or change a target's state.
//
// Model is the screen's state and knows nothing of time, terminals or sockets:
// keys, answers and sizes go in, requests and lines come out. Run connects it
// to a terminal and a master. One goroutine owns the Model; one asks the
// master, so that a silent master does not delay keys; one reads keys.
package top
