package limits

import (
	"fmt"
	"sync/atomic"
	"time"
)

// rowsAtOnce is how many rows a thread sends or receives with one call: about as much
// as a transport that sends in batches.
const rowsAtOnce = 32

// carried is what a connection that carries rows knows beside the rest.
type carried struct {
	from, to places
	out, in  [][]byte
	end      atomic.Int64 // bytes in all, known before the last of them are sent; 0 is not yet
}

// Carry has the connections carry rows from random places of the sources to random
// places of the targets from now on, as Copy copies them: what a hop over TCP could do
// at best with those rows. The error is ErrShape.
func (l *Loopback) Carry(rows Copy) error {
	from, err := shape(connections(len(l.conns)), "sources", rows.Sources, rows.Block, rows.Stride, rows.Order)
	if err != nil {
		return err
	}
	to, err := shape(connections(len(l.conns)), "targets", rows.Targets, rows.Block, rows.Stride, rows.Order)
	if err != nil {
		return err
	}
	for i := range l.conns {
		l.conns[i].rows = &carried{from: from[i], to: to[i].salted(), out: make([][]byte, rowsAtOnce), in: make([][]byte, rowsAtOnce)}
	}
	return nil
}

// connections is a Team for its number only.
type connections int

func (n connections) Workers() int { return int(n) }
func (connections) Run(func(int))  { panic("limits: connections do not run") }

func (c *conn) sendRows(start, d time.Duration) error {
	r, sent := c.rows, int64(0)
	for last := false; !last; {
		blocks, n := r.out[:0], int64(0)
		for range rowsAtOnce {
			b := r.from.next()
			blocks, n = append(blocks, b), n+int64(len(b))
		}
		sent += n
		if last = sinceEpoch()-start >= d; last {
			r.end.Store(sent)
		}
		for n > 0 {
			k, err := c.sender.writev(blocks)
			if err != nil {
				return fmt.Errorf("send: %w", err)
			}
			n -= int64(k)
			blocks = advance(blocks, k)
		}
	}
	return nil
}

func (c *conn) receiveRows(start, d time.Duration) error {
	r := c.rows
	for c.bytes = 0; c.bytes == 0 || c.bytes != r.end.Load(); {
		blocks, n := r.in[:0], int64(0)
		for range rowsAtOnce {
			b := r.to.next()
			blocks, n = append(blocks, b), n+int64(len(b))
		}
		for n > 0 {
			k, err := c.receiver.readv(blocks)
			if err != nil {
				return fmt.Errorf("receive: %w", err)
			}
			c.bytes += int64(k)
			n -= int64(k)
			blocks = advance(blocks, k)
		}
		if c.end = sinceEpoch(); c.end-start > d+patience {
			return fmt.Errorf("receive: still not at an end after %v", c.end-start)
		}
	}
	return nil
}

// advance is what is left of the blocks after n bytes.
func advance(blocks [][]byte, n int) [][]byte {
	for len(blocks) > 0 && n >= len(blocks[0]) {
		n -= len(blocks[0])
		blocks = blocks[1:]
	}
	if n > 0 {
		blocks[0] = blocks[0][n:]
	}
	return blocks
}
