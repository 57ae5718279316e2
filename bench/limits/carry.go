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
	from, err := shares(len(l.conns), "sources", rows.Sources, rows.Block, rows.Stride, rows.Order)
	if err != nil {
		return err
	}
	to, err := shares(len(l.conns), "targets", rows.Targets, rows.Block, rows.Stride, rows.Order)
	if err != nil {
		return err
	}
	for i := range l.conns {
		l.conns[i].rows = &carried{from: from[i], to: to[i].salted(), out: make([][]byte, rowsAtOnce), in: make([][]byte, rowsAtOnce)}
	}
	return nil
}

func (c *conn) sendRows(start, d time.Duration) error {
	r, sent := c.rows, int64(0)
	for last := false; !last; {
		sent += r.from.take(r.out)
		if last = sinceEpoch()-start >= d; last {
			r.end.Store(sent)
		}
		if err := all(c.sender.writev, r.out); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

func (c *conn) receiveRows(start, d time.Duration) error {
	r := c.rows
	for c.bytes = 0; c.bytes == 0 || c.bytes != r.end.Load(); {
		n := r.to.take(r.in)
		if err := all(c.receiver.readv, r.in); err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		c.bytes += n
		if c.end = sinceEpoch(); c.end-start > d+patience {
			return fmt.Errorf("receive: still not at an end after %v", c.end-start)
		}
	}
	return nil
}

// take fills the list with the blocks to take now, and says how many bytes they have.
func (p *places) take(blocks [][]byte) int64 {
	for i := range blocks {
		blocks[i] = p.next()
	}
	return int64(len(blocks) * p.block)
}

// all moves all bytes of the blocks, and changes the list.
func all(move func([][]byte) (int, error), blocks [][]byte) error {
	for len(blocks) > 0 {
		n, err := move(blocks)
		if err != nil {
			return err
		}
		for len(blocks) > 0 && n >= len(blocks[0]) {
			n -= len(blocks[0])
			blocks = blocks[1:]
		}
		if n > 0 {
			blocks[0] = blocks[0][n:]
		}
	}
	return nil
}
