// Datagrams for syslog, local or over UDP.

package record

import (
	"strconv"
	"unicode/utf8"
)

// Severity is a syslog severity; its numbers are those of syslog(3).
type Severity uint8

// The severities that plug uses.
const (
	Err     Severity = 3
	Warning Severity = 4
	Notice  Severity = 5
)

// Limits of a whole datagram, its header included.
const (
	MaxSyslogUDP   = 1024 // bytes, RFC 3164 section 4.1
	MaxSyslogLocal = 2048 // bytes that today's daemons accept without truncation
)

const (
	facilityDaemon = 3
	maxHost        = 255 // bytes of a DNS name
)

// AppendSyslog appends one datagram for syslog, without a newline. With an
// empty host it is what the C library's syslog(3) writes to the local socket:
//
//	<29>Nov 22 17:30:00 plug[4711]: TEXT
//
// with a host it is the packet of RFC 3164 section 4.1:
//
//	<29>Nov 22 17:30:00 HOST plug[4711]: TEXT
//
// unix and offset are as in Line. Text that could forge another record is made
// harmless: control characters and bytes that are not UTF-8 become "?". Text
// beyond the limit is cut off, never within a character.
func AppendSyslog(dst []byte, severity Severity, unix int64, offset int32, host string, pid int, text []byte) []byte {
	limit := len(dst) + MaxSyslogLocal
	if host != "" {
		limit = len(dst) + MaxSyslogUDP
	}
	dst = append(dst, '<')
	dst = strconv.AppendUint(dst, facilityDaemon<<3|uint64(severity), 10)
	dst = append(dst, '>')
	dst = appendStamp(dst, civilOf(unix, offset))
	dst = append(dst, ' ')
	if host != "" {
		dst = appendHost(dst, host)
		dst = append(dst, ' ')
	}
	dst = appendSource(dst, pid)
	dst = append(dst, ": "...)
	return appendHarmless(dst, text, limit)
}

// ShortHost is the host name in the form of RFC 3164 section 4.1.2: without
// its domain, except that an address is not shortened.
func ShortHost(name string) string {
	numeric := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == ':' {
			return name
		}
		if c == '.' && !numeric {
			return name[:i]
		}
		numeric = numeric && (c == '.' || '0' <= c && c <= '9')
	}
	return name
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// appendStamp appends "Nov  2 17:30:00", in English in every locale.
func appendStamp(dst []byte, c civil) []byte {
	dst = append(dst, months[3*c.month-3:3*c.month]...)
	dst = append(dst, ' ')
	if c.day < 10 {
		dst = append(dst, ' ')
	}
	dst = strconv.AppendInt(dst, int64(c.day), 10)
	dst = append(dst, ' ')
	return c.appendClock(dst)
}

// appendHost replaces what would end the host name, such as a space.
func appendHost(dst []byte, host string) []byte {
	for i := 0; i < len(host) && i < maxHost; i++ {
		c := host[i]
		if c <= ' ' || c >= 0x7f {
			c = '-'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendHarmless appends text until dst is limit bytes long.
func appendHarmless(dst, text []byte, limit int) []byte {
	for len(text) > 0 {
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text)
		}
		if len(dst)+size > limit {
			return dst
		}
		// U+0080 to U+009F are terminal control characters, too.
		if r < ' ' || 0x7f <= r && r <= 0x9f || r == utf8.RuneError && size == 1 {
			dst = append(dst, '?')
		} else {
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return dst
}
