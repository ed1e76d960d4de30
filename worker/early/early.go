// Package early starts a worker before the rest of the program is initialised.
//
// The plug binary links packages that only its master needs. Their
// initialisation (encoding/gob for tableflip, hclog and its colour support,
// regexp, pflag, net) took up to a quarter of each worker's start, and so in
// fork mode of each connection. Go initialises packages in the order of their
// import paths, each as soon as all of its imports are initialised (The Go
// Programming Language Specification, "Program initialization"). So every
// package that a worker imports must either be needed by encoding/gob, too, or
// come before "encoding/gob": that is why the module's path starts with a d,
// and why workers use package syscall and their own address texts instead of
// golang.org/x/sys/unix and net/netip. A test in cmd/plug checks what a worker
// initialises.
package early
