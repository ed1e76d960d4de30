// A worker's records: session lines, syslog messages and log lines, each rendered without
// an allocation and written at once.

package worker

import (
	"strings"
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/record"
)

// records is where a worker's texts go: whole session lines to the session file, one
// datagram per message to syslog, and lines in hclog's format to stderr. Buffers are
// kept, so that a session costs no allocation.
type records struct {
	w        *worker
	text     []byte
	frame    []byte
	doorbell []byte

	lines  outlet // the session file
	logs   outlet // stderr
	host   string
	syslog kernel.Destination
	names  []name // of target slots, each made when first used
}

// name is a target slot as records show it.
type name struct{ full, addr string }

func (r *records) init(w *worker) {
	r.w = w
	b := w.board
	r.lines = outlet{fd: FDSession, socket: b.Assignment.Options&board.OptSessionSocket != 0}
	r.logs = outlet{fd: 2, socket: b.Assignment.Options&board.OptLogSocket != 0}
	r.follow()
}

// follow takes what the assignment says about records.
func (r *records) follow() {
	b := r.w.board
	r.lines.socket = b.Assignment.Options&board.OptSessionSocket != 0
	r.names = nil
	r.host = ""
	if b.Assignment.SyslogUDP.Kind != 0 {
		r.host = b.Assignment.Host.String()
	}
	r.syslog = kernel.NewDestination(b.Assignment.Syslog.String(), &b.Assignment.SyslogUDP)
}

// target is the name of a slot; with a proxy, session lines show the proxy.
func (r *records) target(slot int) name {
	if slot < 0 || slot >= board.TargetSlots {
		return name{}
	}
	for len(r.names) <= slot {
		r.names = append(r.names, name{})
	}
	if r.names[slot].full == "" {
		b := r.w.board
		at := &b.Target(slot).Addr
		if b.Assignment.Via.Kind != 0 {
			at = &b.Assignment.Via
		}
		r.names[slot] = name{full: at.String(), addr: at.Host()}
		if at.LoadZone() != 0 && at != &b.Assignment.Via { // the name stays, whatever happens to the interface
			full := b.Target(slot).Name.String()
			r.names[slot] = name{full, full[1:strings.LastIndexByte(full, ']')]}
		}
	}
	return r.names[slot]
}

// zone is the offset of local time at a Unix time.
func (w *worker) zone(unix int64) int32 {
	z := &w.board.State.Zone
	if unix < z.Until.Load() {
		return z.Offset.Load()
	}
	return z.Next.Load()
}

// session writes the session line of an ended session. errno is why it could not be
// written to the file.
func (r *records) session(s *board.Snapshot) (errno syscall.Errno) {
	w := r.w
	unix := (w.clock.wall - (w.clock.mono - s.Closed)) / 1e9
	line := record.Line{Unix: unix, Offset: w.zone(unix), PID: w.pid, Listen: w.label,
		Peer: s.Client, In: s.In, Out: s.Out, Usec: uint64(max(0, s.Closed-s.BeginAt) / 1000)}
	if t := s.Word.Target(); t != board.NoTarget {
		line.Target = r.target(int(t)).full
	}
	r.text = line.Append(r.text[:0])
	return r.lines.put(r.text)
}

// connected, completed and refused are the messages in ORIGINAL's syslog table.
func (r *records) connected(client *board.Addr, target int) {
	r.text = record.AppendConnect(r.text[:0], r.w.tag, client, r.target(target).addr)
	r.send(record.Notice)
}

func (r *records) completed(o board.Outcome) {
	r.text = record.AppendComplete(r.text[:0], r.w.tag, o.Status())
	r.send(record.Notice)
}

func (r *records) refused(client *board.Addr) {
	r.text = record.AppendRefused(r.text[:0], r.w.tag, client)
	r.send(record.Notice)
}

// fail records an error: on stderr in the foreground, otherwise in syslog.
func (r *records) fail(what string, err error) { r.error(what, err.Error()) }

func (r *records) failErrno(what string, errno syscall.Errno) { r.error(what, record.Reason(errno)) }

func (r *records) error(what, reason string) {
	w := r.w
	if w.board.Assignment.Options&board.OptForeground != 0 {
		r.log(record.LevelError, what, record.Str("source", w.label), record.Str("reason", reason))
		return
	}
	r.text = record.AppendError(r.text[:0], w.tag, what, reason)
	r.send(record.Err)
}

// debug writes a line to stderr, with -d and -dd.
func (r *records) debug(msg string, kv ...record.KV) {
	if r.w.board.State.LogAt.Load() >= 1 {
		r.log(record.LevelDebug, msg, kv...)
	}
}

func (r *records) log(level record.Level, msg string, kv ...record.KV) {
	w := r.w
	kv = append(kv, record.Num("pid", int64(w.pid)))
	r.frame = record.AppendLog(r.frame[:0], w.board.Assignment.Options&board.OptJSON != 0, level,
		w.clock.wall, w.zone(w.clock.wall/1e9), msg, kv...)
	r.say()
}

// say writes r.frame to stderr. What can't be written is dropped and counted.
func (r *records) say() {
	if r.logs.put(r.frame) != 0 {
		r.w.tally.LogsDropped.Add(1)
	}
}

// send frames r.text and sends it as one datagram. A syslog socket that is gone or full
// never delays a session: the record is dropped and counted.
func (r *records) send(severity record.Severity) {
	w := r.w
	unix := w.clock.wall / 1e9
	r.frame = record.AppendSyslog(r.frame[:0], severity, unix, w.zone(unix), r.host, w.pid, r.text)
	if errno := r.syslog.Send(FDSyslog, r.frame); errno != 0 {
		w.column.LogsLost.Add(1)
	}
}
