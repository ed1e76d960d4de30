//go:build !amd64

// The layout of struct epoll_event on this processor.

package kernel

const eventPad = 4 // the 64-bit data is aligned
