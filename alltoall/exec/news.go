package exec

import (
	"slices"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// news is how workers and peers learn of each other, the same in all jobs of a group.
type news struct {
	bell    driver.Bell        // of all words that roles poll; nil where there is no such
	drivers []*transport.World // one of each driver
	watched []*transport.World // those that can tell that a peer is lost
	rest    func()             // see transport.Backoff; nil if no driver is polled
}

func (g *Group) news() news {
	r := g.ranks[0]
	n := news{bell: g.bell(), drivers: []*transport.World{r.out}}
	if g.cfg.ScaleUp != g.cfg.ScaleOut {
		n.drivers = append(n.drivers, r.up)
	}
	for _, r := range g.ranks {
		for _, w := range []*transport.World{r.out, r.up} {
			if w.Watched() {
				n.watched = append(n.watched, w)
			}
		}
	}
	if polled := slices.DeleteFunc(slices.Clone(n.drivers), func(w *transport.World) bool { return !w.Polled() }); len(polled) > 0 {
		n.rest = func() {
			for _, w := range polled {
				w.Rest()
			}
		}
	}
	return n
}

// bell is rung by signals to any word of the local ranks: the one that both domains
// have, or where they have different drivers that of one, if the other can ring it.
// Workers cannot park on two.
func (g *Group) bell() driver.Bell {
	r := g.ranks[0]
	switch up, out := r.up.Bell(), r.out.Bell(); {
	case up == out:
		return up
	case up != nil && r.out.Chime(up):
		return up
	case out != nil && r.up.Chime(out):
		g.upRings = true
		return out
	}
	return nil
}

// ring wakes workers that have parked: there is a group to take, or none ever. A
// group in which nothing moved is no news: whoever put it back polls it again
// before it parks, and rings at every such step would keep all awake.
func (n *news) ring() {
	if n.bell != nil {
		n.bell.Ring()
	}
}

// push sends what workers have signalled and drivers have held back.
func (n *news) push() {
	for _, w := range n.drivers {
		w.Push()
	}
}

// poll does what brings signals to roles, where a driver leaves that to goroutines.
func (n *news) poll() (some bool) {
	for _, w := range n.drivers {
		if w.Poll() {
			some = true
		}
	}
	return some
}

// fault is what a transport knows of peers that are lost.
func (n *news) fault() error {
	for _, w := range n.watched {
		if err := w.Fault(); err != nil {
			return err
		}
	}
	return nil
}

// backoff is for a worker that finds nothing to do.
func (n *news) backoff() transport.Backoff { return transport.Backoff{Bell: n.bell, Rest: n.rest} }
