package limits

import (
	"errors"
	"fmt"
	"time"
)

// message is what a sender writes at once.
const message = 1 << 20

// The first byte of a message.
const (
	more = 0
	last = 1
)

// maxConnections bounds what a mistyped number opens.
const maxConnections = 1 << 12

// Loopback measures TCP from this process to itself, over 127.0.0.1: one way, on
// some connections at once, each with a thread that sends and one that receives.
type Loopback struct {
	crew  *Crew // for each connection one to send and one to receive
	conns []conn
	run   func(int)

	n    int   // connections of this measurement
	err  error // the first one; it is final
	d    time.Duration
	gate gate
}

// conn is a connection and what its two threads know.
type conn struct {
	sender, receiver socket
	out, in          []byte
	rows             *carried      // nil: messages are sent, from one place to another
	bytes            int64         // received in this measurement
	end              time.Duration // when the last one was
	errs             [2]error
}

// NewLoopback opens the connections, on a port that the kernel chooses, with the named
// congestion control, or the system's where there is no name. Where
// there are no sockets of this kind the error is errors.ErrUnsupported.
func NewLoopback(connections int, congestion string) (*Loopback, error) {
	if connections < 1 || connections > maxConnections {
		return nil, shapef("%d connections: want 1 to %d", connections, maxConnections)
	}
	l := &Loopback{conns: make([]conn, connections)}
	for i := range l.conns {
		c := &l.conns[i]
		var err error
		if c.sender, c.receiver, err = connected(patience, congestion); err != nil {
			l.conns = l.conns[:i]
			return nil, errors.Join(fmt.Errorf("limits: loopback: %w", err), l.closeSockets())
		}
		c.out, c.in = make([]byte, message), make([]byte, message)
		fill(c.out)
		clear(c.in)
	}
	l.crew = Threads(2 * connections)
	l.run = l.work
	return l, nil
}

// Measure sends for d on the first n connections, messages of 1 MiB or the rows that
// Carry was given, and returns
// the rate of them together in GB/s (1e9 bytes a second): bytes received / time
// from the common start to the last byte. After an error it can only be closed.
func (l *Loopback) Measure(n int, d time.Duration) (float64, error) {
	if n < 1 || n > len(l.conns) {
		return 0, shapef("%d connections of %d", n, len(l.conns))
	}
	if l.err != nil {
		return 0, l.err
	}
	l.n, l.d = n, d
	for i := range n {
		if rows := l.conns[i].rows; rows != nil {
			rows.end.Store(0)
		}
	}
	l.gate.close(2 * n)
	l.crew.Run(l.run)
	bytes, end := int64(0), l.gate.start
	for i := range n {
		c := &l.conns[i]
		if c.errs[0] != nil || c.errs[1] != nil {
			l.err = fmt.Errorf("limits: loopback: %w", errors.Join(c.errs[:]...))
			return 0, l.err
		}
		bytes += c.bytes
		end = max(end, c.end)
	}
	return float64(bytes) / float64(max(end-l.gate.start, 1)), nil
}

// work is a thread's part of a measurement. One that fails closes its socket, so
// that the other does not wait for it.
func (l *Loopback) work(i int) {
	c := &l.conns[i/2]
	if i/2 >= l.n {
		return
	}
	start := l.gate.pass(sinceEpoch)
	if i%2 == 0 {
		if c.errs[0] = c.send(start, l.d); c.errs[0] != nil {
			c.sender.close()
		}
	} else if c.errs[1] = c.receive(start, l.d); c.errs[1] != nil {
		c.receiver.close()
	}
}

func (c *conn) send(start, d time.Duration) error {
	if c.rows != nil {
		return c.sendRows(start, d)
	}
	for c.out[0] = more; c.out[0] == more; {
		if sinceEpoch()-start >= d {
			c.out[0] = last
		}
		for rest := c.out; len(rest) > 0; {
			n, err := c.sender.write(rest)
			if err != nil {
				return fmt.Errorf("send: %w", err)
			}
			rest = rest[n:]
		}
	}
	return nil
}

func (c *conn) receive(start, d time.Duration) error {
	if c.rows != nil {
		return c.receiveRows(start, d)
	}
	c.bytes = 0
	for c.in[0] = more; c.in[0] == more; {
		for rest := c.in; len(rest) > 0; {
			n, err := c.receiver.read(rest)
			if err != nil {
				return fmt.Errorf("receive: %w", err)
			}
			rest = rest[n:]
		}
		c.bytes += message
		if c.end = sinceEpoch(); c.end-start > d+patience {
			return fmt.Errorf("receive: still not at an end after %v", c.end-start)
		}
	}
	return nil
}

// Close ends the threads and the connections.
func (l *Loopback) Close() error {
	l.crew.Close()
	return l.closeSockets()
}

func (l *Loopback) closeSockets() error {
	var err error
	for i := range l.conns {
		err = errors.Join(err, l.conns[i].sender.close(), l.conns[i].receiver.close())
	}
	return err
}
