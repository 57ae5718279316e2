package fabric

import (
	"errors"
	"os"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// PortFaults are counts of a port that should not grow, or tell of congestion, since the
// driver was loaded. Those of the InfiniBand specification are narrow and stay at their
// most: 15 of integrity and overruns, 255 of links down and recoveries, 65535 of the other
// errors and discards. Those of mlx5 wrap at 2^32.
type PortFaults struct {
	SymbolErrors  answer.Of[uint64] `json:"symbol_errors"`
	LinkDowned    answer.Of[uint64] `json:"link_downed"`
	LinkRecovered answer.Of[uint64] `json:"link_error_recovery"`
	RxErrors      answer.Of[uint64] `json:"rx_errors"`
	RxDrops       answer.Of[uint64] `json:"rx_drops"` // packets without fault that were not taken: EFA, Broadcom
	TxDiscards    answer.Of[uint64] `json:"tx_discards"`
	Integrity     answer.Of[uint64] `json:"local_link_integrity_errors"`
	Overruns      answer.Of[uint64] `json:"buffer_overruns"`
	TxWait        answer.Of[uint64] `json:"tx_wait"`         // ticks in which data waited for credit: congestion
	OutOfSequence answer.Of[uint64] `json:"out_of_sequence"` // packets
	OutOfBuffer   answer.Of[uint64] `json:"out_of_buffer"`   // receives that were not posted in time
	Retransmits   answer.Of[uint64] `json:"retransmits"`     // timeouts and gaps in sequence that had this port send again; packets of EFA
	ECNMarked     answer.Of[uint64] `json:"ecn_marked"`      // RoCE packets that met congestion
	CNPsHandled   answer.Of[uint64] `json:"cnps_handled"`    // requests to send more slowly that were obeyed
}

// ReadFaults reads them now.
func (p *Port) ReadFaults(root string) answer.Of[PortFaults] {
	at := p.folder(root)
	_, err := os.Stat(string(at.at("counters")))
	if err != nil {
		_, err = os.Stat(string(at.at("hw_counters")))
	}
	if err != nil {
		return answer.From(PortFaults{}, at.at("hw_counters").gone(err))
	}
	return answer.Is(PortFaults{
		SymbolErrors:  at.sum("counters/symbol_error"),
		LinkDowned:    at.sum("counters/link_downed"),
		LinkRecovered: at.sum("counters/link_error_recovery"),
		RxErrors:      at.sum("counters/port_rcv_errors", "hw_counters/rx_roce_errors"),
		RxDrops:       at.sum("hw_counters/rx_drops", "hw_counters/rx_roce_discards"),
		TxDiscards:    at.sum("counters/port_xmit_discards"),
		Integrity:     at.sum("counters/local_link_integrity_errors"),
		Overruns:      at.sum("counters/excessive_buffer_overrun_errors"),
		TxWait:        at.sum("counters/port_xmit_wait"),
		OutOfSequence: at.sum("hw_counters/out_of_sequence", "hw_counters/oos_drop_count"),
		OutOfBuffer:   at.sum("hw_counters/out_of_buffer", "hw_counters/rx_out_of_buffer"),
		Retransmits: at.sum("hw_counters/local_ack_timeout_err", "hw_counters/packet_seq_err", // mlx5
			"hw_counters/to_retransmits", "hw_counters/seq_err_naks_rcvd", // Broadcom
			"hw_counters/retrans_pkts"), // EFA
		ECNMarked:   at.sum("hw_counters/np_ecn_marked_roce_packets"),
		CNPsHandled: at.sum("hw_counters/rp_cnp_handled"),
	})
}

// sum adds those of the counters that there are: each driver names them in its way.
func (f folder) sum(names ...string) answer.Of[uint64] {
	total, found := uint64(0), false
	for _, name := range names {
		n, err := parsed(f.file(name), count)
		switch {
		case err == nil:
			total, found = total+n, true
		case len(names) == 1 || !errors.Is(err, errors.ErrUnsupported):
			return answer.From(uint64(0), err)
		}
	}
	if !found {
		return answer.None[uint64]("no " + strings.Join(names, ", no "))
	}
	return answer.Is(total)
}
