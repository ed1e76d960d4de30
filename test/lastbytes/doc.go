// Package lastbytes plays random scenarios directly and through a plug, and compares what
// each side gets, down to the last byte.
package lastbytes
