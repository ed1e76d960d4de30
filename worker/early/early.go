// Package early starts a worker before the rest of the program is initialised.
//
// The plug binary links what only its master needs, and the initialisation of
// that (encoding/gob for tableflip, hclog and its colour support, regexp,
// pflag, net) cost every worker, so in fork mode every connection, as much as
// a quarter of its start. Go initialises packages in the order of their import
// paths, as soon as all that they import is (The Go Programming Language
// Specification, "Program initialization"). So all that a worker imports must
// either be needed by encoding/gob too, or come before "encoding/gob": that is
// why the module's path starts with a d, and why workers use package syscall
// and texts of their own for addresses instead of golang.org/x/sys/unix and
// net/netip. A test in cmd/plug looks at what a worker initialises.
package early
