// Package top is the live screen of a plug: its sessions and targets, sorted and
// picked as asked, with keys that end a session or steer a target.
//
// Model is the screen's state and knows nothing of time, terminals or sockets:
// keys, answers and sizes go in, requests and lines come out. Run puts it
// between a terminal and a master. One goroutine owns the Model; one asks the
// master, so that no silence of it holds a key up; one reads keys.
package top
