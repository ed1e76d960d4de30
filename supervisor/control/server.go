// The master's end of the control socket: connections, deadlines and closing.

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

// Server answers the clients of one socket. Each connection has its own
// goroutine, with deadlines for every line, so a slow client delays only
// itself.
type Server struct {
	// Admit reports whether a peer may send requests; the error is the reason
	// for a refusal and is sent to the peer.
	Admit func(Peer) error
	// Answer handles one request. What it passes to more is sent at once; an
	// error of more means that the client has gone. The reply that it returns
	// is sent last, with Done.
	Answer func(req *Request, more func(Reply) error) Reply

	Silence  time.Duration // how long a client may be silent; 0 means a minute
	Patience time.Duration // how long a client may take to receive one reply; 0 means ten seconds

	mu       sync.Mutex
	listener *Listener
	deaf     chan struct{}     // closed when no more clients are accepted
	talks    map[*os.File]bool // true while a request is being answered
	over     bool
	all      sync.WaitGroup
}

// lastWord is how long a client has, when the server closes, to send the
// request that it has connected for.
const lastWord = 100 * time.Millisecond

// Serve takes ownership of the listener, and answers its clients until Close.
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
			case err != nil: // most likely no descriptors
				time.Sleep(100 * time.Millisecond)
			default:
				s.take(c)
			}
		}
	}()
}

// Deafen stops accepting clients: if another process shares the socket, it
// gets all later ones. Clients that are connected are still answered.
func (s *Server) Deafen() {
	if s.listener != nil {
		s.listener.Close()
		<-s.deaf
	}
}

// Close stops accepting clients and waits at most patience for the connected
// ones, then disconnects them. Answer must be able to say why requests are no
// longer served.
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

// take starts a conversation, if the limit of clients permits it.
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

// converse answers one request after another.
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

// answer handles one request. After a line that is not a request, the client
// is disconnected.
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

// listen sets a client's deadline for a request.
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
