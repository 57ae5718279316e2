package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/transport"
)

// put sends over transport/tcp: process 0 puts from its segment into that of process 1,
// a channel and a connection for each stream, and flushes at the end. Process 1 has
// nothing to do. Puts of less than a block are rows, as exec sends them: a signal after
// every second one, which may be held back.
func put(ctx context.Context, at place, t *trial) (rates []float64, err error) {
	w, memory, err := at.world(ctx, t.Streams*block, 1, t.Row < block)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close(), memory.Free()) }()
	if at.Process() == 0 {
		fill(memory.Bytes())
		if rates, err = sendPuts(w, t); err != nil {
			return nil, err
		}
	}
	if _, err := at.Exchange(ctx, "sent", nil); err != nil {
		return nil, err
	}
	if at.Process() == 1 {
		if err := arrived(memory.Bytes(), t); err != nil {
			return nil, err
		}
	}
	_, err = at.Exchange(ctx, "compared", nil)
	return rates, err
}

func sendPuts(w *transport.World, t *trial) ([]float64, error) {
	channels := make([]*transport.Channel, t.Streams)
	for i := range channels {
		var err error
		if channels[i], err = w.Channel(1, i); err != nil {
			return nil, err
		}
	}
	mine := w.Segment(0)
	return t.floods(func(stream int, until time.Time) (sent int64, err error) {
		c := channels[stream]
		for sent == 0 || time.Now().Before(until) {
			for i := range block / t.Row {
				offset := stream*block + i*t.Row
				row := mine[offset : offset+t.Row]
				if t.Row < block && i%2 == 1 {
					err = c.PutSignal(0, offset, row, 0, 1)
				} else {
					err = c.Put(0, offset, row)
				}
				if err != nil {
					return sent, err
				}
				sent += int64(t.Row)
			}
		}
		return sent, c.Flush()
	})
}

// arrived compares what process 1 has with what process 0 put there.
func arrived(got []byte, t *trial) error {
	want := make([]byte, len(got))
	fill(want)
	for stream := range t.Streams {
		from, to := stream*block, stream*block+block/t.Row*t.Row
		if !bytes.Equal(got[from:to], want[from:to]) {
			return fmt.Errorf("stream %d: other bytes arrived than were put", stream)
		}
	}
	return nil
}

// fill makes bytes that differ from place to place. None is 0.
func fill(b []byte) {
	for i := range b {
		b[i] = byte(i%251) | 1
	}
}
