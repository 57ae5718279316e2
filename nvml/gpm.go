//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"
	"math"
	"time"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

// gpmPeriod is how far two samples must be apart: the driver renews them every 100 ms, and on Hopper means over less are not
// valid (nvml.h). Who samples every 100 ms has one at every second reading.
const gpmPeriod = 105 * time.Millisecond

// gpm are the two samples of a device: nil until it is known that it has any.
type gpm struct {
	last, spare gonvml.GpmSample
	at          time.Time // of last; zero before the first
	why         error     // why there will be none
}

// means takes a sample and compares it with the last one.
func (d *device) means() answer.Of[GPM] {
	g := &d.gpm
	if err := d.samples(); err != nil {
		return answer.From(GPM{}, err)
	}
	now, first := d.lib.now(), g.at.IsZero()
	if since := now.Sub(g.at); !first && since < gpmPeriod {
		return answer.From(GPM{}, fmt.Errorf("%w: %v since the last reading, and a mean needs %v: the next counts from the last",
			ErrEarly, since.Round(time.Millisecond), gpmPeriod))
	}
	taken := ask(d, "nvmlGpmSampleGet", func(dev gonvml.Device) (struct{}, gonvml.Return) {
		return struct{}{}, dev.GpmSampleGet(g.spare)
	})
	if err := taken.Err(); err != nil {
		return answer.From(GPM{}, err)
	}
	since := now.Sub(g.at)
	g.last, g.spare, g.at = g.spare, g.last, now
	if first {
		return answer.From(GPM{}, fmt.Errorf("%w: the first reading, and a mean needs two", ErrEarly))
	}
	return d.compare(g.spare, g.last, since)
}

// samples makes the two, once. An error that may pass is not kept.
func (d *device) samples() (err error) {
	g := &d.gpm
	if g.why != nil || g.last != nil {
		return g.why
	}
	defer func() {
		if errors.Is(err, errors.ErrUnsupported) {
			g.why = err
		}
	}()
	support := ask(d, "nvmlGpmQueryDeviceSupport", gonvml.Device.GpmQueryDeviceSupport)
	switch s, ok := support.Get(); {
	case !ok:
		return support.Err()
	case s.IsSupportedDevice == 0:
		return answer.None[GPM]("a GPU without GPM: Hopper is the first that has it").Err()
	}
	for _, symbol := range []string{"nvmlGpmSampleAlloc", "nvmlGpmSampleFree", "nvmlGpmSampleGet", "nvmlGpmMetricsGet"} {
		if !d.lib.has(symbol) {
			return answer.None[GPM]("this driver has no " + symbol).Err()
		}
	}
	var both [2]gonvml.GpmSample
	for i := range both {
		sample := of(d.lib, "nvmlGpmSampleAlloc", d.lib.nvml.GpmSampleAlloc)
		if sample.Err() != nil {
			if i > 0 {
				both[0].Free()
			}
			return sample.Err()
		}
		both[i] = sample.Or(nil)
	}
	g.last, g.spare = both[0], both[1]
	return nil
}

func (d *device) compare(older, newer gonvml.GpmSample, apart time.Duration) answer.Of[GPM] {
	want := []gonvml.GpmMetricId{
		gonvml.GPM_METRIC_SM_UTIL, gonvml.GPM_METRIC_SM_OCCUPANCY, gonvml.GPM_METRIC_DRAM_BW_UTIL,
		gonvml.GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC, gonvml.GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC,
		gonvml.GPM_METRIC_PCIE_TX_PER_SEC, gonvml.GPM_METRIC_PCIE_RX_PER_SEC,
	}
	get := &gonvml.GpmMetricsGetType{Sample1: older, Sample2: newer, NumMetrics: uint32(len(want))}
	for i, id := range want {
		get.Metrics[i].MetricId = uint32(id)
	}
	got := ask(d, "nvmlGpmMetricsGet", func(gonvml.Device) (struct{}, gonvml.Return) {
		return struct{}{}, d.lib.nvml.GpmMetricsGet(get)
	})
	return answer.Map(got, func(struct{}) GPM {
		m := func(i int, scale float64) answer.Of[float64] { return metric(get.Metrics[i], scale) }
		const mib = 1 << 20
		return GPM{
			Seconds: apart.Seconds(),
			SMPct:   m(0, 1), OccupancyPct: m(1, 1), DRAMPct: m(2, 1),
			NVLinkTxBps: m(3, mib), NVLinkRxBps: m(4, mib), PCIeTxBps: m(5, mib), PCIeRxBps: m(6, mib),
		}
	})
}

func metric(m gonvml.GpmMetric, scale float64) answer.Of[float64] {
	name := fmt.Sprintf("nvmlGpmMetricsGet, metric %d", m.MetricId)
	if ret := gonvml.Return(m.NvmlReturn); ret != gonvml.SUCCESS {
		return said(name, 0.0, ret)
	}
	if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		return answer.Unknown[float64](fmt.Sprintf("%s: %v", name, m.Value))
	}
	return answer.Is(m.Value * scale)
}
