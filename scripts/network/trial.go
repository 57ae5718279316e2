package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/tcp"
)

// childArg is the first argument of the processes that this program starts of itself;
// the second is their trial.
const childArg = "child"

// patience is for what takes no time unless something is wrong.
const patience = 30 * time.Second

// trial is something that is measured in processes of its own: this one is the first,
// and all others are children. They meet as commbench's do, by bench/job.
type trial struct {
	Part         string
	Procs        int
	Streams      int
	Row          int           // bytes of a put
	Warm, Sample time.Duration // to send for
	Trips        int           // of messages there and back
	Ranks        int
}

// parts are what processes do in a trial. What the first of them returns counts.
var parts = map[string]func(context.Context, place, *trial) ([]float64, error){
	"put":       put,
	"bare":      bare,
	"put trip":  putTrip,
	"bare trip": bareTrip,
	"crowd":     crowd,
}

// place is a process in a trial.
type place struct {
	peers
	network tcp.Config // with the address and secret of the job, if there is one
}

type peers interface {
	Process() int
	Processes() int
	Exchange(ctx context.Context, what string, blob []byte) ([][]byte, error)
}

// alone is a trial of one process.
type alone struct{}

func (alone) Process() int   { return 0 }
func (alone) Processes() int { return 1 }
func (alone) Exchange(_ context.Context, _ string, blob []byte) ([][]byte, error) {
	return [][]byte{blob}, nil
}

// run starts the other processes, and does this one's part.
func (t trial) run(ctx context.Context) ([]float64, error) {
	t.Ranks = max(t.Ranks, t.Procs)
	if t.Procs == 1 {
		return parts[t.Part](ctx, place{alone{}, tcp.Config{Streams: t.Streams}}, &t)
	}
	text, err := json.Marshal(&t)
	if err != nil {
		return nil, err
	}
	j, err := job.Join(ctx, job.Config{Procs: t.Procs, Ranks: t.Ranks, Args: []string{childArg, string(text)}, Stderr: os.Stderr, Timeout: patience})
	if err != nil {
		return nil, err
	}
	return t.play(j)
}

// child is all that a child does. It returns the exit code.
func child(text string) int {
	var t trial
	err := json.Unmarshal([]byte(text), &t)
	if err == nil && parts[t.Part] == nil {
		err = fmt.Errorf("there is no part %q", t.Part)
	}
	var j *job.Job
	if err == nil {
		j, err = job.Join(context.Background(), job.Config{Ranks: t.Ranks, Timeout: patience})
	}
	if err == nil && j == nil {
		err = errors.New("these arguments are for children of this program only")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "network: child: %v\n", err)
		return 1
	}
	if _, err := t.play(j); err != nil {
		if !j.Reported() {
			fmt.Fprintf(os.Stderr, "network: child: %v\n", err)
		}
		return 1
	}
	return 0
}

// play is a process's part, and the end of the job.
func (t *trial) play(j *job.Job) ([]float64, error) {
	got, err := parts[t.Part](j.Context(), place{j, tcp.Config{Bind: j.Bind, Secret: j.Secret, Streams: t.Streams}}, t)
	if err != nil {
		err = j.Failed(err, errors.Is(err, transport.ErrLost))
	}
	return got, errors.Join(err, j.End(err))
}

// world is this process's rank of a world with a rank for each process, of one segment
// and some words.
func (at *place) world(ctx context.Context, size, words int, hold bool) (*transport.World, driver.Memory, error) {
	d := tcp.New(at.network)
	memory, err := transport.Alloc(size, d)
	if err != nil {
		return nil, nil, err
	}
	clear(memory.Bytes()) // touched, and before anybody can put
	w, err := transport.Listen(d, driver.Place{World: "trial", Rank: at.Process(), Size: at.Processes()},
		&transport.Options{Segments: []driver.Memory{memory}, Words: words, Timeout: patience, Hold: hold})
	if err != nil {
		return nil, nil, errors.Join(err, memory.Free())
	}
	addrs, err := at.Exchange(ctx, "addresses", w.Address())
	if err == nil {
		err = w.Connect(addrs)
	}
	if err != nil {
		return nil, nil, errors.Join(err, w.Close(), memory.Free())
	}
	return w, memory, nil
}
