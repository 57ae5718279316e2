package fabric

import (
	"fmt"

	"github.com/commbench/commbench/nvml/answer"
)

// Counters are what passed, since the driver was loaded. They only grow, but for starting
// again when the driver does, and for wrapping round: what passed between two of them is
// their difference without regard for overflow. The kernel may keep those of EFA and of
// Broadcom for some 10 ms before it asks the device again.
type Counters struct {
	TxBytes   uint64            `json:"tx_bytes"`
	RxBytes   uint64            `json:"rx_bytes"`
	TxPackets answer.Of[uint64] `json:"tx_packets"`
	RxPackets answer.Of[uint64] `json:"rx_packets"`
}

// Reader reads the counters of an interface or a port, and nothing else: a sampler keeps one.
// It holds no open file, so it goes on when a device that went away comes back. It never
// changes.
type Reader struct {
	name                         string // for errors
	unit                         uint64 // bytes that the byte counters count
	tx, rx, txPackets, rxPackets file
}

// Reader is for the interface's counters. Nothing is read yet.
func (i *Interface) Reader(root string) *Reader {
	at := sys(root, "class/net", i.Name)
	return &Reader{i.Name, 1,
		at.file("statistics/tx_bytes"), at.file("statistics/rx_bytes"),
		at.file("statistics/tx_packets"), at.file("statistics/rx_packets")}
}

// Reader is for the port's counters. It looks which the port has, and reads nothing yet.
func (p *Port) Reader(root string) *Reader {
	at, name := p.folder(root), p.String()
	if at.at("hw_counters/tx_bytes").exists() {
		// A driver that has no performance management agent: EFA, Broadcom. Old kernels have a folder of
		// counters for these too, in which nothing grows.
		return &Reader{name, 1,
			at.file("hw_counters/tx_bytes"), at.file("hw_counters/rx_bytes"),
			at.file("hw_counters/tx_pkts"), at.file("hw_counters/rx_pkts")}
	}
	// By the InfiniBand specification data is counted in words of 32 bits, whatever the lanes.
	return &Reader{name, 4,
		at.file("counters/port_xmit_data"), at.file("counters/port_rcv_data"),
		at.file("counters/port_xmit_packets"), at.file("counters/port_rcv_packets")}
}

// Read reads them now, one after the other. The error names the interface or the port and is
// that of the file system, as fs.ErrNotExist where the device is gone; it is
// errors.ErrUnsupported where there are no such counters. Packets that cannot be read are no
// error. Nothing that it allocates stays.
func (r *Reader) Read() (Counters, error) {
	tx, err := parsed(r.tx, count)
	if err != nil {
		return Counters{}, fmt.Errorf("fabric: %s: %w", r.name, err)
	}
	rx, err := parsed(r.rx, count)
	if err != nil {
		return Counters{}, fmt.Errorf("fabric: %s: %w", r.name, err)
	}
	return Counters{tx * r.unit, rx * r.unit, answer.From(parsed(r.txPackets, count)), answer.From(parsed(r.rxPackets, count))}, nil
}
