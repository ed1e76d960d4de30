package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Server answers the clients of one socket. Each connection has a goroutine of
// its own, with deadlines for every line, so that nobody waits for a client but
// the client's own conversation.
type Server struct {
	// Admit tells whether a peer may ask; the error is why not, and is told to it.
	Admit func(Peer) error
	// Answer does one request. What it says with more is sent at once, an error
	// of which means that the client has gone; what it returns is sent last, with
	// Done.
	Answer func(req *Request, more func(Reply) error) Reply

	Silence  time.Duration // a client may be silent for so long; 0 is a minute
	Patience time.Duration // for a client to take one reply; 0 is ten seconds

	mu       sync.Mutex
	listener net.Listener
	talks    map[net.Conn]bool // true while it is being answered
	over     bool
	all      sync.WaitGroup
}

// Serve takes the listener over, and answers its clients until Close.
func (s *Server) Serve(l net.Listener) {
	s.mu.Lock()
	s.listener, s.talks = l, map[net.Conn]bool{}
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil: // no descriptors, most likely
				time.Sleep(100 * time.Millisecond)
			default:
				s.take(c)
			}
		}
	}()
}

// Deafen takes no more clients. Those that are there are answered.
func (s *Server) Deafen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
}

// Close takes no more clients, and waits for those that are being answered, but
// not for ever: then they are disconnected.
func (s *Server) Close(patience time.Duration) {
	s.Deafen()
	s.mu.Lock()
	s.over = true
	for c, busy := range s.talks {
		if !busy {
			c.Close()
		}
	}
	s.mu.Unlock()
	answered := make(chan struct{})
	go func() {
		s.all.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(patience):
		s.mu.Lock()
		for c := range s.talks {
			c.Close()
		}
		s.mu.Unlock()
	}
}

// take begins a conversation, if there is room for one.
func (s *Server) take(c net.Conn) {
	s.mu.Lock()
	room := len(s.talks) < MaxClients && !s.over
	if room {
		s.talks[c] = false
		s.all.Add(1)
	}
	s.mu.Unlock()
	if !room {
		s.send(c, Reply{Done: true, Error: fmt.Sprintf("%d clients are connected, and there may be no more", MaxClients)})
		c.Close()
		return
	}
	go func() {
		defer s.all.Done()
		s.converse(c)
		c.Close()
		s.mu.Lock()
		delete(s.talks, c)
		s.mu.Unlock()
	}()
}

// converse answers one request after the other.
func (s *Server) converse(c net.Conn) {
	peer, err := PeerOf(c)
	if err == nil && s.Admit != nil {
		err = s.Admit(peer)
	}
	if err != nil {
		s.send(c, Reply{Done: true, Error: err.Error()})
		return
	}
	lines := bufio.NewReaderSize(c, 4<<10)
	for {
		c.SetReadDeadline(time.Now().Add(orElse(s.Silence, time.Minute)))
		line, err := readLine(lines, MaxRequest)
		if errors.Is(err, errTooLong) {
			s.send(c, Reply{Done: true, Error: "request: " + err.Error()})
		}
		if err != nil || !s.busy(c, true) {
			return
		}
		reply, ok := s.answer(c, line)
		if s.send(c, reply) != nil || !ok || !s.busy(c, false) {
			return
		}
	}
}

// answer does one request. After what is none the client is disconnected.
func (s *Server) answer(c net.Conn, line []byte) (reply Reply, ok bool) {
	req := new(Request)
	if err := json.Unmarshal(line, req); err != nil {
		return Reply{Done: true, Error: "request: not a JSON object of this protocol: " + err.Error()}, false
	}
	if req.Version != Version {
		return Reply{Done: true, Error: fmt.Sprintf("request: version %d of the protocol; this plug speaks %d", req.Version, Version)}, true
	}
	reply = s.Answer(req, func(r Reply) error { return s.send(c, r) })
	reply.Done = true
	return reply, true
}

// busy notes that a client is being answered, or no longer; false tells that
// the server has been closed.
func (s *Server) busy(c net.Conn, busy bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talks[c] = busy
	return !s.over
}

// send writes one reply.
func (s *Server) send(c net.Conn, r Reply) error {
	r.Version = Version
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	c.SetWriteDeadline(time.Now().Add(orElse(s.Patience, 10*time.Second)))
	_, err = c.Write(append(line, '\n'))
	return err
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
