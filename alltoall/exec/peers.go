package exec

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// Peers are the other processes that ranks of the cluster live in. Process p of P
// has the ranks p*R/P to (p+1)*R/P-1 of R, so P divides R.
type Peers interface {
	Process() int
	Processes() int
	// Exchange gives every process's blob to every process, in order of processes. All
	// call it, for the same what, in the same order; so it is a barrier, too. It fails
	// when ctx ends or the job does.
	Exchange(ctx context.Context, what string, blob []byte) ([][]byte, error)
	// Phase says what this process does now, for the others' errors.
	Phase(phase string)
}

// Alone is the Peers of a process that has all ranks.
type Alone struct{}

func (Alone) Process() int   { return 0 }
func (Alone) Processes() int { return 1 }
func (Alone) Phase(string)   {}
func (Alone) Exchange(_ context.Context, _ string, blob []byte) ([][]byte, error) {
	return [][]byte{blob}, nil
}

// Local is the ranks of this process: first to first+n-1.
func (c *Config) Local() (first, n int) {
	n = c.Place.Ranks() / c.Peers.Processes()
	return c.Peers.Process() * n, n
}

// checkPeers fills in the default.
func (c *Config) checkPeers() error {
	if c.Peers == nil {
		c.Peers = Alone{}
	}
	p, of, ranks := c.Peers.Process(), c.Peers.Processes(), c.Place.Ranks()
	switch {
	case of < 1 || p < 0 || p >= of:
		return fmt.Errorf("exec: process %d of %d", p, of)
	case ranks%of != 0:
		return fmt.Errorf("exec: %d ranks in %d processes: each must have as many", ranks, of)
	}
	if of == 1 {
		return nil
	}
	if !c.ScaleOut.Caps().Processes {
		return fmt.Errorf("exec: scale-out transport %s reaches no other process, and there are %d", c.ScaleOut.Name(), of)
	}
	// A node in one process can have any transport.
	if ranks/of%c.Place.GPUsPerNode != 0 && !c.ScaleUp.Caps().Processes {
		return fmt.Errorf("exec: scale-up transport %s reaches no other process, and a node's ranks are in %d", c.ScaleUp.Name(), of/c.Place.Nodes)
	}
	return nil
}

// maxAddress bounds what is taken for an address of a rank.
const maxAddress = 16 << 10

// addresses brings the addresses of all ranks to all processes, [domain][rank]: those
// of the scale-out domain, then those of the scale-up domains.
func (g *Group) addresses(ctx context.Context) (all [2][][]byte, err error) {
	var mine []byte
	for _, r := range g.ranks {
		for _, addr := range [][]byte{r.out.Address(), r.up.Address()} {
			mine = binary.LittleEndian.AppendUint32(mine, uint32(len(addr)))
			mine = append(mine, addr...)
		}
	}
	blobs, err := g.cfg.Peers.Exchange(ctx, "addresses", mine)
	if err != nil {
		return all, err
	}
	for p, blob := range blobs {
		for range g.ranks {
			for domain := range all {
				if len(blob) < 4 || binary.LittleEndian.Uint32(blob) > min(maxAddress, uint32(len(blob)-4)) {
					return all, fmt.Errorf("exec: the addresses of process %d are damaged", p)
				}
				end := 4 + binary.LittleEndian.Uint32(blob)
				all[domain] = append(all[domain], blob[4:end])
				blob = blob[end:]
			}
		}
	}
	return all, nil
}

// barrier waits until all processes are here.
func (g *Group) barrier(ctx context.Context, what string) error {
	if g.cfg.Peers.Processes() == 1 {
		return nil
	}
	_, err := g.cfg.Peers.Exchange(ctx, what, nil)
	return err
}

// share makes a phase of the local ranks that of all ranks. No process goes on before
// all are here: what ranks of others read and write is then theirs no more.
func (g *Group) share(ctx context.Context, what string, local []time.Duration) ([]time.Duration, error) {
	if g.cfg.Peers.Processes() == 1 {
		return local, nil
	}
	var mine []byte
	for _, d := range local {
		mine = binary.LittleEndian.AppendUint64(mine, uint64(d))
	}
	blobs, err := g.cfg.Peers.Exchange(ctx, what+" done", mine)
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	for p, blob := range blobs {
		if len(blob) != len(mine) {
			return nil, fmt.Errorf("exec: %s: process %d has times of %d bytes, expected %d", what, p, len(blob), len(mine))
		}
		for ; len(blob) > 0; blob = blob[8:] {
			all = append(all, time.Duration(binary.LittleEndian.Uint64(blob)))
		}
	}
	return all, nil
}
