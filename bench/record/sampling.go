package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/commbench/commbench/bench/unit"
)

// Sampling is what a host did beside the run, looked at every IntervalMS from the first
// iteration to the last. Figures of GPUs are of all GPUs of the host, whoever used them.
type Sampling struct {
	Process    int     `json:"process"` // that looked: the first on its host
	IntervalMS float64 `json:"interval_ms"`
	Seconds    float64 `json:"seconds"` // from the first look to the last
	Looks      int     `json:"looks"`
	Late       int     `json:"late"` // looks that came more than an interval late
	// CPUShare is the CPU time of the thread that looked over Seconds: its cost, of one core.
	CPUShare *float64 `json:"cpu_share"`

	CPUBusy       *float64 `json:"cpu_busy"`  // share of the time of all CPUs of the host, 0 to 1
	CPUSteal      *float64 `json:"cpu_steal"` // that a hypervisor gave to others
	PowerW        *float64 `json:"power_w"`   // mean, sum over GPUs
	EnergyJ       *float64 `json:"energy_j"`  // by the GPUs' own counters
	SMMHz         *float64 `json:"sm_mhz"`    // mean over looks and GPUs
	MemoryMHz     *float64 `json:"memory_mhz"`
	TemperatureC  *float64 `json:"temperature_c"` // highest
	ThrottledS    *float64 `json:"throttled_s"`   // GPU-seconds in which clocks were held down
	ThrottledBy   []string `json:"throttled_by"`
	NVLinkTxBytes *float64 `json:"nvlink_tx_bytes"` // sum over GPUs; payload, where they count it apart from headers
	PCIeTxBytes   *float64 `json:"pcie_tx_bytes"`
	NICTxBytes    *float64 `json:"nic_tx_bytes"` // RDMA ports, and interfaces with hardware of their own that no InfiniBand port is
	NICRxBytes    *float64 `json:"nic_rx_bytes"`

	// AtMS and Series are in the first record of a run only.
	AtMS    Values            `json:"at_ms"` // of each look, from the first
	Series  []Series          `json:"series"`
	Missing map[string]string `json:"missing"` // why a series has gaps or is not there, by source and figure

	Others []Sampling `json:"others"` // of the other hosts of the run
}

func (s Sampling) String() string {
	return fmt.Sprintf("process %d: %d looks, %v W, throttled for %v GPU-seconds", s.Process, s.Looks,
		unit.Opt(s.PowerW, unit.Number), unit.Opt(s.ThrottledS, unit.Number))
}

// Series is one figure at each look.
type Series struct {
	Source string `json:"source"` // "gpu0", "mlx5_0/1", "eth0", "host"
	Figure string `json:"figure"` // "power", "tx", ...
	Unit   string `json:"unit"`
	Values Values `json:"values"` // as many as AtMS
}

// Values are numbers of which some are not known (NaN), null in JSON.
type Values []float64

// MarshalJSON implements json.Marshaler.
func (v Values) MarshalJSON() ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	b := []byte{'['}
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case math.IsNaN(x) || math.IsInf(x, 0):
			b = append(b, "null"...)
		case math.Abs(x) < 1e15:
			b = strconv.AppendFloat(b, x, 'f', -1, 64)
		default:
			b = strconv.AppendFloat(b, x, 'g', -1, 64)
		}
	}
	return append(b, ']'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Values) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	var all []*float64
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*v = make(Values, len(all))
	for i, x := range all {
		if (*v)[i] = math.NaN(); x != nil {
			(*v)[i] = *x
		}
	}
	return nil
}
