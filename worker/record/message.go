// The messages to syslog.

package record

import (
	"strconv"

	"daemon/plug/worker/address"
)

// The messages have exactly the wording of plugdaemon 2.5, since log parsers
// match them. A tag is "(port)", or "(addr port)" when the plug listens on one
// address only.

// AppendStarted appends "TAG: Plugdaemon started.", a notice.
func AppendStarted(dst []byte, tag string) []byte {
	dst = append(dst, tag...)
	return append(dst, ": Plugdaemon started."...)
}

// AppendConnect appends "TAG: Connect from CLIENT to TARGETADDR", a notice.
// The target is without its port. The caller renders it at the first use and
// keeps it.
func AppendConnect(dst []byte, tag string, client *address.Addr, targetAddr string) []byte {
	dst = appendFrom(dst, tag, client)
	dst = append(dst, " to "...)
	return append(dst, targetAddr...)
}

// AppendRefused appends "TAG: Connect from CLIENT Refused.", a notice.
func AppendRefused(dst []byte, tag string, client *address.Addr) []byte {
	dst = appendFrom(dst, tag, client)
	return append(dst, " Refused."...)
}

// AppendComplete appends "TAG: Complete." for status 0, otherwise
// "TAG: Complete, status=N.", a notice. Status is the outcome's exit code.
func AppendComplete(dst []byte, tag string, status int) []byte {
	dst = append(dst, tag...)
	dst = append(dst, ": Complete"...)
	if status != 0 {
		dst = append(dst, ", status="...)
		dst = strconv.AppendInt(dst, int64(status), 10)
	}
	return append(dst, '.')
}

// AppendError appends "TAG: WHAT: REASON", an error. WHAT is the failed action
// with its object, e.g. "connect 10.0.3.15:119"; REASON is Reason's text or an
// error's.
func AppendError(dst []byte, tag, what, reason string) []byte {
	dst = append(dst, tag...)
	dst = append(dst, ": "...)
	dst = append(dst, what...)
	dst = append(dst, ": "...)
	return append(dst, reason...)
}

func appendFrom(dst []byte, tag string, client *address.Addr) []byte {
	dst = append(dst, tag...)
	dst = append(dst, ": Connect from "...)
	return client.AppendHost(dst)
}
