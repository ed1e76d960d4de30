//go:build mips || mipsle || mips64 || mips64le

package worker

// As in action_linux.go.
const (
	handlerWord = 1
	signalSet   = 16
)
