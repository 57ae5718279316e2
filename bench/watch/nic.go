package watch

import (
	"time"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
)

// nicSource is a port or an interface.
type nicSource struct {
	name     string
	local    bool // what it counts leaves no machine
	read     func() (fabric.Counters, error)
	counters fabric.Counters
	err      error
	tx, rx   *column
	sent     meter
	received meter
}

func newNICSource(s *sampler, m probe.Meter) *nicSource {
	return &nicSource{name: m.Name, local: m.Local, read: m.Read, sent: meter{most: mostBus}, received: meter{most: mostBus},
		tx: s.column(m.Name, "tx", "B/s"), rx: s.column(m.Name, "rx", "B/s")}
}

func (n *nicSource) take(now time.Time, s *sampler) {
	s.follow(now, count{n.tx.name(), &n.sent, answer.From(n.counters.TxBytes, n.err), n.tx},
		count{n.rx.name(), &n.received, answer.From(n.counters.RxBytes, n.err), n.rx})
}
