//go:build linux && !portable && !amd64 && !386

package worker

const eventPad = 4 // the 64-bit data is aligned
