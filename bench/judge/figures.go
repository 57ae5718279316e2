package judge

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml/answer"
)

// Threads compares n workers, of all processes that may use CPUs of this one, with these CPUs, and with what a
// control group allows.
func Threads(h *host.Host, n int) record.Verdict {
	who := unit.Counted(int64(n), "worker")
	if quota, ok := h.Quota.Get(); ok && float64(n) > math.Ceil(quota) {
		return bad(Workers, "%s, and the control group allows %s CPUs", who, unit.Number(quota))
	}
	if n > h.Cores {
		return bad(Workers, "%s on %s take turns", who, unit.Counted(int64(h.Cores), "CPU"))
	}
	return good(Workers, "%s on %s", who, unit.Counted(int64(h.Cores), "CPU"))
}

// agree is by how much counters may differ from the ledger.
const agree = 0.05

// leastBytes is what must have crossed before counters are compared: below it, what else
// crosses decides.
const leastBytes = 16 << 20

// Bytes compares the NIC's counters with the ledger. Where no hop crossed a network there is
// nothing to compare; why says why the counters could not be read.
func Bytes(c *record.Counted, why string) record.Verdict {
	switch {
	case c == nil && why == "":
		return none(NICBytes, "no hop crossed a network")
	case c == nil:
		return unknown(NICBytes, "%s", why)
	case c.LedgerBytes < leastBytes:
		return none(NICBytes, "the ledger has %v over %s: too few to compare", unit.Bytes(c.LedgerBytes), c.Interface)
	}
	text := fmt.Sprintf("%s counted %v, the ledger has %v (%v with signals and headers)",
		c.Interface, unit.Bytes(c.Bytes), unit.Bytes(c.LedgerBytes), unit.Bytes(c.MostBytes))
	if float64(c.Bytes) < float64(c.LedgerBytes)*(1-agree) || float64(c.Bytes) > float64(c.MostBytes)*(1+agree) {
		return bad(NICBytes, "%s", text)
	}
	return good(NICBytes, "%s", text)
}

// Rate compares what left a host over an interface, or came to it, in GB/s one way, with the line rate of that. Where no
// hop left the host gbps is 0.
func Rate(name string, gbps float64, line answer.Of[float64]) record.Verdict {
	limit, ok := line.Get()
	switch {
	case gbps == 0:
		return none(LineRate, "nothing left the host")
	case !ok && isNone(line.Err()):
		return none(LineRate, "%s has no line rate: %v", name, line.Err())
	case !ok:
		return unknown(LineRate, "%s: %v", name, line.Err())
	case gbps > limit:
		return bad(LineRate, "%s GB/s crossed %s, which carries at most %s", unit.Number(gbps), name, unit.Number(limit))
	}
	return good(LineRate, "%s GB/s crossed %s, of %s", unit.Number(gbps), name, unit.Number(limit))
}

// noisy is the spread above which a machine is called so: five times what a quiet one has, see
// docs/verdicts.md.
const noisy = 0.2

// Spread judges how much iterations differ. steal is the share of CPU time that a
// hypervisor gave to others, if that was looked at.
func Spread(us []float64, steal *float64) record.Verdict {
	if len(us) < 4 {
		return unknown(Noise, "%s: 4 are needed", unit.Counted(int64(len(us)), "iteration"))
	}
	spread, err := stats.Spread(us)
	if err != nil {
		return unknown(Noise, "%v", err)
	}
	text := fmt.Sprintf("the middle half of the iterations is %.0f %% of the median apart", 100*spread)
	if steal != nil && *steal >= 0.01 {
		text += fmt.Sprintf("; a hypervisor took %.0f %% of the CPUs' time for others", 100**steal)
	}
	if spread > noisy {
		return bad(Noise, "%s", text)
	}
	return good(Noise, "%s", text)
}
