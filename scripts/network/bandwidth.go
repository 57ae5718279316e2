package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/commbench/commbench/scripts/internal/turns"
)

// block is what is put, written and read at once, and what a stream has of memory at
// either end.
const block = 1 << 20

// rows of commbench's tokens: FP8 with scales, and BF16.
var rows = []int{7392, 14336}

func bandwidth(ctx context.Context, s *settings) (result, error) {
	met := true
	var said []string
	var b strings.Builder
	fmt.Fprintf(&b, "| streams; GB/s | puts of 1 MiB | bare net.Conn | iperf3 | rows of 7,392 bytes | of 14,336 |\n|---|---|---|---|---|---|\n")
	for _, streams := range []int{1, 2, 4, 8} {
		side := func(part string, row int) contender {
			t := trial{Part: part, Procs: 2, Streams: streams, Row: row, Warm: s.warm, Sample: s.sample}
			return contender{Name: fmt.Sprintf("%s %d", part, row), Run: t.run}
		}
		iperf := contender{Name: "iperf3", Run: func(ctx context.Context) ([]float64, error) { return iperf3(ctx, s, streams) }}
		all := []contender{side("put", block), side("bare", block), iperf, side("put", rows[0]), side("put", rows[1])}
		if err := takeTurns(ctx, s.rounds, fmt.Sprintf("streams: %d", streams), all); err != nil {
			return result{}, err
		}
		ours := figure(&all[0], 0)
		beside, bare := turns.Over(ours, figure(&all[1], 0))
		ahead, iperf3 := turns.Over(ours, figure(&all[2], 0))
		met = met && bare >= 0.9 && iperf3 > 1
		said = append(said, fmt.Sprintf("%d: %s, %s", streams, beside, ahead))
		fmt.Fprintf(&b, "| %d |", streams)
		for i := range all {
			fmt.Fprintf(&b, " %s |", spread(figure(&all[i], 0)))
		}
		b.WriteString("\n")
	}
	return result{&met, "streams: times bare, times iperf3: " + strings.Join(said, "; "), b.String()}, nil
}

// flood has all streams send for d, at the same time, and returns GB/s: bytes of all
// over the time from the common start until the last is done. send says how many bytes
// it has sent, and returns when they have arrived.
func flood(streams int, d time.Duration, send func(stream int, until time.Time) (int64, error)) (float64, error) {
	var (
		sending sync.WaitGroup
		mu      sync.Mutex
		bytes   int64
		failed  error
		start   = time.Now()
	)
	for i := range streams {
		sending.Go(func() {
			n, err := send(i, start.Add(d))
			mu.Lock()
			defer mu.Unlock()
			bytes += n
			if err != nil {
				failed = err
			}
		})
	}
	sending.Wait()
	return float64(bytes) / float64(time.Since(start).Nanoseconds()), failed
}

// floods is a flood that does not count, for connections to find their pace, and one
// that does.
func (t *trial) floods(send func(stream int, until time.Time) (int64, error)) ([]float64, error) {
	if _, err := flood(t.Streams, t.Warm, send); err != nil {
		return nil, err
	}
	rate, err := flood(t.Streams, t.Sample, send)
	return []float64{rate}, err
}
