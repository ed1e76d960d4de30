//go:build amd64

// The layout of struct epoll_event on this processor.

package kernel

const eventPad = 0 // the 64-bit data follows at offset 4: the struct is packed
