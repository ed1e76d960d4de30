package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Server answers the clients of one socket. Each connection has a goroutine of
// its own, with deadlines for every line, so that nobody waits for a client but
// the client's own conversation.
type Server struct {
	// Admit reports whether a peer may ask; the error is why not, and is told to it.
	Admit func(Peer) error
	// Answer does one request. What it says with more is sent at once, an error
	// of which means that the client has gone; what it returns is sent last, with
	// Done.
	Answer func(req *Request, more func(Reply) error) Reply

	Silence  time.Duration // a client may be silent for so long; 0 is a minute
	Patience time.Duration // for a client to take one reply; 0 is ten seconds

	mu       sync.Mutex
	listener *Listener
	deaf     chan struct{}     // closed when no client is taken any more
	talks    map[*os.File]bool // true while it is being answered
	over     bool
	all      sync.WaitGroup
}

// lastWord is how long a client may take, when the server closes, to say what it
// has connected for.
const lastWord = 100 * time.Millisecond

// Serve takes the listener over, and answers its clients until Close.
func (s *Server) Serve(l *Listener) {
	s.mu.Lock()
	s.listener, s.talks, s.deaf = l, map[*os.File]bool{}, make(chan struct{})
	s.mu.Unlock()
	go func() {
		defer close(s.deaf)
		for {
			c, err := l.accept()
			switch {
			case errors.Is(err, os.ErrClosed):
				return
			case err != nil: // no descriptors, most likely
				time.Sleep(100 * time.Millisecond)
			default:
				s.take(c)
			}
		}
	}()
}

// Deafen takes no more clients: whoever connects from here on is another's, if
// the socket is. Those that are there are answered.
func (s *Server) Deafen() {
	if s.listener != nil {
		s.listener.Close()
		<-s.deaf
	}
}

// Close takes no more clients, and waits for those that are there, but not for
// ever: then they are disconnected. Answer must be able to say why there is
// nothing to be had any more.
func (s *Server) Close(patience time.Duration) {
	s.Deafen()
	s.mu.Lock()
	s.over = true
	for c, busy := range s.talks {
		if !busy {
			c.SetReadDeadline(time.Now().Add(lastWord))
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
func (s *Server) take(c *os.File) {
	s.mu.Lock()
	room := len(s.talks) < MaxClients
	if room {
		s.talks[c] = false
		s.all.Add(1)
	}
	s.mu.Unlock()
	if !room {
		s.send(c, Reply{Error: fmt.Sprintf("%d clients are connected, which is the limit", MaxClients)})
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
func (s *Server) converse(c *os.File) {
	peer, err := PeerOf(c)
	if err == nil && s.Admit != nil {
		err = s.Admit(peer)
	}
	if err != nil {
		s.send(c, Reply{Error: err.Error()})
		return
	}
	lines := bufio.NewReaderSize(c, 4<<10)
	for {
		s.listen(c)
		line, err := readLine(lines, MaxRequest)
		if errors.Is(err, errTooLong) {
			s.send(c, Reply{Error: "request: " + err.Error()})
		}
		if err != nil {
			return
		}
		s.answering(c)
		reply, ok := s.answer(c, line)
		if s.send(c, reply) != nil || !ok {
			return
		}
	}
}

// answer does one request. After what is none the client is disconnected.
func (s *Server) answer(c *os.File, line []byte) (reply Reply, ok bool) {
	req := new(Request)
	if err := json.Unmarshal(line, req); err != nil {
		return Reply{Error: "request: not a JSON object of this protocol: " + err.Error()}, false
	}
	if req.Version != Version {
		return Reply{Error: fmt.Sprintf("request: protocol version %d; must be %d", req.Version, Version)}, true
	}
	reply = s.Answer(req, func(r Reply) error { return s.send(c, r) })
	reply.Done = reply.Error == ""
	return reply, true
}

// listen gives a client its time for a request.
func (s *Server) listen(c *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talks[c] = false
	silence := orElse(s.Silence, time.Minute)
	if s.over {
		silence = lastWord
	}
	c.SetReadDeadline(time.Now().Add(silence))
}

func (s *Server) answering(c *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talks[c] = true
}

// send writes one reply.
func (s *Server) send(c *os.File, r Reply) error {
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
