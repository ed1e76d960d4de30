//go:build !(mips || mipsle || mips64 || mips64le)

package worker

// Where struct sigaction has its handler, in words, and how large a set of
// signals is, in bytes (rt_sigaction(2)).
const (
	handlerWord = 0
	signalSet   = 8
)
