package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/transport/driver"
)

// crossing is what of a run crosses a network, and what counts it there. The nil pointer is a
// run of which nothing does.
type crossing struct {
	gpus   int    // of a node
	near   []bool // ranks that share this process's network: its host, or its network namespace
	mine   []bool // of these, that cross the interface that this process does
	up     bool   // the scale-up hop crosses it
	out    bool   // the scale-out hop does
	across bool   // some ranks have another network

	device fabric.Interface // that bytes cross
	reader *fabric.Reader
	why    error // why there is no reader
}

// socket is where sockets of a process are: those of another are on the same loopback or not, and cross
// the same interface or not.
type socket struct{ Network, Interface string }

func (s *setting) socket() socket {
	at := socket{Network: host.Identity("net")}
	if n := s.network; n != nil && n.Interface != nil {
		at.Interface = *n.Interface
	}
	return at
}

// findCrossing finds out which bytes cross a network, and where they are counted. All processes
// call it.
func (s *setting) findCrossing(ctx context.Context) (*crossing, error) {
	c := &s.c
	crosses := func(d driver.Driver) bool { return networkOf(d) != (driver.Network{}) }
	x := &crossing{gpus: c.GPUsPerNode, up: crosses(c.ScaleUp), out: crosses(c.ScaleOut)}
	if !x.up && !x.out {
		return nil, nil
	}
	all, err := share(ctx, c, "networks", s.socket())
	if err != nil {
		return nil, err
	}
	own := all[c.Peers.Process()]
	for _, at := range all {
		near := at.Network == own.Network
		x.across = x.across || !near
		for range s.place.Ranks() / len(all) {
			x.near, x.mine = append(x.near, near), append(x.mine, at == own)
		}
	}
	if c.Watch != nil { // nobody else says anything of it
		x.find(s.network)
	}
	return x, nil
}

// find finds the interface. Bytes that stay on a host cross its loopback, whatever address they are
// sent to.
func (x *crossing) find(n *record.Network) {
	all := fabric.ReadInterfaces("")
	if x.why = all.Err(); x.why != nil {
		return
	}
	for _, i := range all.Or(nil) {
		if !x.across && i.Kind == "loopback" || x.across && n != nil && n.Interface != nil && i.Name == *n.Interface {
			x.device, x.reader = i, i.Reader("")
			if x.why = stale(i.Name, all.Or(nil)); x.why != nil {
				x.reader = nil
			}
			return
		}
	}
	x.why = errors.New("the interface that bytes cross is not known")
	if n != nil && n.Interface != nil && x.across {
		x.why = fmt.Errorf("no interface %s was found", fabric.Shown(*n.Interface))
	}
}

// lazy are drivers whose counters the device brings up to date once a second, or so: iterations are shorter.
var lazy = []string{"bnxt_en", "tg3", "bnx2x", "be2net"}

// stale is why the counters of an interface are too old, if they are. What stands on others, as a bond, adds theirs
// up. In switchdev mode mlx5_core gives what it read the time before.
func stale(name string, interfaces []fabric.Interface) error {
	f := fabric.Fabric{Interfaces: answer.Is(interfaces)}
	for _, below := range f.Below(name) {
		i := slices.IndexFunc(interfaces, func(i fabric.Interface) bool { return i.Name == below })
		if i < 0 {
			continue
		}
		driver := interfaces[i].Driver.Or("")
		if _, switched := interfaces[i].Switch.Get(); slices.Contains(lazy, driver) || switched && driver == "mlx5_core" {
			return fmt.Errorf("the counters of %s, driver %s, are up to a second old", fabric.Shown(below), driver)
		}
	}
	return nil
}

// leaves is the interface by which bytes leave the host, "" if they do not.
func (x *crossing) leaves() string {
	if x == nil || !x.across {
		return ""
	}
	return x.device.Name
}

// tally adds up what the interface counted during iterations.
type tally struct {
	iterations int
	bytes      int64
	why        error // why it is not known
	before     fabric.Counters
	beforeErr  error
}

// begin and end are called around an iteration.
func (x *crossing) begin(t *tally) {
	if x != nil && x.reader != nil {
		t.before, t.beforeErr = x.reader.Read()
	}
}

func (x *crossing) end(t *tally) {
	if x == nil || x.reader == nil {
		return
	}
	after, err := x.reader.Read()
	t.iterations++
	switch {
	case t.why != nil:
	case t.beforeErr != nil:
		t.why = t.beforeErr
	case err != nil:
		t.why = err
	case after.TxBytes < t.before.TxBytes || after.RxBytes < t.before.RxBytes:
		t.why = fmt.Errorf("the counters of %s went backwards: wrapped round, or its driver has restarted", fabric.Shown(x.device.Name))
	default:
		t.bytes += int64(after.TxBytes - t.before.TxBytes + after.RxBytes - t.before.RxBytes)
	}
}

// load is what the ledgers of one iteration have over the network of this process.
type load struct {
	sent, received plan.Link
}

// load is of the ledgers of all ranks.
func (x *crossing) load(ledgers []*plan.Ledger) (l load) {
	take := func(from, to int, k plan.Link) {
		switch {
		case from == to:
		case !x.across: // over loopback, which counts each byte twice
			l.sent.Add(k)
			l.received.Add(k)
		case x.mine[from] && !x.near[to]:
			l.sent.Add(k)
		case x.mine[to] && !x.near[from]:
			l.received.Add(k)
		}
	}
	for rank, ledger := range ledgers {
		if x.out {
			for peer, k := range ledger.ScaleOut {
				take(rank, peer, k)
			}
		}
		if x.up {
			for i, k := range ledger.ScaleUp {
				take(rank, rank/x.gpus*x.gpus+i, k)
			}
		}
	}
	return l
}

// What bytes of a ledger become on a wire, at most: each row and each signal has a descriptor of
// transport/tcp and may be a system call, and so a segment, of its own; each segment has the headers of
// Ethernet, IPv6 and TCP with its timestamps, and is acknowledged at once.
const (
	descriptor = 40
	headers    = 14 + 40 + 32
)

// most is what an interface counts for it at most, sent and received.
func (l *load) most(mtu int) int64 {
	all := float64(l.sent.Bytes + l.sent.Meta + l.received.Bytes + l.received.Meta)
	pieces := float64(l.sent.Tokens + l.sent.Signals + l.received.Tokens + l.received.Signals)
	all += pieces * (descriptor + 2*headers)
	return int64(all * (1 + 2*headers/float64(max(mtu-headers, headers))))
}

// compare is what the interface counted of a record's iterations, beside the ledgers of as many; or why
// that is not known.
func (x *crossing) compare(o *series) (c *record.Counted, why string) {
	switch {
	case x == nil:
		return nil, ""
	case x.why != nil:
		return nil, fabric.Shown(x.why.Error())
	case o.tally.why != nil:
		return nil, fabric.Shown(o.tally.why.Error())
	case o.tally.iterations == 0:
		return nil, "nothing was counted"
	}
	l, n := x.load(o.ledgers), int64(o.tally.iterations)
	c = &record.Counted{Interface: fabric.Shown(x.device.Name), Iterations: o.tally.iterations, Bytes: o.tally.bytes,
		LedgerBytes: n * (l.sent.Bytes + l.sent.Meta + l.received.Bytes + l.received.Meta),
		MostBytes:   n * l.most(x.device.MTU.Or(1500))}
	if c.LedgerBytes > 0 {
		c.Ratio = new(float64(c.Bytes) / float64(c.LedgerBytes))
	}
	return c, ""
}

// rate judges what left the host, or came to it, in the median iteration, against the line rate.
func (x *crossing) rate(o *series, us float64) record.Verdict {
	if x == nil || !x.across || us <= 0 {
		return judge.Rate("", 0, answer.Of[float64]{})
	}
	l := x.load(o.ledgers)
	line := answer.Map(x.device.SpeedMbps, func(mbps int) float64 { return float64(mbps) / 8e3 })
	if x.device.Kind != "ethernet" && x.device.Kind != "infiniband" {
		line = answer.None[float64]("it is software; what is below it is not known")
	}
	if x.why != nil {
		line = answer.Unknown[float64](x.why.Error())
	}
	return judge.Rate(fabric.Shown(x.device.Name), float64(max(l.sent.Bytes, l.received.Bytes))/us/1e3, line)
}
