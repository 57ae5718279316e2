package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/tcp"
)

// resources runs a direct dispatch over tcp, in which every rank puts to every other, in
// one process and in several, and looks at what it takes: sockets of the first process by
// its record, most threads of a process by /proc. Goroutines are those of the driver alone,
// as crowd counts them.
func resources(ctx context.Context, s *settings) (result, error) {
	ranks := s.nodes * s.gpus
	met := true
	var said []string
	var b strings.Builder
	fmt.Fprintf(&b, "| processes; %d ranks x %d peers over tcp, %d streams | sockets of a process | its goroutines for tcp | most threads of a process | threads of all |\n|---|---|---|---|---|\n", ranks, ranks-1, tcp.DefaultStreams)
	for _, procs := range []int{1, s.nodes, ranks} {
		args := append(s.workload(), "--algorithm", "direct", "--transport", "tcp", "--procs", fmt.Sprint(procs), "--iters", "3", "--warmup", "1")
		out, most, all, err := watch(ctx, s.commbench, args...)
		if err != nil {
			return result{}, err
		}
		rec, err := readOne(out)
		if err != nil {
			return result{}, err
		}
		net := rec.Transport.Network
		if net == nil || net.Sockets == nil {
			return result{}, errors.New("the record does not say how many sockets there were")
		}
		sockets := *net.Sockets
		crowded, err := trial{Part: "crowd", Procs: procs, Ranks: ranks, Streams: tcp.DefaultStreams}.run(ctx)
		if err != nil {
			return result{}, err
		}
		reached := procs // itself as well, where ranks share a process
		if procs == ranks {
			reached--
		}
		met = met && sockets <= 2*tcp.DefaultStreams*reached+1
		said = append(said, fmt.Sprintf("in %d: %d sockets, %v goroutines, %d threads", procs, sockets, crowded[0], most))
		fmt.Fprintf(&b, "| %d | %d | %v | %d | %d |\n", procs, sockets, crowded[0], most, all)
	}
	return result{&met, "processes: most of one: " + strings.Join(said, "; "), b.String()}, nil
}

// crowd has every rank signal every other, and returns how many goroutines more than
// before the process has then that has most.
func crowd(ctx context.Context, at place, t *trial) (most []float64, err error) {
	before := runtime.NumGoroutine()
	d := tcp.New(at.network)
	n := t.Ranks / at.Processes()
	var worlds []*transport.World
	defer func() {
		for _, w := range worlds {
			err = errors.Join(err, w.Close())
		}
	}()
	var here [][]byte
	for i := range n {
		w, err := transport.Listen(d, driver.Place{World: "crowd", Rank: at.Process()*n + i, Size: t.Ranks}, &transport.Options{Words: 1, Timeout: patience})
		if err != nil {
			return nil, err
		}
		worlds, here = append(worlds, w), append(here, w.Address())
	}
	var addrs [][]byte
	if err := gather(ctx, at, "addresses", here, &addrs); err != nil {
		return nil, err
	}
	for _, w := range worlds {
		if err := w.Connect(addrs); err != nil {
			return nil, err
		}
		for peer := range t.Ranks {
			c, err := w.Channel(peer, 0)
			if err == nil {
				err = c.Signal(0, 1)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	for _, w := range worlds {
		if err := w.Wait(ctx, 0, uint64(t.Ranks)); err != nil {
			return nil, err
		}
	}
	if _, err := at.Exchange(ctx, "all here", nil); err != nil {
		return nil, err
	}
	var counts []int
	if err := gather(ctx, at, "goroutines", []int{runtime.NumGoroutine() - before}, &counts); err != nil {
		return nil, err
	}
	return []float64{float64(slices.Max(counts))}, nil
}

// gather appends what each process has, in their order, to all.
func gather[T any](ctx context.Context, at place, what string, mine []T, all *[]T) error {
	blob, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	blobs, err := at.Exchange(ctx, what, blob)
	if err != nil {
		return err
	}
	for p, blob := range blobs {
		var theirs []T
		if err := json.Unmarshal(blob, &theirs); err != nil {
			return fmt.Errorf("%s of process %d: %w", what, p, err)
		}
		*all = append(*all, theirs...)
	}
	return nil
}
