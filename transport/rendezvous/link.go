package rendezvous

import (
	"bufio"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A write may take as long as a peer may be silent for each so many bytes.
	writePart = 1 << 20
	readAhead = 16 << 10
)

var errBroken = errors.New("a write on it failed before")

// link is a connection to another process of the job. One goroutine reads from
// it, any may send.
type link struct {
	process int // at the other end
	conn    net.Conn
	r       *bufio.Reader
	phase   atomic.Pointer[string] // of the process, as it last said
	left    atomic.Bool            // it said goodbye
	done    chan struct{}          // closed when nobody reads any more

	sending sync.Mutex // one frame at a time
	shut    bool       // sending: no frame can follow, as one was cut off or was the last

	deadlines sync.Mutex
	silence   time.Duration // deadlines: how long nothing may move; 0 is for ever
	limit     time.Time     // deadlines: the end of all reads and writes; zero is none
}

func newLink(process int, conn net.Conn) *link {
	l := &link{process: process, conn: conn, done: make(chan struct{})}
	l.r = bufio.NewReaderSize(lively{l}, readAhead)
	return l
}

// watch sets for how long nothing may move from now on.
func (l *link) watch(silence time.Duration) {
	l.deadlines.Lock()
	l.silence = silence
	l.deadlines.Unlock()
	l.arm(l.conn.SetDeadline, silence) // for a read that is under way
}

// expire ends all reads and writes after d, also those that are under way.
func (l *link) expire(d time.Duration) {
	l.deadlines.Lock()
	defer l.deadlines.Unlock()
	if t := time.Now().Add(d); l.limit.IsZero() || t.Before(l.limit) {
		l.limit = t
		_ = l.conn.SetDeadline(t) // fails only if it is closed already
	}
}

// arm sets a deadline of d from now, 0 for none, and the limit at the latest.
func (l *link) arm(set func(time.Time) error, d time.Duration) {
	l.deadlines.Lock()
	defer l.deadlines.Unlock()
	t := l.limit
	if d > 0 {
		if soon := time.Now().Add(d); t.IsZero() || soon.Before(t) {
			t = soon
		}
	}
	_ = set(t)
}

// allowed is how long nothing may move.
func (l *link) allowed() time.Duration {
	l.deadlines.Lock()
	defer l.deadlines.Unlock()
	return l.silence
}

// lively reads from a link whose peer may be silent for so long. Whatever comes
// is a sign of life.
type lively struct{ *link }

func (l lively) Read(b []byte) (int, error) {
	l.arm(l.conn.SetReadDeadline, l.allowed())
	n, err := l.conn.Read(b)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		// If it was this process that was stopped, what the peer said is there.
		l.arm(l.conn.SetReadDeadline, heartbeat(l.allowed()))
		n, err = l.conn.Read(b)
	}
	return n, err
}

// send sends frames, whole.
func (l *link) send(frames []byte) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	return l.write(frames)
}

// beat sends the phase, unless something is being sent, which says as much.
func (l *link) beat(phase string) error {
	if !l.sending.TryLock() {
		return nil
	}
	defer l.sending.Unlock()
	return l.write(appendBeat(nil, phase))
}

func (l *link) write(frames []byte) error {
	if l.shut {
		return errBroken
	}
	for part := range slices.Chunk(frames, writePart) {
		l.arm(l.conn.SetWriteDeadline, l.allowed())
		if _, err := l.conn.Write(part); err != nil {
			l.shut = true
			return err
		}
	}
	return nil
}

// finish sends the last frame, if there is one, and closes this direction, so that
// the peer reads the frame and then the end. What is read and written must end
// within the given time.
func (l *link) finish(frame []byte, within time.Duration) error {
	l.expire(within)
	l.sending.Lock()
	defer l.sending.Unlock()
	var err error
	if len(frame) > 0 {
		err = l.write(frame)
	}
	if l.left.Load() {
		err = nil // who has left does not listen
	}
	l.shut = true
	if c, ok := l.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the peer may have gone
	}
	return err
}
